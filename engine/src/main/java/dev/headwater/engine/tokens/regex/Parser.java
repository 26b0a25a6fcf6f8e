package dev.headwater.engine.tokens.regex;

import dev.headwater.engine.tokens.regex.Node.Anchor;
import dev.headwater.engine.tokens.regex.Node.Mode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a pattern in Oniguruma's syntax, which tokenizers are written in. What can't be matched just as Oniguruma does (back
 * references, calls, letters that fold to several in any case, ...) is refused by name.
 */
final class Parser {
    private static final int DEEPEST = 100;
    private static final int MOST_REPEATS = 100_000;

    private final Letters letters;
    private int depth;
    private boolean ignoreCase;
    private boolean dotAll;
    private boolean extended;

    private Parser(Letters letters) {
        this.letters = letters;
    }

    static Node parse(String pattern) {
        Parser parser = new Parser(new Letters(pattern));
        Node all = parser.choice();
        if (parser.letters.more()) {
            throw parser.letters.refused("a closing parenthesis too many");
        }
        return all;
    }

    private Node choice() {
        if (++depth > DEEPEST) {
            throw letters.refused("parentheses that are nested more than " + DEEPEST + " deep");
        }
        List<Node> parts = new ArrayList<>();
        do {
            parts.add(sequence());
        } while (letters.take('|'));
        depth--;
        return parts.size() == 1 ? parts.getFirst() : new Node.Choice(parts);
    }

    private Node sequence() {
        List<Node> parts = new ArrayList<>();
        int before = -1;
        while (letters.more() && letters.peek() != '|' && letters.peek() != ')') {
            if (extended && skipsSpaceOrComment()) {
                continue;
            }
            if (letters.isAt("(?") && isOption()) {
                parts.add(options());
                before = -1;
                continue;
            }
            if (letters.isAt("(?#")) {
                letters.skipPast(')', "a comment");
                continue;
            }
            int letter = letters.peek();
            Node atom = atom();
            Node repeated = repeats(atom);
            checkFolding(before, letter, atom);
            before = repeated == atom && atom instanceof Node.One && letter != '[' && letter != '\\' ? letter : -1;
            parts.add(repeated);
        }
        return parts.size() == 1 ? parts.getFirst() : new Node.Sequence(parts);
    }

    /** Two letters that one letter folds to, in any case: Oniguruma finds the ligature too. */
    private void checkFolding(int before, int letter, Node atom) {
        if (ignoreCase && before >= 0 && atom instanceof Node.One && letter < 128 && before < 128) {
            String pair = Character.toString(Character.toLowerCase(before))
                    + Character.toString(Character.toLowerCase(letter));
            if (List.of("ss", "st", "ff", "fi", "fl").contains(pair)) {
                throw letters.refused("\"" + pair + "\" in any case, which single letters fold to");
            }
        }
    }

    private boolean skipsSpaceOrComment() {
        if (letters.peek() < 128 && CharClass.SPACE.contains(letters.peek())) {
            letters.next();
            return true;
        }
        if (letters.peek() == '#') {
            while (letters.more() && letters.peek() != '\n') {
                letters.next();
            }
            return true;
        }
        return false;
    }

    private boolean isOption() {
        int c = letters.peek(2);
        return c == '-' || c == 'i' || c == 'm' || c == 'x';
    }

    /** {@code (?i)} to the end of the group, its alternatives included, or {@code (?i:…)}. */
    private Node options() {
        boolean[] outside = {ignoreCase, dotAll, extended};
        letters.skip(2);
        boolean on = true;
        while (letters.more() && letters.peek() != ')' && letters.peek() != ':') {
            switch (letters.next()) {
                case '-' -> on = false;
                case 'i' -> ignoreCase = on;
                case 'm' -> dotAll = on;
                case 'x' -> extended = on;
                default -> throw letters.refused("an unknown group option");
            }
        }
        Node part;
        if (letters.take(':')) {
            part = choice();
            letters.expect(')');
        } else {
            letters.expect(')');
            part = choice();
            ignoreCase = outside[0];
            dotAll = outside[1];
            extended = outside[2];
            return part;
        }
        ignoreCase = outside[0];
        dotAll = outside[1];
        extended = outside[2];
        return repeats(part);
    }

    private Node atom() {
        int c = letters.next();
        return switch (c) {
            case '(' -> group();
            case '[' -> new Node.One(fold(new ClassParser(letters).parse()));
            case '.' -> new Node.One(dotAll ? CharClass.ANY : CharClass.NEWLINE.negated());
            case '^' -> Anchor.LINE_START;
            case '$' -> Anchor.LINE_END;
            case '\\' -> escape();
            case '*', '+', '?' -> throw letters.refused("a repetition of nothing");
            case '{' -> {
                letters.back();
                if (interval(false) != null) {
                    throw letters.refused("a repetition of nothing");
                }
                letters.next();
                yield literal(c);
            }
            default -> literal(c);
        };
    }

    private Node literal(int c) {
        return new Node.One(fold(CharClass.of(c)));
    }

