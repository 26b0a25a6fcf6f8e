package dev.headwater.engine.tokens.regex;

import java.util.Arrays;

/**
 * Finds a pattern in one text, trying alternatives in order as Oniguruma does. What is left to try lies on a stack of its own:
 * no text makes Java's stack overflow, and every step is counted.
 */
final class Matcher {
    private static final int FRAME = 4;
    private static final int MOST_STACK = 48 << 20;

    /** Kinds of frames: each is a kind, an instruction, a place in the text and one more number. */
    private static final int ALTERNATIVE = 0;

    private static final int SHORTER_RUN = 1;
    private static final int LONGER_RUN = 2;
    private static final int MARK = 3;
    private static final int MARK_NOT = 4;
    private static final int REGISTER = 5;

    private static final Node.Anchor[] ANCHORS = Node.Anchor.values();
    private static final int LAZY = Node.Mode.LAZY.ordinal();
    private static final int POSSESSIVE = Node.Mode.POSSESSIVE.ordinal();

    private final Program program;
    private final String text;
    private final Steps steps;
    private final int[] registers;
    private int[] stack = new int[64 * FRAME];
    private int height;
    private int end;

    Matcher(Program program, String text, Steps steps) {
        this.program = program;
        this.text = text;
        this.steps = steps;
        this.registers = new int[program.registers];
    }

    /** The first match that begins at or after {@code from}: where it begins, or -1. Its end is {@link #end()}. */
    int find(int from) {
        CharClass first = program.first;
        for (int start = from; start <= text.length(); start++) {
            if (start < text.length()) {
                int c = text.codePointAt(start);
                if ((first == null || first.contains(c)) && matchesAt(start)) {
                    return start;
                }
                start += c > 0xFFFF ? 1 : 0;
            } else if (first == null && matchesAt(start)) {
                return start;
            }
            steps.spend(1);
        }
        return -1;
    }

    int end() {
        return end;
    }

    private void push(int kind, int pc, int at, int extra) {
        if (height + FRAME > stack.length) {
            if (stack.length >= MOST_STACK) {
                throw new RefusedException("a pattern needs too much memory for this text");
            }
            stack = Arrays.copyOf(stack, 2 * stack.length);
        }
        stack[height] = kind;
        stack[height + 1] = pc;
        stack[height + 2] = at;
        stack[height + 3] = extra;
        height += FRAME;
    }

    private boolean matchesAt(int start) {
        int[] code = program.code;
        CharClass[] classes = program.classes;
        height = 0;
        int pc = 0;
        int at = start;
        long count = 0;
        while (true) {
            if (++count == 1 << 12) {
                steps.spend(count);
                count = 0;
            }
            boolean ok = true;
            switch (code[pc]) {
                case Program.ONE -> {
                    int c = at < text.length() ? text.codePointAt(at) : -1;
                    ok = c >= 0 && classes[code[pc + 1]].contains(c);
                    at += c > 0xFFFF ? 2 : 1;
                    pc += 2;
                }
                case Program.RUN -> {
                    at = run(pc, at);
                    ok = at >= 0;
                    pc += 5;
                }
                case Program.SPLIT -> {
                    push(ALTERNATIVE, code[pc + 1], at, 0);
                    pc += 2;
                }
                case Program.SPLIT_FAR -> {
                    push(ALTERNATIVE, pc + 2, at, 0);
                    pc = code[pc + 1];
                }
                case Program.SPLIT_IF -> {
                    if (at < text.length() && classes[code[pc + 2]].contains(text.codePointAt(at))) {
                        push(ALTERNATIVE, code[pc + 1], at, 0);
                        pc += 3;
                    } else {
                        pc = code[pc + 1];
                    }
                }
                case Program.JUMP -> pc = code[pc + 1];
                case Program.MARK -> {
                    push(MARK, pc, at, 0);
                    pc++;
                }
                case Program.MARK_NOT -> {
                    push(MARK_NOT, code[pc + 1], at, 0);
                    pc += 2;
                }
                case Program.CUT -> {
                    cut();
                    pc++;
                }
                case Program.CUT_BACK -> {
                    at = cut();
                    pc++;
                }
                case Program.FAIL_NOT -> {
                    cut();
                    ok = false;
                }
                case Program.BACK -> {
                    at = back(at, code[pc + 1]);
                    ok = at >= 0;
                    pc += 2;
                }
                case Program.AT_MARK -> {
                    ok = at == stack[mark() + 2];
                    pc++;
                }
                case Program.REMEMBER -> {
                    int register = code[pc + 1];
                    push(REGISTER, register, registers[register], 0);
                    registers[register] = at;
                    pc += 2;
                }
                case Program.LEAVE_IF_STILL -> pc = registers[code[pc + 1]] == at ? code[pc + 2] : pc + 3;
                case Program.PLACE -> {
                    ok = isAt(ANCHORS[code[pc + 1]], at);
                    pc += 2;
                }
                case Program.MATCH -> {
                    end = at;
                    steps.spend(count);
                    return true;
                }
                default -> throw new IllegalStateException("instruction " + code[pc]);
            }
            if (!ok) {
                pc = resume();
                if (pc < 0) {
                    steps.spend(count);
                    return false;
                }
                at = end;
            }
        }
    }

