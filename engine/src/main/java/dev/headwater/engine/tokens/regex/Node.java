package dev.headwater.engine.tokens.regex;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A parsed pattern. */
sealed interface Node {
    /** No length; also the most that {@link #longest()} says for unbounded ones. */
    int UNBOUNDED = Integer.MAX_VALUE;

    /** One code point of a class. */
    record One(CharClass of) implements Node {}

    /** One after the other; none matches the empty text. */
    record Sequence(List<Node> parts) implements Node {}

    /** The first that leads to a match. */
    record Choice(List<Node> parts) implements Node {}

    /** @param most {@link #UNBOUNDED} for no limit */
    record Repeat(Node part, int least, int most, Mode mode) implements Node {}

    enum Mode {
        GREEDY,
        LAZY,
        POSSESSIVE
    }

    /** Matches as its part does at first, without going back into it. */
    record Atomic(Node part) implements Node {}

    record Look(Node part, boolean ahead, boolean negated) implements Node {}

    enum Anchor implements Node {
        LINE_START,
        LINE_END,
        TEXT_START,
        TEXT_END,
        TEXT_END_OR_LAST_NEWLINE,
        WORD_EDGE,
        NO_WORD_EDGE
    }

    Node NOTHING = new Sequence(List.of());

    /** Fewest code points of a match. */
    default int shortest() {
        return switch (this) {
            case One one -> 1;
            case Sequence sequence ->
                sequence.parts.stream().mapToInt(Node::shortest).reduce(0, Node::sum);
            case Choice choice ->
                choice.parts.stream().mapToInt(Node::shortest).min().orElse(0);
            case Repeat repeat -> times(repeat.part.shortest(), repeat.least);
            case Atomic atomic -> atomic.part.shortest();
            case Look look -> 0;
            case Anchor anchor -> 0;
        };
    }

    /** Most code points of a match, or {@link #UNBOUNDED}. */
    default int longest() {
        return switch (this) {
            case One one -> 1;
            case Sequence sequence ->
                sequence.parts.stream().mapToInt(Node::longest).reduce(0, Node::sum);
            case Choice choice ->
                choice.parts.stream().mapToInt(Node::longest).max().orElse(0);
            case Repeat repeat -> times(repeat.part.longest(), repeat.most);
            case Atomic atomic -> atomic.part.longest();
            case Look look -> 0;
            case Anchor anchor -> 0;
        };
    }

    /** The code points that a match can begin with; null if that says nothing, since it may be empty or begin with a look around. */
    default @Nullable CharClass first() {
        return switch (this) {
            case One one -> one.of;
            case Sequence sequence -> first(sequence);
            case Choice choice -> {
                CharClass all = null;
                for (Node part : choice.parts) {
                    CharClass first = part.first();
                    if (first == null) {
                        yield null;
                    }
                    all = all == null ? first : all.or(first);
                }
                yield all;
            }
            case Repeat repeat -> repeat.least == 0 ? null : repeat.part.first();
            case Atomic atomic -> atomic.part.first();
            case Look look -> null;
            case Anchor anchor -> null;
        };
    }

    /** Whether it holds nothing but characters, sequences, choices and ordinary repetitions. */
    default boolean isPlain() {
        return switch (this) {
            case One one -> true;
            case Sequence sequence -> sequence.parts.stream().allMatch(Node::isPlain);
            case Choice choice -> choice.parts.stream().allMatch(Node::isPlain);
            case Repeat repeat -> repeat.mode != Mode.POSSESSIVE && repeat.part.isPlain();
            case Atomic atomic -> false;
            case Look look -> false;
            case Anchor anchor -> true;
        };
    }

    private static @Nullable CharClass first(Sequence sequence) {
        CharClass optional = null;
        for (Node part : sequence.parts) {
            boolean skippable = part instanceof Repeat repeat && repeat.least == 0;
            CharClass first = skippable ? ((Repeat) part).part.first() : part.first();
            if (first == null) {
                return null;
            }
            optional = optional == null ? first : optional.or(first);
            if (!skippable) {
                return optional;
            }
        }
        return null;
    }

    private static int sum(int a, int b) {
        return a == UNBOUNDED || b == UNBOUNDED ? UNBOUNDED : (int) Math.min((long) a + b, UNBOUNDED);
    }

    private static int times(int a, int b) {
        return a == 0 || b == 0
                ? 0
                : a == UNBOUNDED || b == UNBOUNDED ? UNBOUNDED : (int) Math.min((long) a * b, UNBOUNDED);
    }
}
