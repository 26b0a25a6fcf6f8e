package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/** Methods of Python's strings, lists and dicts, as far as they change nothing. */
final class Methods {
    private Methods() {}

    /** {@code value.name}. */
    static Object attribute(Object value, String name) {
        if (value instanceof Statement.Namespace(Map<String, Object> values)) {
            return values.containsKey(name) ? values.get(name) : new Undefined(name);
        }
        Object method = method(value, name);
        return method instanceof Undefined && value instanceof Map<?, ?> map && map.containsKey(name)
                ? map.get(name)
                : method;
    }

    static Object method(Object value, String name) {
        Callable method = switch (value) {
            case String text -> ofText(text, name);
            case Map<?, ?> map -> ofDict(map, name);
            case List<?> list -> ofList(list, name);
            case null, default -> null;
        };
        return method == null ? new Undefined(name) : method;
    }

    private static Callable ofDict(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> _ -> pairs(map);
            case "keys" -> _ -> new ArrayList<Object>(map.keySet());
            case "values" -> _ -> new ArrayList<Object>(map.values());
            case "get" ->
                arguments -> map.containsKey(arguments.first())
                        ? map.get(arguments.first())
                        : arguments.get(1, "default", null);
            default -> null;
        };
    }

    static List<Object> pairs(Map<?, ?> map) {
        List<Object> pairs = new ArrayList<>();
        map.forEach((key, item) -> {
            List<Object> pair = new ArrayList<>();
            pair.add(key);
            pair.add(item);
            pairs.add(pair);
        });
        return pairs;
    }

    private static Callable ofList(List<?> list, String name) {
        return switch (name) {
            case "count" ->
                arguments -> list.stream()
                        .filter(item -> Values.equal(item, arguments.first()))
                        .count();
            case "index" ->
                arguments -> {
                    for (int i = 0; i < list.size(); i++) {
                        if (Values.equal(list.get(i), arguments.first())) {
                            return (long) i;
                        }
                    }
                    throw new TemplateException("the list lacks the item that is looked for");
                };
            case "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse" ->
                _ -> {
                    throw new TemplateException("lists cannot be changed; '" + name + "' tries to");
                };
            default -> null;
        };
    }

    private static Callable ofText(String text, String name) {
        return switch (name) {
            case "strip" -> arguments -> strip(text, arguments.text(0, "chars", null), true, true);
            case "lstrip" -> arguments -> strip(text, arguments.text(0, "chars", null), true, false);
            case "rstrip" -> arguments -> strip(text, arguments.text(0, "chars", null), false, true);
            case "removeprefix" ->
                arguments -> text.startsWith(arguments.text(0, "", ""))
                        ? text.substring(arguments.text(0, "", "").length())
                        : text;
            case "removesuffix" ->
                arguments -> text.endsWith(arguments.text(0, "", ""))
                        ? text.substring(
                                0, text.length() - arguments.text(0, "", "").length())
                        : text;
            case "split" ->
                arguments -> split(text, arguments.text(0, "sep", null), arguments.integer(1, "maxsplit", -1), false);
            case "rsplit" ->
                arguments -> split(text, arguments.text(0, "sep", null), arguments.integer(1, "maxsplit", -1), true);
            case "splitlines" -> _ -> new ArrayList<Object>(text.lines().toList());
            case "startswith" -> arguments -> any(arguments.first(), text::startsWith);
            case "endswith" -> arguments -> any(arguments.first(), text::endsWith);
            case "replace" ->
                arguments -> replace(
                        arguments.scope(),
                        text,
                        arguments.text(0, "old", ""),
                        arguments.text(1, "new", ""),
                        arguments.integer(2, "count", -1));
            case "join" -> arguments -> Filters.joined(arguments.scope(), Values.items(arguments.first()), text);
            case "upper" -> _ -> text.toUpperCase(Locale.ROOT);
            case "lower" -> _ -> text.toLowerCase(Locale.ROOT);
            case "capitalize" -> _ -> capitalized(text);
            case "title" -> _ -> title(text);
            case "find" -> arguments -> (long) text.indexOf(arguments.text(0, "sub", ""));
            case "rfind" -> arguments -> (long) text.lastIndexOf(arguments.text(0, "sub", ""));
            case "count" ->
                arguments ->
                        split(text, arguments.text(0, "sub", ""), -1, false).size() - 1L;
            case "isdigit", "isnumeric", "isdecimal" -> _ -> all(text, Character::isDigit);
            case "isalpha" -> _ -> all(text, Character::isLetter);
            case "isalnum" -> _ -> all(text, Character::isLetterOrDigit);
            case "isspace" -> _ -> all(text, Character::isWhitespace);
            case "isupper" ->
                _ -> !text.equals(text.toLowerCase(Locale.ROOT)) && text.equals(text.toUpperCase(Locale.ROOT));
            case "islower" ->
                _ -> !text.equals(text.toUpperCase(Locale.ROOT)) && text.equals(text.toLowerCase(Locale.ROOT));
            default -> null;
        };
    }

    private static boolean all(String text, IntPredicate test) {
        return !text.isEmpty() && text.codePoints().allMatch(test);
    }

    private static boolean any(Object affixes, Predicate<String> test) {
        return affixes instanceof List<?> several
                ? several.stream().map(Values::text).anyMatch(test)
                : test.test(Values.text(affixes));
    }

    /** Strips whitespace, or any of these characters. */
    static String strip(String text, String characters, boolean left, boolean right) {
        IntPredicate strips = characters == null
                ? c -> Character.isWhitespace(c) || Character.isSpaceChar(c)
                : c -> characters.indexOf(c) >= 0;
        int from = 0;
        int to = text.length();
        while (left && from < to && strips.test(text.codePointAt(from))) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (right && to > from && strips.test(text.codePointBefore(to))) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        return text.substring(from, to);
    }

    private static List<Object> split(String text, String separator, long most, boolean fromRight) {
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            String rest = strip(text, null, true, true);
            for (String word : rest.isEmpty()
                    ? new String[0]
                    : rest.split("\\s+", most < 0 ? 0 : (int) Math.min(most + 1, Integer.MAX_VALUE))) {
                parts.add(word);
            }
            return parts;
        }
        if (separator.isEmpty()) {
            throw new TemplateException("a text is split at nothing");
        }
        long splits = most < 0 ? Long.MAX_VALUE : most;
        String rest = text;
        for (; splits > 0; splits--) {
            int place = fromRight ? rest.lastIndexOf(separator) : rest.indexOf(separator);
            if (place < 0) {
                break;
            }
            String before = rest.substring(0, place);
            String after = rest.substring(place + separator.length());
            parts.add(fromRight ? 0 : parts.size(), fromRight ? after : before);
            rest = fromRight ? before : after;
        }
        parts.add(fromRight ? 0 : parts.size(), rest);
        return parts;
    }

    static String replace(Scope scope, String text, String old, String replacement, long count) {
        StringBuilder result = new StringBuilder();
        int from = 0;
        for (long left = count < 0 ? Long.MAX_VALUE : count; left > 0 && !old.isEmpty(); left--) {
            int place = text.indexOf(old, from);
            if (place < 0) {
                break;
            }
            result.append(text, from, place).append(replacement);
            scope.spend(1 + replacement.length());
            from = place + old.length();
        }
        return result.append(text, from, text.length()).toString();
    }

    static String capitalized(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    static String title(String text) {
        StringBuilder title = new StringBuilder();
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            title.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return title.toString();
    }
}