    /** Goes on with what was left to try last: its instruction, with its place in {@link #end}; -1 if nothing is left. */
    private int resume() {
        while (height > 0) {
            height -= FRAME;
            int pc = stack[height + 1];
            end = stack[height + 2];
            switch (stack[height]) {
                case ALTERNATIVE, MARK_NOT -> {
                    return pc;
                }
                case SHORTER_RUN -> {
                    int least = stack[height + 3];
                    end -= Character.isLowSurrogate(text.charAt(end - 1))
                                    && end - 1 > least
                                    && Character.isHighSurrogate(text.charAt(end - 2))
                            ? 2
                            : 1;
                    if (end > least) {
                        stack[height + 2] = end;
                        height += FRAME;
                    }
                    return pc;
                }
                case LONGER_RUN -> {
                    int left = stack[height + 3];
                    int c = end < text.length() ? text.codePointAt(end) : -1;
                    if (c >= 0 && program.classes[program.code[pc - 4]].contains(c)) {
                        end += c > 0xFFFF ? 2 : 1;
                        if (left > 1) {
                            stack[height + 2] = end;
                            stack[height + 3] = left == Node.UNBOUNDED ? left : left - 1;
                            height += FRAME;
                        }
                        return pc;
                    }
                }
                case REGISTER -> registers[pc] = end;
                default -> {}
            }
        }
        return -1;
    }

    /** The end of a run from {@code at} on, -1 if it is too short; what else it could be is pushed. */
    private int run(int pc, int at) {
        int[] code = program.code;
        CharClass of = program.classes[code[pc + 1]];
        int least = code[pc + 2];
        int mode = code[pc + 4];
        int most = mode == LAZY ? least : code[pc + 3];
        int place = at;
        int shortest = least == 0 ? at : -1;
        int length = text.length();
        for (int count = 0; count < most && place < length; ) {
            int c = text.charAt(place);
            if (Character.isHighSurrogate((char) c)) {
                c = text.codePointAt(place);
            }
            if (!of.contains(c)) {
                break;
            }
            place += c > 0xFFFF ? 2 : 1;
            if (++count == least) {
                shortest = place;
            }
        }
        steps.spend(place - at >> 3);
        if (shortest < 0) {
            return -1;
        }
        if (mode == LAZY) {
            if (code[pc + 3] > least) {
                push(LONGER_RUN, pc + 5, place, code[pc + 3] == Node.UNBOUNDED ? Node.UNBOUNDED : code[pc + 3] - least);
            }
        } else if (mode != POSSESSIVE && place > shortest) {
            push(SHORTER_RUN, pc + 5, place, shortest);
        }
        return place;
    }

    /** The place of the last mark, which is taken away with all above it, except that registers keep their values. */
    private int cut() {
        int mark = mark();
        int kept = mark;
        for (int i = mark + FRAME; i < height; i += FRAME) {
            if (stack[i] == REGISTER) {
                System.arraycopy(stack, i, stack, kept + FRAME, FRAME);
                kept += FRAME;
            }
        }
        int at = stack[mark + 2];
        System.arraycopy(stack, mark + FRAME, stack, mark, kept - mark);
        height = kept;
        return at;
    }

    private int mark() {
        int frame = height - FRAME;
        while (stack[frame] != MARK && stack[frame] != MARK_NOT) {
            frame -= FRAME;
        }
        return frame;
    }

    private int back(int at, int count) {
        int place = at;
        for (int i = 0; i < count; i++) {
            if (place == 0) {
                return -1;
            }
            place -= text.codePointBefore(place) > 0xFFFF ? 2 : 1;
        }
        return place;
    }

    private boolean isAt(Node.Anchor anchor, int at) {
        int length = text.length();
        return switch (anchor) {
            case TEXT_START -> at == 0;
            case TEXT_END -> at == length;
            case TEXT_END_OR_LAST_NEWLINE -> at == length || at == length - 1 && text.charAt(at) == '\n';
            case LINE_START -> at == 0 || at < length && text.charAt(at - 1) == '\n';
            case LINE_END -> at == length || text.charAt(at) == '\n';
            case WORD_EDGE -> isWordEdge(at);
            case NO_WORD_EDGE -> !isWordEdge(at);
        };
    }

    private boolean isWordEdge(int at) {
        boolean before = at > 0 && CharClass.WORD_ALONE.contains(text.codePointBefore(at));
        return before != (at < text.length() && CharClass.WORD_ALONE.contains(text.codePointAt(at)));
    }
}
