package dev.headwater.engine.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with the whitespace rules that chat templates are written for: a newline after a block tag is
 * dropped (trim_blocks), blanks before a block tag that starts its line are dropped (lstrip_blocks), {@code -} strips all
 * whitespace on its side, {@code +} keeps it, and one newline at the template's end is dropped.
 */
final class Lexer {
    enum Kind {
        TEXT,
        PRINT,
        BLOCK,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        CLOSE,
        END
    }

    /**
     * A token. {@code PRINT} and {@code BLOCK} open an expression and a statement, {@code CLOSE} ends either.
     *
     * @param text the text, the name, the operator, or the unescaped string
     * @param line from 1
     */
    record Token(Kind kind, String text, int line) {
        boolean is(Kind kind, String text) {
            return this.kind == kind && this.text.equals(text);
        }
    }

    private static final Pattern RAW = Pattern.compile("\\{%[-+]?\\s*raw\\s*(-?)%}");
    private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}");
    private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_]*");
    private static final Pattern NUMBER = Pattern.compile("\\d[\\d_]*(\\.\\d[\\d_]*)?([eE][+-]?\\d+)?");
    private static final List<String> OPERATORS = List.of(
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",", ":", "(",
            ")", "[", "]", "{", "}");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private int counted;
    /** Whether {@code at} is the start of a line, also when the newline before it was dropped. */
    private boolean lineStart = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        return new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source).run();
    }

    private List<Token> run() {
        while (at < source.length()) {
            int tag = nextTag();
            if (tag < 0) {
                text(source.substring(at));
                at = source.length();
                break;
            }
            char type = source.charAt(tag + 1);
            char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            text(before(tag, type, sign));
            Matcher raw = RAW.matcher(source).region(tag, source.length());
            if (raw.lookingAt()) {
                rawBlock(raw);
            } else if (type == '#') {
                comment(tag);
            } else {
                at = tag + (sign == '-' || sign == '+' ? 3 : 2);
                add(type == '{' ? Kind.PRINT : Kind.BLOCK, "");
                expression(type == '{' ? "}}" : "%}");
            }
        }
        add(Kind.END, "");
        return tokens;
    }

    private int nextTag() {
        for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    /** The text up to a tag, less what the tag strips. */
    private String before(int tag, char type, char sign) {
        String text = source.substring(at, tag);
        if (sign == '-') {
            return stripped(text, false, true);
        }
        int start = text.lastIndexOf('\n') + 1;
        boolean startsLine = start > 0 || lineStart;
        return type != '{'
                        && sign != '+'
                        && startsLine
                        && stripped(text.substring(start), true, false).isEmpty()
                ? text.substring(0, start)
                : text;
    }

    private static String stripped(String text, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && Strings.isSpace(text.charAt(from))) {
            from++;
        }
        while (right && to > from && Strings.isSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    private void rawBlock(Matcher begin) {
        Matcher end = END_RAW.matcher(source);
        if (!end.find(begin.end())) {
            throw error("raw block without endraw");
        }
        String body = source.substring(begin.end(), end.start());
        body = begin.group(1).isEmpty() ? body : stripped(body, true, false);
        text(end.group(1).equals("-") ? stripped(body, false, true) : body);
        close(end.end(), end.group(2), true);
    }

    private void comment(int tag) {
        int end = source.indexOf("#}", tag + 2);
        if (end < 0) {
            throw error("comment without its end");
        }
        close(end + 2, source.substring(end - 1, end), true);
    }

    /** Goes on after a tag that ends at {@code end}, dropping what it strips. */
    private void close(int end, String sign, boolean trimsNewline) {
        at = end;
        if (sign.equals("-")) {
            while (at < source.length() && Strings.isSpace(source.charAt(at))) {
                at++;
            }
        } else if (trimsNewline && !sign.equals("+") && source.startsWith("\n", at)) {
            at++;
        }
        lineStart = source.charAt(at - 1) == '\n';
    }

    private void expression(String end) {
        Deque<String> open = new ArrayDeque<>();
        while (true) {
            while (at < source.length() && Strings.isSpace(source.charAt(at))) {
                at++;
            }
            if (at >= source.length()) {
                throw error("tag without its end " + end);
            }
            if (open.isEmpty()) {
                int sign = source.charAt(at) == '-' || source.charAt(at) == '+' ? 1 : 0;
                if (source.startsWith(end, at + sign)) {
                    add(Kind.CLOSE, "");
                    close(at + sign + 2, source.substring(at, at + sign), end.equals("%}"));
                    return;
                }
            }
            token(open);
        }
    }

    private void token(Deque<String> open) {
        char c = source.charAt(at);
        Matcher name = NAME.matcher(source).region(at, source.length());
        Matcher number = NUMBER.matcher(source).region(at, source.length());
        if (c == '"' || c == '\'') {
            string(c);
        } else if (name.lookingAt()) {
            add(Kind.NAME, name.group());
            at = name.end();
        } else if (number.lookingAt()) {
            boolean whole = number.group(1) == null && number.group(2) == null;
            add(whole ? Kind.INTEGER : Kind.FLOAT, number.group().replace("_", ""));
            at = number.end();
        } else {
            String operator = OPERATORS.stream()
                    .filter(candidate -> source.startsWith(candidate, at))
                    .findFirst()
                    .orElseThrow(() -> error("unexpected character '" + c + "'"));
            if ("([{".contains(operator)) {
                open.push(operator);
            } else if (")]}".contains(operator)
                    && (open.isEmpty() || "([{".indexOf(open.pop()) != ")]}".indexOf(operator))) {
                throw error("unexpected '" + operator + "'");
            }
            add(Kind.OPERATOR, operator);
            at += operator.length();
        }
    }

    private void string(char quote) {
        StringBuilder text = new StringBuilder();
        int i = at + 1;
        for (; i < source.length() && source.charAt(i) != quote; i++) {
            char c = source.charAt(i);
            if (c != '\\' || i + 1 >= source.length()) {
                text.append(c);
                continue;
            }
            char escaped = source.charAt(++i);
            switch (escaped) {
                case 'n' -> text.append('\n');
                case 't' -> text.append('\t');
                case 'r' -> text.append('\r');
                case 'b' -> text.append('\b');
                case 'f' -> text.append('\f');
                case 'a' -> text.append('\u0007');
                case 'v' -> text.append('\u000b');
                case '\n' -> {}
                case '\\', '\'', '"' -> text.append(escaped);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                    int end = i + 1;
                    while (end < i + 3
                            && end < source.length()
                            && source.charAt(end) >= '0'
                            && source.charAt(end) <= '7') {
                        end++;
                    }
                    text.append((char) Integer.parseInt(source.substring(i, end), 8));
                    i = end - 1;
                }
                case 'N' -> throw error("characters by their names (\\N) are not supported");
                case 'x', 'u', 'U' -> i = codePoint(i, escaped == 'x' ? 2 : escaped == 'u' ? 4 : 8, text);
                default -> text.append('\\').append(escaped);
            }
        }
        if (i >= source.length()) {
            throw error("string without its end");
        }
        add(Kind.STRING, text.toString());
        at = i + 1;
    }

    /** Reads a code point's hex digits after the letter at {@code i}; gives the last digit's index. */
    private int codePoint(int i, int digits, StringBuilder text) {
        try {
            text.appendCodePoint(Integer.parseInt(source.substring(i + 1, i + 1 + digits), 16));
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw error("malformed escape in a string");
        }
        return i + digits;
    }

    private void text(String text) {
        if (!text.isEmpty()) {
            add(Kind.TEXT, text);
        }
    }

    private void add(Kind kind, String text) {
        tokens.add(new Token(kind, text, line()));
    }

    private int line() {
        for (; counted < at; counted++) {
            line += source.charAt(counted) == '\n' ? 1 : 0;
        }
        return line;
    }

    private TemplateException error(String message) {
        return new TemplateException(message, line());
    }
}
