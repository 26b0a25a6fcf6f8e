package dev.headwater.engine.tokens.pipeline;

import java.util.Arrays;

/** Words by their beginnings: from a place in a text, every word that begins there is found in one walk. Root is node 0. */
final class Trie {
    private long[] keys = new long[1 << 10];
    private int[] children = new int[1 << 10];
    /** What a word that ends at the node stands for, -1 if none does. */
    private int[] values = new int[1 << 9];

    private int nodes = 1;

    Trie() {
        values[0] = -1;
    }

    /** A word that is there already gets the new value. */
    void put(String word, int value) {
        int node = 0;
        for (int i = 0; i < word.length(); i++) {
            node = childOrNew(node, word.charAt(i));
        }
        values[node] = value;
    }

    private int childOrNew(int node, char c) {
        int slot = slot(node, c);
        if (keys[slot] != 0) {
            return children[slot];
        }
        if (nodes == values.length) {
            values = Arrays.copyOf(values, 2 * nodes);
        }
        int child = nodes++;
        values[child] = -1;
        keys[slot] = key(node, c);
        children[slot] = child;
        if (2 * nodes > keys.length) {
            rehash();
        }
        return child;
    }

    private void rehash() {
        long[] oldKeys = keys;
        int[] oldChildren = children;
        keys = new long[2 * oldKeys.length];
        children = new int[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                int slot = slot((int) (oldKeys[i] - 1 >>> 16), (char) (oldKeys[i] - 1));
                keys[slot] = oldKeys[i];
                children[slot] = oldChildren[i];
            }
        }
    }

    private static long key(int node, char c) {
        return ((long) node << 16 | c) + 1;
    }

    private int slot(int node, char c) {
        long key = key(node, c);
        int slot = (int) (key * 0x9E3779B97F4A7C15L >>> 40) & keys.length - 1;
        while (keys[slot] != 0 && keys[slot] != key) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }

    /** The node that a character leads to, 0 if it leads nowhere. */
    int child(int node, char c) {
        return children[slot(node, c)];
    }

    /** -1 if no word ends at the node. */
    int value(int node) {
        return values[node];
    }
}
