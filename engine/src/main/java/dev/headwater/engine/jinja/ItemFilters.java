package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Filters of several items. Those that are generators in Python give generators here. */
final class ItemFilters {
    private ItemFilters() {}

    static void addTo(Map<String, Callable> filters) {
        Filters.add(filters, "join", "d attribute", ItemFilters::joined);
        Filters.add(filters, "first", "", ItemFilters::first);
        Filters.add(filters, "last", "", ItemFilters::last);
        Filters.add(filters, "list", "", arguments -> Values.copied(arguments.first(), arguments.budget()));
        Filters.add(filters, "items", "", arguments -> switch (arguments.first()) {
            case Undefined _ -> Sequence.generator(List.of());
            case Map<?, ?> map -> Sequence.generator(Values.pairs(map, arguments.budget()));
            case null, default ->
                throw new TemplateException(
                        "the filter 'items' needs a mapping, not " + Values.kind(arguments.first()));
        });
        Filters.add(filters, "dictsort", "case_sensitive by reverse", ItemFilters::dictionarySorted);
        Filters.add(filters, "reverse", "", ItemFilters::reversed);
        Filters.add(filters, "sort", "reverse case_sensitive attribute", ItemFilters::sorted);
        Filters.add(filters, "unique", "case_sensitive attribute", ItemFilters::unique);
        Filters.add(filters, "groupby", "attribute default case_sensitive", ItemFilters::grouped);
        Filters.add(filters, "sum", "attribute start", ItemFilters::sum);
        Filters.add(filters, "min", "case_sensitive attribute", arguments -> extreme(arguments, -1));
        Filters.add(filters, "max", "case_sensitive attribute", arguments -> extreme(arguments, 1));
        Filters.add(filters, "batch", "linecount fill_with", ItemFilters::batched);
        Filters.add(filters, "slice", "slices fill_with", ItemFilters::sliced);
        filters.put("map", ItemFilters::mapped);
        filters.put("select", arguments -> kept(arguments, false, true));
        filters.put("reject", arguments -> kept(arguments, false, false));
        filters.put("selectattr", arguments -> kept(arguments, true, true));
        filters.put("rejectattr", arguments -> kept(arguments, true, false));
    }

    private static List<Object> items(Arguments arguments) {
        List<Object> items = Values.items(arguments.first(), arguments.budget());
        arguments.budget().spend(items.size(), Budget.ITEM);
        return items;
    }

    private static Object joined(Arguments arguments) {
        Object attribute = arguments.get(2, "attribute", null);
        List<Object> items = new ArrayList<>(items(arguments));
        if (attribute != null) {
            items.replaceAll(item -> path(item, attribute, null, arguments.budget()));
        }
        return Strings.join(items, Values.text(arguments.get(1, "d", ""), arguments.budget()), arguments.budget());
    }

    private static Object first(Arguments arguments) {
        Budget budget = arguments.budget();
        return switch (arguments.first()) {
            case String text ->
                text.isEmpty() ? new Undefined("the first of nothing") : Strings.character(text, 0, budget);
            case Sequence sequence
            when Sequence.isGenerator(sequence) -> {
                Object[] next = sequence.next();
                yield next == null ? new Undefined("the first of nothing") : next[0];
            }
            case Object value -> {
                List<Object> items = Values.items(value, budget);
                yield items.isEmpty() ? new Undefined("the first of nothing") : items.getFirst();
            }
            case null -> throw new TemplateException("none has no items to go through");
        };
    }

    private static Object last(Arguments arguments) {
        Object value = arguments.first();
        if (Sequence.isGenerator(value)) {
            throw new TemplateException("a generator has no last item; the filter 'list' before 'last' makes it one");
        }
        if (value instanceof String text) {
            return text.isEmpty()
                    ? new Undefined("the last of nothing")
                    : Strings.character(text, -1, arguments.budget());
        }
        List<Object> items = Values.items(value, arguments.budget());
        return items.isEmpty() ? new Undefined("the last of nothing") : items.getLast();
    }

    private static Object reversed(Arguments arguments) {
        if (arguments.first() instanceof String text) {
            return Strings.reversed(text, arguments.budget());
        }
        if (arguments.first() instanceof Markup) {
            throw TemplateException.unsupported("a filter that changes an escaped text");
        }
        boolean generated = Sequence.isGenerator(arguments.first());
        List<Object> reversed = new ArrayList<>(items(arguments).reversed());
        return generated ? reversed : Sequence.generator(reversed);
    }

