package dev.headwater.engine.pickle;

import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.pickle.Pickled.Name;
import dev.headwater.engine.pickle.Pickled.Plain;
import dev.headwater.engine.pickle.Pickled.Tuple;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's stack machine for pickles of protocols 2 to 5, without what makes it dangerous: names of classes and functions
 * stay names, and what would be called is given to a {@link Vocabulary}, which knows a few and makes data of them. One pass
 * over the bytes, no recursion; memory is bounded by the length of the pickle.
 */
final class Unpickler {
    /** What a pickle may speak of. Refuses with an {@link IllegalArgumentException} that ends a sentence about the file. */
    interface Vocabulary {
        /** @return whether the class or function may be named */
        boolean knows(Name name);

        /** Whether objects of the class are read, as data. */
        boolean isData(Name type);

        /** What a call makes. */
        Object call(Name function, List<Object> arguments);

        /** What lies outside the pickle. */
        Object outside(Object id);
    }

    private static final Object MARK = new Object();
    /** Under this name an object keeps a state that is no dictionary of fields. */
    private static final String STATE = "__setstate__";

    private static final int MAX_PROTOCOL = 5;
    private static final int MIN_PROTOCOL = 2;

    private final ByteBuffer in;
    private final Vocabulary vocabulary;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();
    /** Fields given to objects: the one thing here that a short instruction could do to a long list. */
    private long copied;

    private Unpickler(ByteBuffer in, Vocabulary vocabulary) {
        this.in = in.order(ByteOrder.LITTLE_ENDIAN);
        this.vocabulary = vocabulary;
    }

    /** @throws IllegalArgumentException saying what is wrong, as the end of a sentence about the file */
    static Object read(byte[] pickle, Vocabulary vocabulary) {
        try {
            return new Unpickler(ByteBuffer.wrap(pickle), vocabulary).run();
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("ends in the middle of its pickle", e);
        }
    }

    private Object run() {
        if ((in.get() & 0xff) != 0x80) {
            throw new IllegalArgumentException("is no pickle of protocols 2 to 5");
        }
        int protocol = in.get() & 0xff;
        if (protocol < MIN_PROTOCOL || protocol > MAX_PROTOCOL) {
            throw new IllegalArgumentException("is a pickle of protocol " + protocol + ", and 2 to 5 are read");
        }
        while (true) {
            int at = in.position();
            int code = in.get() & 0xff;
            if (code == '.') {
                Object value = pop();
                if (!stack.isEmpty() || in.hasRemaining()) {
                    throw new IllegalArgumentException("has a pickle with something behind its end");
                }
                return value;
            }
            step(code, at);
        }
    }

    private void step(int code, int at) {
        switch (code) {
            case 0x95 -> { // FRAME: reading ahead is all that it is for
                long length = in.getLong();
                if (length < 0 || length > in.remaining()) {
                    throw new BufferUnderflowException();
                }
            }
            case '(' -> stack.add(MARK);
            case 'N' -> stack.add(null);
            case 0x88 -> stack.add(true);
            case 0x89 -> stack.add(false);
            case 'J' -> stack.add((long) in.getInt());
            case 'K' -> stack.add((long) (in.get() & 0xff));
            case 'M' -> stack.add((long) Short.toUnsignedInt(in.getShort()));
            case 0x8a -> stack.add(number(in.get() & 0xff));
            case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
            case 'X' -> stack.add(text(Integer.toUnsignedLong(in.getInt())));
            case 0x8c -> stack.add(text(in.get() & 0xff));
            case 0x8d -> stack.add(text(in.getLong()));
            case ']' -> stack.add(new ArrayList<>());
            case '}' -> stack.add(new LinkedHashMap<>());
            case ')' -> stack.add(new Tuple(List.of()));
            case 't' -> stack.add(new Tuple(sinceMark()));
            case 0x85, 0x86, 0x87 -> stack.add(new Tuple(last(code - 0x84)));
            case 'a' -> append(last(1));
            case 'e' -> append(sinceMark());
            case 's' -> put(last(2));
            case 'u' -> put(sinceMark());
            case 'c' -> stack.add(named(line(), line()));
            case 0x93 -> {
                List<Object> names = last(2);
                stack.add(named(string(names.get(0)), string(names.get(1))));
            }
            case 'R' -> {
                Tuple arguments = tuple(pop());
                stack.add(vocabulary.call(name(pop()), arguments.items()));
            }
            case 0x81 -> create();
            case 'b' -> build();
            case 'Q' -> stack.add(vocabulary.outside(pop()));
            default -> memory(code, at);
        }
    }

    private void memory(int code, int at) {
        switch (code) {
            case 'q' -> memo.put(in.get() & 0xff, top());
            case 'r' -> memo.put(in.getInt(), top());
            case 0x94 -> memo.put(memo.size(), top());
            case 'h' -> stack.add(recalled(in.get() & 0xff));
            case 'j' -> stack.add(recalled(in.getInt()));
            default ->
                throw new IllegalArgumentException(
                        "has the pickle instruction 0x%02x at byte %d, which files of tensors and settings do not use"
                                .formatted(code, at));
        }
    }

