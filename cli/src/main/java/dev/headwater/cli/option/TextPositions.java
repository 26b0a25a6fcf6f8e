package dev.headwater.cli.option;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Positions of a text, written {@code 12,15..20,-1,answer}: numbers from 0, negative ones from the end, ranges with both ends, and the
 * positions before the tokens of an answer.
 *
 * @param name what gave them, for messages
 */
public record TextPositions(String name, String written) {
    private static final Pattern ITEM = Pattern.compile("(-?\\d{1,9})(?:\\.\\.(-?\\d{1,9}))?");
    private static final String ANSWER = "answer";

    /** @throws UsageException if it cannot be read */
    public TextPositions {
        for (String item : items(written)) {
            if (!item.equals(ANSWER) && !ITEM.matcher(item).matches()) {
                throw new UsageException(
                        name + " is '" + Text.cut(written, 30)
                                + "'; write positions as 12,15..20, from the end as -3..-1, or answer for those of the answer's tokens");
            }
        }
    }

    private static List<String> items(String written) {
        List<String> items = new ArrayList<>();
        for (String item : written.split(",", -1)) {
            items.add(item.strip());
        }
        return items;
    }

    /**
     * The positions, ascending.
     *
     * @param prompt tokens before the answer
     * @param tokens in all
     * @throws UsageException if one is outside the text, or there is no answer
     */
    public List<Integer> in(int prompt, int tokens) {
        TreeSet<Integer> positions = new TreeSet<>();
        for (String item : items(written)) {
            int first = prompt - 1;
            int last = tokens - 2;
            Matcher range = ITEM.matcher(item);
            if (range.matches()) {
                first = position(range.group(1), tokens);
                last = range.group(2) == null ? first : position(range.group(2), tokens);
                if (last < first) {
                    throw new UsageException(name + " has the range " + item + ", whose end comes before its start");
                }
            } else if (prompt == tokens) {
                throw new UsageException(
                        name
                                + " asks for the answer, and there is none; give it with --answer, or have the model write it with --continue");
            }
            for (int position = first; position <= last; position++) {
                positions.add(position);
            }
        }
        return List.copyOf(positions);
    }

    private int position(String number, int tokens) {
        int given = Integer.parseInt(number);
        int position = given < 0 ? given + tokens : given;
        if (position < 0 || position >= tokens) {
            throw new UsageException(name + " has position " + given + ", but the text has " + tokens + " tokens: 0 to "
                    + (tokens - 1) + ", or -1 to -" + tokens + " from the end");
        }
        return position;
    }
}
