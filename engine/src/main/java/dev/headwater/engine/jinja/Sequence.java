package dev.headwater.engine.jinja;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/** Python's ordered values that are no lists; a list is any other {@link List}. None of them can be changed. */
final class Sequence extends AbstractList<Object> implements RandomAccess {
    enum Kind {
        TUPLE("a tuple"),
        RANGE("a range"),
        KEYS("the keys of a mapping"),
        VALUES("the values of a mapping"),
        ITEMS("the items of a mapping"),
        /** What filters such as {@code map} and {@code select} give: true, without length, and empty once it was gone through. */
        GENERATOR("a generator");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    private final Kind kind;
    private final List<String> names;
    private List<Object> items;

    Sequence(Kind kind, List<Object> items) {
        this(kind, List.of(), items);
    }

    private Sequence(Kind kind, List<String> names, List<Object> items) {
        this.kind = kind;
        this.names = names;
        this.items = items;
    }

    /** What {@code groupby} gives for each key: a pair whose parts have names too. */
    static Sequence group(Object key, List<Object> items) {
        return new Sequence(Kind.TUPLE, List.of("grouper", "list"), Arrays.asList(key, items));
    }

    static Sequence tuple(Object... items) {
        return new Sequence(Kind.TUPLE, Arrays.asList(items));
    }

    static Sequence generator(List<Object> items) {
        return new Sequence(Kind.GENERATOR, items);
    }

    static boolean isGenerator(@Nullable Object value) {
        return value instanceof Sequence sequence && sequence.kind == Kind.GENERATOR;
    }

    static boolean isTuple(@Nullable Object value) {
        return value instanceof Sequence sequence && sequence.kind == Kind.TUPLE;
    }

    static boolean isView(Object value) {
        return value instanceof Sequence sequence
                && (sequence.kind == Kind.KEYS || sequence.kind == Kind.VALUES || sequence.kind == Kind.ITEMS);
    }

    /** Whether an index or slice takes a part of this value. */
    static boolean isIndexed(List<?> value) {
        return !isGenerator(value) && !isView(value);
    }

    Kind kind() {
        return kind;
    }

    boolean hasName(String name) {
        return names.contains(name);
    }

    Object named(String name) {
        return items.get(names.indexOf(name));
    }

    /** The items; a generator gives them once. */
    List<Object> read() {
        List<Object> read = items;
        if (kind == Kind.GENERATOR) {
            items = List.of();
        }
        return read;
    }

    /** The next item of a generator, which then lacks it, or null if it is at its end. */
    Object @Nullable [] next() {
        if (items.isEmpty()) {
            return null;
        }
        Object first = items.getFirst();
        items = items.subList(1, items.size());
        return new Object[] {first};
    }

    @Override
    public Object get(int index) {
        return items.get(index);
    }

    @Override
    public int size() {
        return items.size();
    }
}
