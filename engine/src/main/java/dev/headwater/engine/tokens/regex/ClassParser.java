package dev.headwater.engine.tokens.regex;

/** Reads what stands in brackets: {@code [a-z]}, {@code [^\s\p{L}]}, {@code [a[bc]]}, {@code [\w&&[^_]]}, {@code [[:alpha:]]}. */
final class ClassParser {
    private static final int DEEPEST = 20;

    private final Letters letters;
    private final int depth;

    ClassParser(Letters letters) {
        this(letters, 0);
    }

    private ClassParser(Letters letters, int depth) {
        this.letters = letters;
        this.depth = depth;
        if (depth > DEEPEST) {
            throw letters.refused("brackets that are nested more than " + DEEPEST + " deep");
        }
    }

    /** After the opening bracket, up to and with the closing one. */
    CharClass parse() {
        boolean negated = letters.take('^');
        CharClass before = null;
        CharClass all = null;
        for (boolean first = true; ; first = false) {
            if (letters.peek() == ']' && !first) {
                letters.next();
                break;
            }
            if (letters.isAt("&&")) {
                letters.skip(2);
                if (all == null || letters.peek() == ']' || letters.peek() == '&') {
                    throw letters.refused("an intersection with nothing");
                }
                before = before == null ? all : before.and(all);
                all = null;
                continue;
            }
            CharClass item = item(first);
            all = all == null ? item : all.or(item);
        }
        if (all == null) {
            throw letters.refused("empty brackets");
        }
        CharClass result = before == null ? all : before.and(all);
        return negated ? result.negated() : result;
    }

    private CharClass item(boolean first) {
        if (letters.peek() == '[') {
            letters.next();
            return whole(letters.peek() == ':' ? posix() : new ClassParser(letters, depth + 1).parse());
        }
        if (letters.peek() == '\\') {
            letters.next();
            CharClass known = letters.classEscape(true);
            if (known != null) {
                return whole(known);
            }
            return range(letters.characterEscape(true), first);
        }
        return range(letters.next(), first);
    }

    private CharClass whole(CharClass known) {
        if (letters.peek() == '-' && letters.peek(1) != ']') {
            throw letters.refused("a range that begins with a class");
        }
        return known;
    }

    private CharClass range(int from, boolean first) {
        boolean ranges =
                letters.peek() == '-' && letters.peek(1) != ']' && letters.peek(1) != -1 && !letters.isAt("-&&");
        if (!ranges) {
            return CharClass.of(from);
        }
        if (from == '-' && !first) {
            throw letters.refused("a range that begins with a hyphen");
        }
        letters.next();
        if (letters.peek() == '[') {
            throw letters.refused("a range that ends with a class");
        }
        int to = letters.next();
        if (to == '\\') {
            if (letters.classEscape(true) != null) {
                throw letters.refused("a range that ends with a class");
            }
            to = letters.characterEscape(true);
        }
        if (to < from) {
            throw letters.refused("a range that ends before it begins");
        }
        CharClass range = CharClass.range(from, to);
        if (letters.peek() == '-' && letters.peek(1) != ']') {
            // A hyphen after a range is a hyphen.
            letters.next();
            return range.or(CharClass.of('-'));
        }
        return range;
    }

    private CharClass posix() {
        letters.next();
        boolean negated = letters.take('^');
        StringBuilder name = new StringBuilder();
        while (letters.more() && Character.isLowerCase(letters.peek())) {
            name.appendCodePoint(letters.next());
        }
        CharClass known = letters.isAt(":]") ? Categories.posix(name.toString()) : null;
        if (known == null) {
            throw letters.refused("the bracket [:" + name);
        }
        letters.skip(2);
        return negated ? known.negated() : known;
    }
}
