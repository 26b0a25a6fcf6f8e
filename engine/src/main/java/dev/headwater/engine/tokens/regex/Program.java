package dev.headwater.engine.tokens.regex;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A pattern as instructions for {@link Matcher}. Immutable. */
final class Program {
    static final int LONGEST_BEHIND = 64;
    private static final int MOST_CODE = 200_000;

    /** One code point of class [1]. */
    static final int ONE = 0;
    /** A run of class [1], at least [2], at most [3], mode [4]. */
    static final int RUN = 1;
    /** Go on behind; if that fails, at [1]. */
    static final int SPLIT = 2;
    /** Go on at [1]; if that fails, behind. */
    static final int SPLIT_FAR = 3;
    /** As {@link #SPLIT}, but at [1] at once if the next code point is not of class [2]. */
    static final int SPLIT_IF = 4;

    static final int JUMP = 5;
    /** Begin of a part that is not gone back into. */
    static final int MARK = 6;
    /** Forget what could be tried since the mark. */
    static final int CUT = 7;
    /** As {@link #CUT}, and go back to the mark's place. */
    static final int CUT_BACK = 8;
    /** Begin of a part whose failure goes on at [1], at the same place. */
    static final int MARK_NOT = 9;
    /** The part since {@link #MARK_NOT} has matched: fail before it. */
    static final int FAIL_NOT = 10;
    /** [1] code points to the left. */
    static final int BACK = 11;
    /** Fails if this is not the mark's place. */
    static final int AT_MARK = 12;
    /** Remember the place in register [1]. */
    static final int REMEMBER = 13;
    /** If the place is that of register [1], go on at [2]. */
    static final int LEAVE_IF_STILL = 14;
    /** The anchor with ordinal [1]. */
    static final int PLACE = 15;

    static final int MATCH = 16;

    final int[] code;
    final CharClass[] classes;
    final int registers;
    /** What a match can begin with; null if anything. */
    final @Nullable CharClass first;

    private Program(int[] code, CharClass[] classes, int registers, @Nullable CharClass first) {
        this.code = code;
        this.classes = classes;
        this.registers = registers;
        this.first = first;
    }

    static Program of(Node pattern) {
        Writer writer = new Writer();
        writer.write(pattern);
        writer.emit(MATCH);
        return new Program(
                Arrays.copyOf(writer.code, writer.length),
                writer.classes.toArray(CharClass[]::new),
                writer.registers,
                pattern.first());
    }

    private static final class Writer {
        private int[] code = new int[256];
        private int length;
        private final List<CharClass> classes = new ArrayList<>();
        private int registers;

        private int emit(int... words) {
            if (length + words.length > MOST_CODE) {
                throw new RefusedException("a pattern has too many repetitions of large parts");
            }
            if (length + words.length > code.length) {
                code = Arrays.copyOf(code, Math.max(2 * code.length, length + words.length));
            }
            System.arraycopy(words, 0, code, length, words.length);
            length += words.length;
            return length - words.length;
        }

        private int index(CharClass of) {
            classes.add(of);
            return classes.size() - 1;
        }

        private void write(Node node) {
            switch (node) {
                case Node.One one -> emit(ONE, index(one.of()));
                case Node.Sequence sequence -> sequence.parts().forEach(this::write);
                case Node.Choice choice -> write(choice.parts());
                case Node.Repeat repeat -> write(repeat);
                case Node.Atomic atomic -> {
                    emit(MARK);
                    write(atomic.part());
                    emit(CUT);
                }
                case Node.Look look -> write(look);
                case Node.Anchor anchor -> emit(PLACE, anchor.ordinal());
            }
        }

        private void write(List<Node> choice) {
            List<Integer> ends = new ArrayList<>();
            for (Node part : choice.subList(0, choice.size() - 1)) {
                CharClass first = part.first();
                int split = first == null ? emit(SPLIT, 0) : emit(SPLIT_IF, 0, index(first));
                write(part);
                ends.add(emit(JUMP, 0));
                code[split + 1] = length;
            }
            write(choice.getLast());
            ends.forEach(jump -> code[jump + 1] = length);
        }

        private void write(Node.Repeat repeat) {
            if (repeat.part() instanceof Node.One one) {
                emit(
                        RUN,
                        index(one.of()),
                        repeat.least(),
                        repeat.most(),
                        repeat.mode().ordinal());
                return;
            }
            if (repeat.mode() == Node.Mode.POSSESSIVE) {
                write(new Node.Atomic(new Node.Repeat(repeat.part(), repeat.least(), repeat.most(), Node.Mode.GREEDY)));
                return;
            }
            for (int i = 0; i < repeat.least(); i++) {
                write(repeat.part());
            }
            int split = repeat.mode() == Node.Mode.LAZY ? SPLIT_FAR : SPLIT;
            boolean canBeEmpty = repeat.part().shortest() == 0;
            if (repeat.most() == Node.UNBOUNDED) {
                int start = emit(split, 0);
                int register = registers;
                if (canBeEmpty) {
                    registers++;
                    emit(REMEMBER, register);
                }
                write(repeat.part());
                int still = canBeEmpty ? emit(LEAVE_IF_STILL, register, 0) : -1;
                emit(JUMP, start);
                code[start + 1] = length;
                if (canBeEmpty) {
                    code[still + 2] = length;
                }
                return;
            }
            List<Integer> splits = new ArrayList<>();
            for (int i = repeat.least(); i < repeat.most(); i++) {
                splits.add(emit(split, 0));
                write(repeat.part());
            }
            splits.forEach(at -> code[at + 1] = length);
        }

        private void write(Node.Look look) {
            int mark = look.negated() ? emit(MARK_NOT, 0) : emit(MARK);
            if (look.ahead()) {
                write(look.part());
            } else {
                writeBehind(look.part());
            }
            emit(look.negated() ? FAIL_NOT : CUT_BACK);
            if (look.negated()) {
                code[mark + 1] = length;
            }
        }

        /** One try for each length that the part can have, which must end where the look behind stands. */
        private void writeBehind(Node part) {
            List<Integer> ends = new ArrayList<>();
            for (int size = part.shortest(); size <= part.longest(); size++) {
                int split = size < part.longest() ? emit(SPLIT, 0) : -1;
                emit(BACK, size);
                write(part);
                emit(AT_MARK);
                if (split >= 0) {
                    ends.add(emit(JUMP, 0));
                    code[split + 1] = length;
                }
            }
            ends.forEach(jump -> code[jump + 1] = length);
        }
    }
}
