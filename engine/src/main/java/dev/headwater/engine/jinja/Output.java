package dev.headwater.engine.jinja;

/** The text so far. All outputs of one rendering draw on the same allowance. */
final class Output {
    private final StringBuilder text = new StringBuilder();
    private final Scope scope;

    Output(Scope scope) {
        this.scope = scope;
    }

    void write(String part) {
        scope.spend(part.length());
        text.append(part);
    }

    Scope scope() {
        return scope;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
