package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.Arrays;

/** Pairs of texts, packed: the merges of a file, kept until its vocabulary is known. */
final class PairList {
    private char[] chars = new char[1 << 12];
    /** Ends of the texts, two for each pair. */
    private int[] ends = new int[1 << 10];

    private int size;

    void add(char[] text, int from, int length) {
        int start = end(size - 1);
        if ((long) start + length > Integer.MAX_VALUE / 2) {
            throw new RefusedException("its merges are too large");
        }
        if (start + length > chars.length) {
            chars = Arrays.copyOf(chars, Math.max(2 * chars.length, start + length));
        }
        System.arraycopy(text, from, chars, start, length);
        if (size == ends.length) {
            ends = Arrays.copyOf(ends, 2 * size);
        }
        ends[size++] = start + length;
    }

    /** A pair with a space between its texts. */
    void addSplit(String pair) {
        int space = pair.indexOf(' ');
        if (space < 0 || pair.indexOf(' ', space + 1) >= 0) {
            throw new RefusedException("it has a merge that is not two tokens with a space between them");
        }
        char[] chars = pair.toCharArray();
        add(chars, 0, space);
        add(chars, space + 1, chars.length - space - 1);
    }

    private int end(int index) {
        return index < 0 ? 0 : ends[index];
    }

    /**
     * The merges among a vocabulary's tokens.
     *
     * @param prefix what marks a token that does not begin a word; it is left out where such a token goes into another
     * @throws RefusedException if a token is not in the vocabulary
     */
    Merges in(Vocabulary vocabulary, String prefix) {
        Merges merges = new Merges();
        char[] joined = new char[64];
        for (int i = 0; i < size; i += 2) {
            int left = end(i - 1);
            int right = end(i);
            int rightLength = end(i + 1) - right - prefix.length();
            int leftLength = right - left;
            if (rightLength < 0) {
                throw new RefusedException("it has a merge with a token shorter than its prefix");
            }
            if (leftLength + rightLength > joined.length) {
                joined = new char[2 * (leftLength + rightLength)];
            }
            System.arraycopy(chars, left, joined, 0, leftLength);
            System.arraycopy(chars, right + prefix.length(), joined, leftLength, rightLength);
            merges.add(
                    id(vocabulary, chars, left, leftLength),
                    id(vocabulary, chars, right, rightLength + prefix.length()),
                    id(vocabulary, joined, 0, leftLength + rightLength));
        }
        return merges;
    }

    private static int id(Vocabulary vocabulary, char[] token, int from, int length) {
        int id = vocabulary.id(token, from, length);
        if (id < 0) {
            throw new RefusedException("it has a merge with the token \""
                    + new String(token, from, Math.min(length, 80)) + "\", which its vocabulary lacks");
        }
        return id;
    }
}
