package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import org.jspecify.annotations.Nullable;

/** Token positions that an edit is meant for. Negative numbers count from the end of the prompt, as in Python. */
public sealed interface Positions {
    /** Every position of the prompt and every generated one. */
    Positions ALL = new Range(0, null);

    /** One position. */
    record At(int position) implements Positions {
        @Override
        public String toString() {
            return Integer.toString(position);
        }
    }

    /**
     * Positions {@code from} to {@code to - 1}.
     *
     * @param to null for an open end: tokens generated after the prompt are meant too
     */
    record Range(int from, @Nullable Integer to) implements Positions {
        @Override
        public String toString() {
            return from + ":" + (to == null ? "" : to);
        }
    }

    /**
     * Reads {@code 3}, {@code -1}, {@code 2:5}, {@code 2:} (open-ended), {@code :5}, {@code :} or {@code *} (all).
     *
     * @throws UsageException if the text is none of these
     */
    static Positions parse(String text) {
        try {
            if (text.equals("*")) {
                return ALL;
            }
            int colon = text.indexOf(':');
            if (colon < 0) {
                return new At(Integer.parseInt(text));
            }
            String from = text.substring(0, colon);
            String to = text.substring(colon + 1);
            return new Range(from.isEmpty() ? 0 : Integer.parseInt(from), to.isEmpty() ? null : Integer.valueOf(to));
        } catch (NumberFormatException e) {
            throw new UsageException("'" + ErrorText.of(text)
                    + "' is not a position; write a number (negative from the end), a:b, a: or *");
        }
    }

    /** {@return whether generated tokens are meant too} */
    default boolean openEnded() {
        return this instanceof Range range && range.to == null;
    }

    /** The first position meant, of a prompt of so many. */
    default int first(int positions) {
        return switch (this) {
            case At at -> fromStart(at.position, positions);
            case Range range -> fromStart(range.from, positions);
        };
    }

    /** The position after the last one meant. */
    default int end(int positions) {
        return switch (this) {
            case At at -> fromStart(at.position, positions) + 1;
            case Range range -> range.to == null ? positions : fromStart(range.to, positions);
        };
    }

    private static int fromStart(int position, int positions) {
        return position < 0 ? position + positions : position;
    }
}