    private Object recalled(int key) {
        if (!memo.containsKey(key)) {
            throw new IllegalArgumentException(
                    "has a pickle that recalls number " + Integer.toUnsignedString(key) + ", which it never kept");
        }
        return memo.get(key);
    }

    private Name named(String module, String name) {
        Name named = new Name(module, name);
        if (!vocabulary.knows(named)) {
            throw new IllegalArgumentException(
                    "names '%s', which has no place in it; it was not looked up, and nothing was run"
                            .formatted(ErrorText.of(named.toString())));
        }
        return named;
    }

    private void create() {
        Tuple arguments = tuple(pop());
        Name type = name(pop());
        if (!vocabulary.isData(type)) {
            throw new IllegalArgumentException("makes an object of '%s', which is not plain data".formatted(type));
        }
        stack.add(new Plain(type, arguments.items(), new LinkedHashMap<>()));
    }

    private void build() {
        Object state = pop();
        if (!(top() instanceof Plain object)) {
            throw new IllegalArgumentException("sets the state of something that is no plain object");
        }
        if (!(state instanceof Map<?, ?> fields)) {
            object.fields().put(STATE, state);
            return;
        }
        copied += fields.size();
        if (copied > in.capacity()) {
            throw new IllegalArgumentException(
                    "gives many objects the same large state, as a file made to exhaust time and memory");
        }
        fields.forEach((key, value) -> object.fields().put(string(key), value));
    }

    @SuppressWarnings("unchecked")
    private void append(List<Object> items) {
        if (!(top() instanceof List<?> list)) {
            throw new IllegalArgumentException("has a pickle that appends to something that is no list");
        }
        ((List<Object>) list).addAll(items);
    }

    @SuppressWarnings("unchecked")
    private void put(List<Object> items) {
        if (!(top() instanceof Map<?, ?> map) || items.size() % 2 != 0) {
            throw new IllegalArgumentException("has a pickle that sets items of something that is no dictionary");
        }
        for (int i = 0; i < items.size(); i += 2) {
            if (!(items.get(i) instanceof String) && !(items.get(i) instanceof Long)) {
                throw new IllegalArgumentException("has a dictionary with a key that is neither a text nor a number");
            }
            ((Map<Object, Object>) map).put(items.get(i), items.get(i + 1));
        }
    }

    private long number(int length) {
        if (length > Long.BYTES) {
            throw new IllegalArgumentException("holds an integer of " + length + " bytes, and at most 8 are read");
        }
        long value = 0;
        for (int i = 0; i < length; i++) {
            long part = i == length - 1 ? in.get() : in.get() & 0xff; // the last one has the sign
            value |= part << 8 * i;
        }
        return value;
    }

    private String text(long length) {
        if (length < 0 || length > in.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[(int) length];
        in.get(bytes);
        return decoded(bytes);
    }

    private static String decoded(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("holds a text that is not valid Unicode", e);
        }
    }

    private String line() {
        int start = in.position();
        while (in.get() != '\n') {
            // on to its end
        }
        byte[] bytes = new byte[in.position() - start - 1];
        in.get(start, bytes);
        return decoded(bytes);
    }

    private List<Object> sinceMark() {
        for (int i = stack.size() - 1; i >= 0; i--) {
            if (stack.get(i) == MARK) {
                List<Object> above = new ArrayList<>(stack.subList(i + 1, stack.size()));
                stack.subList(i, stack.size()).clear();
                return above;
            }
        }
        throw underflow();
    }

    private List<Object> last(int count) {
        if (stack.size() < count) {
            throw underflow();
        }
        List<Object> tail = stack.subList(stack.size() - count, stack.size());
        if (tail.contains(MARK)) {
            throw underflow();
        }
        List<Object> items = new ArrayList<>(tail);
        tail.clear();
        return items;
    }

    private Object pop() {
        return last(1).getFirst();
    }

    private Object top() {
        if (stack.isEmpty() || stack.getLast() == MARK) {
            throw underflow();
        }
        return stack.getLast();
    }

    private static IllegalArgumentException underflow() {
        return new IllegalArgumentException("has a pickle that takes more than it has put down");
    }

    private static Tuple tuple(Object value) {
        if (value instanceof Tuple tuple) {
            return tuple;
        }
        throw new IllegalArgumentException("has a pickle that calls something with what is no list of arguments");
    }

    private static Name name(Object value) {
        if (value instanceof Name name) {
            return name;
        }
        throw new IllegalArgumentException("has a pickle that calls something that has no name");
    }

    private static String string(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException("has a pickle with something else where a name belongs");
    }
}
