package dev.headwater.engine.jinja;

/** The text so far. All outputs of one rendering draw on the same budget. */
final class Output {
    private final StringBuilder text = new StringBuilder();
    private final Budget budget;

    Output(Budget budget) {
        this.budget = budget;
    }

    void write(String part) {
        budget.spend(part.length());
        text.append(part);
    }

    /** The whole text, which is copied. */
    String text() {
        budget.spend(text.length());
        return text.toString();
    }
}