    /** An attribute or item, or several with dots between them, each replaced by {@code standard} where it is undefined. */
    private static Object path(Object value, @Nullable Object attribute, @Nullable Object standard, Budget budget) {
        if (attribute == null) {
            return value;
        }
        List<Object> names =
                attribute instanceof String text ? Strings.split(text, ".", -1, false, budget) : List.of(attribute);
        for (Object name : names) {
            value = Values.item(
                    value,
                    name instanceof String text && text.matches("[0-9]{1,9}") ? (Object) Long.parseLong(text) : name,
                    budget);
            value = value instanceof Undefined && standard != null ? standard : value;
        }
        return value;
    }

    private static Object folded(Object key, boolean caseSensitive, Budget budget) {
        return key instanceof String text && !caseSensitive ? Strings.lower(text, budget) : key;
    }

    /** Sorts by keys that are worked out once. */
    private static List<Object> sorted(List<Object> items, UnaryOperator<Object> key, boolean reverse, Budget budget) {
        record Keyed(Object key, Object item) {}

        List<Keyed> keyed = new ArrayList<>(items.size());
        items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
        budget.spend(keyed.size(), Budget.ENTRY);
        Comparator<Keyed> order = (a, b) -> Operators.order(a.key(), b.key(), budget);
        keyed.sort(reverse ? order.reversed() : order);
        List<Object> sorted = new ArrayList<>(keyed.size());
        keyed.forEach(pair -> sorted.add(pair.item()));
        return sorted;
    }

    private static Object sorted(Arguments arguments) {
        Budget budget = arguments.budget();
        boolean caseSensitive = arguments.flag(2, "case_sensitive");
        Object attribute = arguments.get(3, "attribute", null);
        List<Object> attributes = attribute instanceof String names
                ? Strings.split(names, ",", -1, false, budget)
                : java.util.Collections.singletonList(attribute);
        return sorted(
                items(arguments),
                item -> {
                    List<Object> keys = new ArrayList<>();
                    attributes.forEach(name -> keys.add(folded(path(item, name, null, budget), caseSensitive, budget)));
                    return keys;
                },
                arguments.flag(1, "reverse"),
                budget);
    }

    private static Object dictionarySorted(Arguments arguments) {
        if (!(arguments.first() instanceof Map<?, ?> map)) {
            throw new TemplateException("the filter 'dictsort' needs a mapping, not " + Values.kind(arguments.first()));
        }
        String by = arguments.text(2, "by", "key");
        if (!"key".equals(by) && !"value".equals(by)) {
            throw new TemplateException("the filter 'dictsort' sorts by key or value");
        }
        Budget budget = arguments.budget();
        return sorted(
                Values.pairs(map, budget),
                pair -> folded(
                        ((Sequence) pair).get("key".equals(by) ? 0 : 1), arguments.flag(1, "case_sensitive"), budget),
                arguments.flag(3, "reverse"),
                budget);
    }

    private static Object unique(Arguments arguments) {
        Set<Object> seen = new HashSet<>();
        List<Object> unique = new ArrayList<>();
        for (Object item : items(arguments)) {
            Object key = folded(
                    path(item, arguments.get(2, "attribute", null), null, arguments.budget()),
                    arguments.flag(1, "case_sensitive"),
                    arguments.budget());
            arguments.budget().spend(Budget.ENTRY);
            if (seen.add(Values.key(key, arguments.budget()))) {
                unique.add(item);
            }
        }
        return Sequence.generator(unique);
    }

    private static Object grouped(Arguments arguments) {
        Budget budget = arguments.budget();
        Object attribute = arguments.required(1, "attribute");
        Object standard = arguments.get(2, "default", null);
        boolean caseSensitive = arguments.flag(3, "case_sensitive");
        UnaryOperator<Object> key = item -> folded(path(item, attribute, standard, budget), caseSensitive, budget);
        List<Object> groups = new ArrayList<>();
        List<Object> group = new ArrayList<>();
        Object groupKey = null;
        for (Object item : sorted(items(arguments), key, false, budget)) {
            Object itemKey = key.apply(item);
            if (group.isEmpty() || !Operators.equal(groupKey, itemKey, budget)) {
                group = new ArrayList<>();
                groupKey = itemKey;
                budget.spend(Budget.ENTRY);
                groups.add(Sequence.group(path(item, attribute, standard, budget), group));
            }
            group.add(item);
        }
        return groups;
    }

    private static @Nullable Object sum(Arguments arguments) {
        Object sum = arguments.get(2, "start", 0L);
        if (sum instanceof String) {
            throw new TemplateException("the filter 'sum' joins no texts");
        }
        for (Object item : items(arguments)) {
            sum = Operators.arithmetic(
                    "+",
                    sum,
                    path(item, arguments.get(1, "attribute", null), null, arguments.budget()),
                    arguments.budget());
        }
        return sum;
    }