    private CharClass fold(CharClass of) {
        if (!ignoreCase) {
            return of;
        }
        CharClass folded = Folding.anyCase(of);
        if (folded == null) {
            throw letters.refused("letters beyond ASCII in any case");
        }
        return folded;
    }

    private Node group() {
        if (!letters.take('?')) {
            return close(choice());
        }
        int c = letters.next();
        return switch (c) {
            case ':' -> close(choice());
            case '=' -> close(new Node.Look(choice(), true, false));
            case '!' -> close(new Node.Look(choice(), true, true));
            case '>' -> close(new Node.Atomic(choice()));
            case '\'' -> named('\'');
            case '<' -> letters.take('=') ? behind(false) : letters.take('!') ? behind(true) : named('>');
            default -> throw letters.refused("the group (?" + Character.toString(c));
        };
    }

    private Node close(Node part) {
        letters.expect(')');
        return part;
    }

    private Node named(int end) {
        letters.skipPast(end, "a group's name");
        return close(choice());
    }

    private Node behind(boolean negated) {
        Node part = close(choice());
        if (part.longest() > Program.LONGEST_BEHIND) {
            throw letters.refused("a look behind of more than " + Program.LONGEST_BEHIND + " characters");
        }
        if (!part.isPlain()) {
            throw letters.refused("a look behind with another look around or a possessive part in it");
        }
        return new Node.Look(part, false, negated);
    }

    private Node escape() {
        if (!letters.more()) {
            throw letters.refused("a backslash at its end");
        }
        switch (letters.peek()) {
            case 'A', 'z', 'Z', 'b', 'B' -> {
                return switch (letters.next()) {
                    case 'A' -> Anchor.TEXT_START;
                    case 'z' -> Anchor.TEXT_END;
                    case 'Z' -> Anchor.TEXT_END_OR_LAST_NEWLINE;
                    case 'b' -> Anchor.WORD_EDGE;
                    default -> Anchor.NO_WORD_EDGE;
                };
            }
            case 'R' -> {
                letters.next();
                Node crlf =
                        new Node.Sequence(List.of(new Node.One(CharClass.of('\r')), new Node.One(CharClass.of('\n'))));
                CharClass one = CharClass.of(c -> c >= '\n' && c <= '\r' || c == 0x85 || c == 0x2028 || c == 0x2029);
                return new Node.Atomic(new Node.Choice(List.of(crlf, new Node.One(one))));
            }
            case 'N' -> {
                letters.next();
                return new Node.One(CharClass.NEWLINE.negated());
            }
            case 'O' -> {
                letters.next();
                return new Node.One(CharClass.ANY);
            }
            default -> {
                CharClass known = letters.classEscape(false);
                return known != null ? new Node.One(fold(known)) : literal(letters.characterEscape(false));
            }
        }
    }

    private Node repeats(Node atom) {
        Node all = atom;
        for (int times = 0; ; times++) {
            if (extended) {
                while (letters.more() && skipsSpaceOrComment()) {}
            }
            int[] range = range();
            if (range == null) {
                return all;
            }
            if (all instanceof Anchor || all instanceof Node.Look) {
                throw letters.refused("a repetition of a place");
            }
            if (times == DEEPEST) {
                throw letters.refused("more than " + DEEPEST + " repetitions of repetitions");
            }
            boolean interval = range.length == 3;
            boolean lazy = (!interval || range[0] != range[1]) && letters.take('?');
            boolean optional = interval && range[0] == range[1] && letters.take('?');
            boolean possessive = !interval && !lazy && letters.take('+');
            all = new Node.Repeat(
                    all, range[0], range[1], lazy ? Mode.LAZY : possessive ? Mode.POSSESSIVE : Mode.GREEDY);
            if (optional) {
                all = new Node.Repeat(all, 0, 1, Mode.GREEDY);
            }
        }
    }

    /** Fewest and most repetitions if a repetition comes next, with a third element if it is an interval; else null. */
    private int @Nullable [] range() {
        if (letters.take('*')) {
            return new int[] {0, Node.UNBOUNDED};
        } else if (letters.take('+')) {
            return new int[] {1, Node.UNBOUNDED};
        } else if (letters.take('?')) {
            return new int[] {0, 1};
        }
        return interval(true);
    }

    /** {@code {n}}, {@code {n,}}, {@code {,m}} or {@code {n,m}}; anything else after a brace makes it an ordinary character. */
    private int @Nullable [] interval(boolean take) {
        int start = letters.position();
        if (!letters.take('{')) {
            return null;
        }
        int least = letters.number(MOST_REPEATS);
        boolean comma = letters.take(',');
        int most = comma ? letters.number(MOST_REPEATS) : least;
        boolean valid = letters.take('}') && (least >= 0 || most >= 0);
        if (!valid || !take) {
            letters.reset(start);
        }
        if (!valid) {
            return null;
        }
        int[] range = {Math.max(least, 0), most < 0 ? Node.UNBOUNDED : most, 1};
        if (range[0] > range[1]) {
            throw letters.refused("a repetition whose least is above its most");
        }
        return range;
    }
}
