package dev.headwater.engine.naming;

import dev.headwater.engine.files.ErrorText;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is taken from a language model's answer, which may say anything: a name, or zeros and ones. */
final class Answers {
    /** Code points of a name. */
    static final int LONGEST = 60;

    /** A name that is longer is no name, and is not cut to one. */
    private static final int TOO_LONG = 200;

    private static final int LONGEST_LINE = 1000;

    private static final Pattern MARK = Pattern.compile("(?i)\\**name\\**\\s*:\\**\\s*");
    private static final Pattern VERDICTS = Pattern.compile("\\[\\s*[01](?:\\s*,\\s*[01])*+\\s*]");

    private Answers() {}

    /**
     * The name in an answer.
     *
     * @throws UnansweredException if there is none
     */
    static String name(String answer) {
        List<String> lines = spoken(answer)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .map(line -> line.length() > LONGEST_LINE ? line.substring(0, LONGEST_LINE) : line)
                .toList();
        String line = lines.stream()
                .filter(some -> MARK.matcher(some).lookingAt())
                .reduce((_, last) -> last)
                .orElseGet(() -> lines.size() == 1 ? lines.getFirst() : "");
        String name = plain(MARK.matcher(line).replaceFirst(""));
        if (name.codePoints().noneMatch(Character::isLetterOrDigit)
                || name.codePointCount(0, name.length()) > TOO_LONG) {
            throw new UnansweredException("The language model answers with something else than a name");
        }
        return name.codePointCount(0, name.length()) <= LONGEST
                ? name
                : name.substring(0, name.offsetByCodePoints(0, LONGEST)).strip();
    }

    /** On one line, without control and formatting characters, arrows (which labels from evidence have), and quotes around it. */
    private static String plain(String text) {
        StringBuilder plain = new StringBuilder();
        text.codePoints().forEach(c -> plain.appendCodePoint(!ErrorText.isPlain(c) || c == '→' ? ' ' : c));
        return plain.toString()
                .replaceAll("\\s+", " ")
                .strip()
                .replaceAll("^[\"'`*_“”‘’«»]+|[\"'`*_“”‘’«».]+$", "")
                .strip();
    }

    /**
     * As many verdicts as were asked for: the last list of zeros and ones.
     *
     * @throws UnansweredException if there is none of this length
     */
    static boolean[] verdicts(String answer, int count) {
        Matcher found = VERDICTS.matcher(spoken(answer));
        String last = "";
        while (found.find()) {
            last = found.group();
        }
        String digits = last.replaceAll("[^01]", "");
        if (digits.length() != count) {
            throw new UnansweredException(
                    "The language model answers with something else than %d zeros and ones".formatted(count));
        }
        boolean[] verdicts = new boolean[count];
        for (int i = 0; i < count; i++) {
            verdicts[i] = digits.charAt(i) == '1';
        }
        return verdicts;
    }

    /** Without what the model thought before. */
    private static String spoken(String answer) {
        int thought = answer.lastIndexOf("</think>");
        return thought < 0 ? answer : answer.substring(thought + "</think>".length());
    }
}