    /** The first of the least or greatest items. */
    private static Object extreme(Arguments arguments, int sign) {
        Object best = new Undefined("the extreme of nothing");
        Object bestKey = null;
        boolean any = false;
        for (Object item : items(arguments)) {
            Object key = folded(
                    path(item, arguments.get(2, "attribute", null), null, arguments.budget()),
                    arguments.flag(1, "case_sensitive"),
                    arguments.budget());
            if (!any || sign * Operators.order(key, bestKey, arguments.budget()) > 0) {
                best = item;
                bestKey = key;
                any = true;
            }
        }
        return best;
    }

    private static Object batched(Arguments arguments) {
        long length = Values.integer(arguments.required(1, "linecount"));
        Object filler = arguments.get(2, "fill_with", null);
        List<Object> batches = new ArrayList<>();
        List<Object> batch = new ArrayList<>();
        for (Object item : items(arguments)) {
            if (batch.size() == length) {
                batches.add(batch);
                batch = new ArrayList<>();
            }
            arguments.budget().spend(Budget.ENTRY);
            batch.add(item);
        }
        if (!batch.isEmpty()) {
            fill(batch, filler, filler == null ? 0 : length - batch.size(), arguments.budget());
            batches.add(batch);
        }
        return Sequence.generator(batches);
    }

    private static Object sliced(Arguments arguments) {
        long slices = Values.integer(arguments.required(1, "slices"));
        Object filler = arguments.get(2, "fill_with", null);
        if (slices <= 0) {
            throw new TemplateException("the filter 'slice' makes one slice at least");
        }
        arguments.budget().spend(slices, Budget.ENTRY);
        List<Object> items = items(arguments);
        int each = items.size() / (int) slices;
        int more = items.size() % (int) slices;
        List<Object> result = new ArrayList<>();
        for (int i = 0; i < slices; i++) {
            int from = i * each + Math.min(i, more);
            List<Object> slice = new ArrayList<>(items.subList(from, from + each + (i < more ? 1 : 0)));
            fill(slice, filler, filler != null && i >= more ? 1 : 0, arguments.budget());
            result.add(slice);
        }
        return Sequence.generator(result);
    }

    private static void fill(List<Object> list, @Nullable Object filler, long times, Budget budget) {
        for (long i = 0; i < times; i++) {
            budget.spend(Budget.ITEM);
            list.add(filler);
        }
    }

    private static Object mapped(Arguments arguments) {
        if (!Values.truth(arguments.first())) {
            return Sequence.generator(List.of());
        }
        boolean byAttribute = arguments.size() == 1 && arguments.named().containsKey("attribute");
        if (byAttribute
                && !Set.of("attribute", "default").containsAll(arguments.named().keySet())) {
            throw new TemplateException("the filter 'map' takes attribute and default");
        }
        List<Object> result = new ArrayList<>();
        if (byAttribute) {
            Object attribute = arguments.named().get("attribute");
            Object standard = arguments.named().get("default");
            items(arguments).forEach(item -> result.add(path(item, attribute, standard, arguments.budget())));
        } else {
            Callable filter = named(Filters.ALL, "filter", arguments.required(1, "filter"));
            items(arguments).forEach(item -> result.add(filter.call(with(arguments, item, 2))));
        }
        return Sequence.generator(result);
    }

    private static Object kept(Arguments arguments, boolean byAttribute, boolean wanted) {
        if (!Values.truth(arguments.first())) {
            return Sequence.generator(List.of());
        }
        int at = byAttribute ? 2 : 1;
        Object attribute = byAttribute ? arguments.required(1, "attribute") : null;
        Callable test = arguments.size() > at
                ? named(Tests.ALL, "test", arguments.positional().get(at))
                : null;
        List<Object> kept = new ArrayList<>();
        for (Object item : items(arguments)) {
            Object value = path(item, attribute, null, arguments.budget());
            if (Values.truth(test == null ? value : test.call(with(arguments, value, at + 1))) == wanted) {
                kept.add(item);
            }
        }
        return Sequence.generator(kept);
    }

    private static Callable named(Map<String, Callable> all, String kind, @Nullable Object name) {
        Callable callable = name instanceof String text ? all.get(text) : null;
        if (callable == null) {
            throw TemplateException.unsupported(
                    "the " + kind + (name instanceof String text ? " '" + text + "'" : " that is no text"));
        }
        return callable;
    }

    /** The value, and the arguments from an index on. */
    private static Arguments with(Arguments arguments, Object value, int from) {
        arguments.budget().spend(arguments.size(), Budget.ITEM);
        List<Object> positional = new ArrayList<>();
        positional.add(value);
        positional.addAll(arguments.positional().subList(Math.min(from, arguments.size()), arguments.size()));
        return new Arguments(arguments.budget(), positional, new LinkedHashMap<>(arguments.named()));
    }
}
