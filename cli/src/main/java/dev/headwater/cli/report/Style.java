package dev.headwater.cli.report;

/**
 * Colours and weights of text, in the terminal's own palette.
 *
 * @param on false leaves text as it is
 */
public record Style(boolean on) {
    public String bold(String text) {
        return paint(text, "1");
    }

    public String dim(String text) {
        return paint(text, "2");
    }

    public String red(String text) {
        return paint(text, "31");
    }

    public String green(String text) {
        return paint(text, "32");
    }

    String blue(String text) {
        return paint(text, "34");
    }

    private String paint(String text, String code) {
        return on && !text.isEmpty() ? "\033[" + code + "m" + text + "\033[0m" : text;
    }
}
