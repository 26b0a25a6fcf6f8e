package dev.headwater.engine.jinja;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Attributes of values: methods of Python's strings, lists and dicts, as far as they change nothing. */
final class Methods {
    private static final Set<String> OTHERS_OF_TEXT = Set.of(
            "casefold",
            "center",
            "encode",
            "expandtabs",
            "format_map",
            "isascii",
            "isidentifier",
            "isprintable",
            "istitle",
            "ljust",
            "maketrans",
            "rjust",
            "rindex",
            "swapcase",
            "translate",
            "zfill");
    private static final Set<String> OTHERS_OF_DICT =
            Set.of("clear", "fromkeys", "pop", "popitem", "setdefault", "update");
    private static final Set<String> OTHERS_OF_LIST =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");
    private static final Set<String> OF_NUMBERS = Set.of(
            "real",
            "imag",
            "numerator",
            "denominator",
            "conjugate",
            "bit_length",
            "bit_count",
            "to_bytes",
            "from_bytes",
            "as_integer_ratio",
            "is_integer",
            "hex",
            "fromhex");

    private Methods() {}

    /** {@code value.name}: a method, else the item of that key. */
    static Object attribute(@Nullable Object value, String name, Budget budget) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        Object method = ofObject(value, name);
        return method instanceof Undefined && value instanceof Map<?, ?> map && map.containsKey(name)
                ? map.get(name)
                : method;
    }

    /** A method or attribute that all values of this kind have. */
    static Object ofObject(@Nullable Object value, String name) {
        Object found = switch (value) {
            case Attributed object -> object.attribute(name);
            case String text ->
                OTHERS_OF_TEXT.contains(name) ? unsupported("the method '" + name + "' of texts") : ofText(text, name);
            case Map<?, ?> map -> OTHERS_OF_DICT.contains(name) ? changing("mappings", name) : ofDict(map, name);
            case Sequence sequence when sequence.hasName(name) -> sequence.named(name);
            case Sequence sequence -> Sequence.isTuple(sequence) ? ofList(sequence, name) : null;
            case List<?> list -> OTHERS_OF_LIST.contains(name) ? changing("lists", name) : ofList(list, name);
            case Markup _ -> throw TemplateException.unsupported("'" + name + "' of an escaped text");
            case Long _, Double _, Boolean _
            when OF_NUMBERS.contains(name) -> throw TemplateException.unsupported("'" + name + "' of a number");
            case Callable _ -> throw TemplateException.unsupported("'" + name + "' of a function");
            case null, default -> null;
        };
        return found == null ? new Undefined(name) : found;
    }

    private static Callable unsupported(String what) {
        return _ -> {
            throw TemplateException.unsupported(what);
        };
    }

    private static Callable changing(String what, String name) {
        return _ -> {
            throw new TemplateException(what + " cannot be changed; '" + name + "' tries to");
        };
    }

    private static @Nullable Callable ofDict(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" ->
                Function.of(
                        name,
                        "",
                        arguments -> new Sequence(Sequence.Kind.ITEMS, Values.pairs(map, arguments.budget())));
            case "keys" ->
                Function.of(
                        name, "", arguments -> new Sequence(Sequence.Kind.KEYS, Values.keys(map, arguments.budget())));
            case "values" ->
                Function.of(name, "", arguments -> {
                    arguments.budget().spend(map.size(), Budget.ITEM);
                    return new Sequence(Sequence.Kind.VALUES, new java.util.ArrayList<>(map.values()));
                });
            case "copy" -> Function.of(name, "", _ -> map);
            case "get" ->
                Function.of(name, "key default", arguments -> {
                    Object key = Values.key(arguments.first(), arguments.budget());
                    return map.containsKey(key) ? map.get(key) : arguments.get(1, "default", null);
                });
            default -> null;
        };
    }

    private static @Nullable Callable ofList(List<?> list, String name) {
        return switch (name) {
            case "count" ->
                Function.of(name, "value", arguments -> {
                    long count = 0;
                    for (Object item : list) {
                        count += Operators.equal(item, arguments.first(), arguments.budget()) ? 1 : 0;
                    }
                    return count;
                });
            case "index" ->
                Function.of(name, "value", arguments -> {
                    for (int i = 0; i < list.size(); i++) {
                        if (Operators.equal(list.get(i), arguments.first(), arguments.budget())) {
                            return (long) i;
                        }
                    }
                    throw new TemplateException("the list lacks the item that is looked for");
                });
            case "copy" -> Sequence.isTuple(list) ? null : Function.of(name, "", _ -> list);
            default -> null;
        };
    }

    private static @Nullable Callable ofText(String text, String name) {
        return switch (name) {
            case "strip", "lstrip", "rstrip" ->
                Function.of(
                        name,
                        "chars",
                        arguments -> Strings.strip(
                                text,
                                arguments.text(0, "chars", null),
                                !name.equals("rstrip"),
                                !name.equals("lstrip"),
                                arguments.budget()));
            case "removeprefix", "removesuffix" ->
                Function.of(name, "affix", arguments -> {
                    String affix = needed(arguments, 0, "affix");
                    arguments.budget().spend(text.length());
                    return name.equals("removeprefix")
                            ? text.startsWith(affix) ? text.substring(affix.length()) : text
                            : text.endsWith(affix) ? text.substring(0, text.length() - affix.length()) : text;
                });
            case "split", "rsplit" ->
                Function.of(
                        name,
                        "sep maxsplit",
                        arguments -> Strings.split(
                                text,
                                arguments.text(0, "sep", null),
                                arguments.integer(1, "maxsplit", -1),
                                name.equals("rsplit"),
                                arguments.budget()));
            case "partition", "rpartition" ->
                Function.of(
                        name,
                        "sep",
                        arguments -> partition(
                                text, needed(arguments, 0, "sep"), name.equals("rpartition"), arguments.budget()));
            case "splitlines" ->
                Function.of(
                        name,
                        "keepends",
                        arguments -> Strings.lines(text, arguments.flag(0, "keepends"), arguments.budget()));
            case "startswith" -> Function.of(name, "prefix", arguments -> any(arguments, text, true));
            case "endswith" -> Function.of(name, "suffix", arguments -> any(arguments, text, false));
            case "replace" ->
                Function.of(
                        name,
                        "old new count",
                        arguments -> Strings.replace(
                                text,
                                needed(arguments, 0, "old"),
                                needed(arguments, 1, "new"),
                                arguments.integer(2, "count", -1),
                                arguments.budget()));
            case "join" ->
                Function.of(name, "items", arguments -> {
                    List<Object> items = Values.items(arguments.first(), arguments.budget());
                    for (Object item : items) {
                        if (!(item instanceof String)) {
                            throw new TemplateException("a text is needed to join, not " + Values.kind(item));
                        }
                    }
                    return Strings.join(items, text, arguments.budget());
                });
            case "upper" -> Function.of(name, "", arguments -> Strings.upper(text, arguments.budget()));
            case "lower" -> Function.of(name, "", arguments -> Strings.lower(text, arguments.budget()));
            case "capitalize" -> Function.of(name, "", arguments -> Strings.capitalize(text, arguments.budget()));
            case "title" -> Function.of(name, "", arguments -> Strings.title(text, arguments.budget()));
            case "format" -> (Callable) arguments -> Formatting.braces(text, arguments);
            case "find", "rfind", "index" ->
                Function.of(
                        name, "sub", arguments -> place(text, needed(arguments, 0, "sub"), name, arguments.budget()));
            case "count" ->
                Function.of(name, "sub", arguments -> {
                    String part = needed(arguments, 0, "sub");
                    return part.isEmpty()
                            ? Values.length(text, arguments.budget()) + 1
                            : Strings.split(text, part, -1, false, arguments.budget())
                                            .size()
                                    - 1L;
                });
            case "isdigit", "isnumeric", "isdecimal" -> all(name, text, Character::isDigit);
            case "isalpha" -> all(name, text, Character::isLetter);
            case "isalnum" -> all(name, text, Character::isLetterOrDigit);
            case "isspace" -> all(name, text, Strings::isSpace);
            case "isupper", "islower" ->
                Function.of(name, "", arguments -> isCase(text, name.equals("isupper"), arguments.budget()));
            default -> null;
        };
    }

    /** Whether the text has letters with a case, and all are of this one. */
    static boolean isCase(String text, boolean upper, Budget budget) {
        String other = upper ? Strings.lower(text, budget) : Strings.upper(text, budget);
        return !text.equals(other) && text.equals(upper ? Strings.upper(text, budget) : Strings.lower(text, budget));
    }

    private static String needed(Arguments arguments, int index, String name) {
        arguments.required(index, name);
        String text = arguments.text(index, name, null);
        if (text == null) {
            throw new TemplateException("a text is needed, not none");
        }
        return text;
    }

    private static Sequence partition(String text, String separator, boolean fromRight, Budget budget) {
        if (separator.isEmpty()) {
            throw new TemplateException("a text is split at nothing");
        }
        int place = fromRight
                ? Strings.findLast(text, separator, text.length(), budget)
                : Strings.find(text, separator, 0, budget);
        budget.spend(text.length() + 3 * Budget.ITEM);
        if (place < 0) {
            return fromRight ? Sequence.tuple("", "", text) : Sequence.tuple(text, "", "");
        }
        return Sequence.tuple(text.substring(0, place), separator, text.substring(place + separator.length()));
    }

    private static Object place(String text, String part, String name, Budget budget) {
        int place = name.equals("rfind")
                ? Strings.findLast(text, part, text.length(), budget)
                : Strings.find(text, part, 0, budget);
        if (place < 0 && name.equals("index")) {
            throw new TemplateException("the text lacks the part that is looked for");
        }
        return place < 0 ? -1L : (long) text.codePointCount(0, place);
    }

    private static Callable all(String name, String text, IntPredicate test) {
        return Function.of(name, "", arguments -> {
            arguments.budget().spend(text.length());
            return !text.isEmpty() && text.codePoints().allMatch(test);
        });
    }

    private static boolean any(Arguments arguments, String text, boolean prefix) {
        Object affixes = arguments.first();
        List<?> all = affixes instanceof List<?> several && Sequence.isTuple(several)
                ? several
                : List.of(affixes == null ? new Undefined("none") : affixes);
        for (Object affix : all) {
            if (!(affix instanceof String wanted)) {
                throw new TemplateException("a text or a tuple of texts is needed, not " + Values.kind(affix));
            }
            arguments.budget().spend(wanted.length());
            if (prefix ? text.startsWith(wanted) : text.endsWith(wanted)) {
                return true;
            }
        }
        return false;
    }
}
