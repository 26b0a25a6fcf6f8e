package dev.headwater.engine.files;

/** A piece of a hostile file made fit for an error message: short, on one line, without what could steer a terminal. */
public final class ErrorText {
    private static final int MAX_LENGTH = 120;

    private ErrorText() {}

    /** {@return a foreign text as it may stand in a message: cut, and without control characters} */
    public static String of(String text) {
        String start = text.length() > MAX_LENGTH ? text.substring(0, MAX_LENGTH) + "…" : text;
        return start.codePoints()
                .map(c -> isPlain(c) ? c : '?')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    /** Neither a control or formatting character nor half of one. */
    public static boolean isPlain(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE -> false;
            default -> true;
        };
    }
}
