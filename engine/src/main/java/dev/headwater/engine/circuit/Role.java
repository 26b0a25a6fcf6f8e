package dev.headwater.engine.circuit;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Comparator;

/**
 * Where a node stands relative to its prompt, so that nodes of prompts of different lengths can be the same.
 *
 * @param offset from the anchor: from 0 on behind the start, from 0 down before the others
 */
public record Role(Anchor anchor, int offset) implements Comparable<Role> {
    /** What a role is counted from, in the order of a prompt. */
    public enum Anchor {
        /** The first token. */
        START,
        /** The last token of the stretch that differs from prompt to prompt. */
        SUBJECT,
        /** The prompt's last token. */
        FINAL
    }

    private static final Comparator<Role> ORDER =
            Comparator.comparing(Role::anchor).thenComparingInt(Role::offset);

    /** The last token's. */
    static final Role LAST = new Role(Anchor.FINAL, 0);

    public Role {
        if (anchor == Anchor.START ? offset < 0 : offset > 0) {
            throw new IllegalArgumentException("no role is at " + anchor + " " + offset);
        }
    }

    @Override
    public int compareTo(Role other) {
        return ORDER.compare(this, other);
    }

    /** {@code start+4}, {@code subject}, {@code subject-1}, {@code final}, {@code final-2}. */
    @JsonValue
    @Override
    public String toString() {
        return switch (anchor) {
            case START -> "start+" + offset;
            case SUBJECT -> "subject" + (offset == 0 ? "" : offset);
            case FINAL -> "final" + (offset == 0 ? "" : offset);
        };
    }
}
