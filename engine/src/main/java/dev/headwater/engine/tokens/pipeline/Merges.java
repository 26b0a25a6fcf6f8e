package dev.headwater.engine.tokens.pipeline;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Which pairs of tokens become which token, the lowest rank first. */
final class Merges {
    /** Left id + 1 and right id, 0 for an empty slot. */
    private long[] keys = new long[1 << 10];

    private int[] ranks = new int[1 << 10];
    private int[] results = new int[1 << 9];
    private int size;
    private int count;

    /**
     * Every way to make a token of two others, the token with the highest score first; of ways that are worth the same, the one with
     * the longer left token first, as Hugging Face's conversion of SentencePiece's models orders them.
     */
    static Merges byScore(List<String> tokens, double[] scores, Vocabulary vocabulary) {
        record Way(int left, int right, int result, double score, int leftLength, int rightLength) {}
        List<Way> ways = new ArrayList<>();
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            List<Way> own = new ArrayList<>();
            for (int at = 1; at < token.length(); at++) {
                int left = Character.isLowSurrogate(token.charAt(at)) ? -1 : vocabulary.id(token, 0, at);
                int right = left < 0 ? -1 : vocabulary.id(token, at, token.length());
                if (right >= 0) {
                    own.add(new Way(
                            left,
                            right,
                            id,
                            scores[id],
                            token.codePointCount(0, at),
                            token.codePointCount(at, token.length())));
                }
            }
            own.sort(Comparator.comparingInt(Way::left).thenComparingInt(Way::right));
            ways.addAll(own);
        }
        ways.sort(Comparator.comparingDouble(Way::score)
                .thenComparingInt(Way::leftLength)
                .thenComparingInt(Way::rightLength)
                .reversed());
        Merges merges = new Merges();
        ways.forEach(way -> merges.add(way.left, way.right, way.result));
        return merges;
    }

    /** Adds a pair with the next rank. One that is there already keeps the later rank. */
    void add(int left, int right, int result) {
        if (count == results.length) {
            results = Arrays.copyOf(results, 2 * count);
        }
        results[count] = result;
        long key = key(left, right);
        int slot = slot(key);
        if (keys[slot] == 0) {
            keys[slot] = key;
            size++;
        }
        ranks[slot] = count++;
        if (2 * size > keys.length) {
            rehash();
        }
    }

    private void rehash() {
        long[] oldKeys = keys;
        int[] oldRanks = ranks;
        keys = new long[2 * oldKeys.length];
        ranks = new int[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                int slot = slot(oldKeys[i]);
                keys[slot] = oldKeys[i];
                ranks[slot] = oldRanks[i];
            }
        }
    }

    private static long key(int left, int right) {
        return (long) (left + 1) << 32 | right;
    }

    private int slot(long key) {
        int slot = (int) (key * 0x9E3779B97F4A7C15L >>> 36) & keys.length - 1;
        while (keys[slot] != 0 && keys[slot] != key) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }

    /** -1 if the pair stays as it is. */
    int rank(int left, int right) {
        int slot = slot(key(left, right));
        return keys[slot] == 0 ? -1 : ranks[slot];
    }

    int result(int rank) {
        return results[rank];
    }
}
