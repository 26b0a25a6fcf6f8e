package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a model and their ids, packed: all characters lie in one array, so that a quarter of a million tokens cost a few
 * megabytes and load without an object each. Filled by one thread, then read by any.
 */
final class Vocabulary {
    /** The largest have some 260,000. */
    static final int LARGEST_ID = (1 << 22) - 1;

    private char[] chars = new char[1 << 12];
    /** Where each entry's characters begin; one more for the end. */
    private int[] starts = new int[1 << 10];

    private int[] ids = new int[1 << 10];
    private int size;
    /** Entry + 1 by hash, 0 for none. */
    private int[] table = new int[1 << 11];
    /** Entry + 1 by id, 0 for none. */
    private int[] entries = new int[1 << 10];

    /** Adds a token, or gives one that is there already another id. */
    void put(char[] token, int from, int length, long id) {
        if (id < 0 || id > LARGEST_ID) {
            throw new RefusedException("it has the token id " + id + ", which is no id of any model");
        }
        checkUnicode(token, from, length);
        int slot = slot(token, from, length);
        int entry = table[slot] - 1;
        if (entry < 0) {
            entry = append(token, from, length, slot);
        }
        ids[entry] = (int) id;
        if (id >= entries.length) {
            entries = Arrays.copyOf(entries, Math.max(2 * entries.length, (int) id + 1));
        }
        entries[(int) id] = entry + 1;
    }

    void put(String token, int id) {
        put(token.toCharArray(), 0, token.length(), id);
    }

    private int append(char[] token, int from, int length, int slot) {
        int start = starts[size];
        if ((long) start + length > Integer.MAX_VALUE / 2) {
            throw new RefusedException("its vocabulary is too large");
        }
        if (start + length > chars.length) {
            chars = Arrays.copyOf(chars, Math.max(2 * chars.length, start + length));
        }
        System.arraycopy(token, from, chars, start, length);
        if (size + 2 > starts.length) {
            starts = Arrays.copyOf(starts, 2 * starts.length);
            ids = Arrays.copyOf(ids, starts.length);
        }
        starts[size + 1] = start + length;
        table[slot] = ++size;
        if (2 * size > table.length) {
            rehash();
        }
        return size - 1;
    }

    private void rehash() {
        table = new int[2 * table.length];
        for (int entry = 0; entry < size; entry++) {
            table[slot(chars, starts[entry], starts[entry + 1] - starts[entry])] = entry + 1;
        }
    }

    private int slot(char[] token, int from, int length) {
        int hash = 0;
        for (int i = from; i < from + length; i++) {
            hash = 31 * hash + token[i];
        }
        int slot = spread(hash) & table.length - 1;
        while (table[slot] != 0) {
            int entry = table[slot] - 1;
            if (Arrays.equals(chars, starts[entry], starts[entry + 1], token, from, from + length)) {
                return slot;
            }
            slot = slot + 1 & table.length - 1;
        }
        return slot;
    }

    private static int spread(int hash) {
        int mixed = hash * 0x9E3779B9;
        return mixed ^ mixed >>> 16;
    }

    /** -1 if there is no such token. */
    int id(String token) {
        return id(token, 0, token.length());
    }

    /** Of the token that stands in a text. */
    int id(String text, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + text.charAt(i);
        }
        for (int slot = spread(hash) & table.length - 1; table[slot] != 0; slot = slot + 1 & table.length - 1) {
            int entry = table[slot] - 1;
            if (isEntry(entry, text, from, to)) {
                return ids[entry];
            }
        }
        return -1;
    }

    private boolean isEntry(int entry, String text, int from, int to) {
        int start = starts[entry];
        if (starts[entry + 1] - start != to - from) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (chars[start + i - from] != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** As {@link #id(String)}, of a token that lies in an array. */
    int id(char[] token, int from, int length) {
        int entry = table[slot(token, from, length)] - 1;
        return entry < 0 ? -1 : ids[entry];
    }

    /** Null if no token has the id. */
    @Nullable
    String token(int id) {
        if (id < 0 || id >= entries.length || entries[id] == 0) {
            return null;
        }
        int entry = entries[id] - 1;
        return new String(chars, starts[entry], starts[entry + 1] - starts[entry]);
    }

    /** Distinct tokens. */
    int size() {
        return size;
    }

    private static void checkUnicode(char[] token, int from, int length) {
        for (int i = from; i < from + length; i++) {
            if (Character.isSurrogate(token[i])) {
                if (Character.isLowSurrogate(token[i])
                        || i + 1 == from + length
                        || !Character.isLowSurrogate(token[i + 1])) {
                    throw new RefusedException("it has a token with half of a surrogate pair, which is no character");
                }
                i++;
            }
        }
    }
}
