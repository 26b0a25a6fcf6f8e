package dev.headwater.cli.command;

import java.util.ArrayList;
import java.util.List;

/**
 * Which lines of a batch go together. The same lines always do, whichever are due: so what is resumed ends with the same bytes,
 * rounding included.
 *
 * @param <T> a line, with whatever the caller needs of it
 */
final class BatchGroups<T> {
    /**
     * Tokens of prompts that go together: what a pass keeps of them grows with their number, and long prompts gain
     * little.
     */
    private static final int MOST_TOKENS = 1024;

    private final int together;
    private List<T> group = new ArrayList<>();
    private int tokens;

    /** @param together most lines of a group */
    BatchGroups(int together) {
        this.together = together;
    }

    /**
     * Takes the next line, in the order of the file.
     *
     * @param length of its prompt, in tokens
     * @return the group that is full without it; empty while there is none
     */
    List<T> add(T line, int length) {
        List<T> full = List.of();
        if (group.size() == together || !group.isEmpty() && tokens + length > MOST_TOKENS) {
            full = rest();
        }
        group.add(line);
        tokens += length;
        return full;
    }

    /** The last group, which may be empty. */
    List<T> rest() {
        List<T> full = group;
        group = new ArrayList<>();
        tokens = 0;
        return full;
    }
}
