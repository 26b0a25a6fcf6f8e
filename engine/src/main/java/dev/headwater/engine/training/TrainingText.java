package dev.headwater.engine.training;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.files.Sha256;
import dev.headwater.engine.tokens.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * A text as windows of tokens, all of one length: a special token, then documents one after the other with that token between them. Some
 * documents are held out, to be judged by. Takes 4 bytes of memory a token.
 *
 * @param windows shuffled, to train on
 * @param heldOut of documents that none of those is from
 * @param sha256  of the documents' text that was read, a line feed after each
 */
record TrainingText(List<int[]> windows, List<int[]> heldOut, Set<Integer> special, int silent, String sha256) {
    /** One document in so many is held out, until there are enough. */
    private static final int HELD_OUT = 8;

    /** Documents cut into windows of {@code length} tokens. */
    private static final class Packing {
        final List<int[]> windows = new ArrayList<>();
        private final Tokenizer tokenizer;
        private final int[] room;
        private int size;

        Packing(Tokenizer tokenizer, int length) {
            this.tokenizer = tokenizer;
            room = new int[length - (tokenizer.leadingSpecial().isPresent() ? 1 : 0)];
        }

        void add(int[] tokens) {
            for (int token : tokens) {
                room[size++] = token;
                if (size == room.length) {
                    windows.add(tokenizer.withLeadingSpecial(room));
                    size = 0;
                }
            }
            if (size > 0) {
                tokenizer.leadingSpecial().ifPresent(token -> room[size++] = token);
                if (size == room.length) {
                    size = 0; // nothing but a separator is missing
                    windows.add(tokenizer.withLeadingSpecial(room));
                }
            }
        }
    }

    /**
     * @param length  tokens of a window
     * @param most    tokens to train on at most
     * @param held    tokens to hold out, about
     * @param silent  positions at the start of a window without features
     * @throws HeadwaterException    if the text is too short for one window of each sort
     * @throws CancellationException if the listener asks for it
     */
    static TrainingText read(
            Corpus corpus,
            Tokenizer tokenizer,
            int length,
            long most,
            int held,
            int silent,
            long seed,
            Progress progress) {
        progress.phase("tokens", most == Long.MAX_VALUE ? -1 : most);
        Packing train = new Packing(tokenizer, length);
        Packing judge = new Packing(tokenizer, length);
        MessageDigest digest = Sha256.digest();
        int[] documents = new int[1];
        corpus.read(document -> {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            boolean out = documents[0]++ % HELD_OUT == HELD_OUT / 2 && (long) judge.windows.size() * length < held;
            (out ? judge : train).add(tokenizer.encode(document, false));
            digest.update(document.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) '\n');
            long read = (long) train.windows.size() * length;
            progress.advance(Math.min(read, most));
            return read < most;
        });
        while ((train.windows.size() - 1L) * length > most) {
            train.windows.removeLast();
        }
        // A text of few long documents: its last windows, which may share a document with others.
        while (judge.windows.isEmpty() && train.windows.size() > 1
                || judge.windows.size() < train.windows.size() / 32 && (long) judge.windows.size() * length < held) {
            judge.windows.add(train.windows.removeLast());
        }
        if (judge.windows.isEmpty() || train.windows.isEmpty()) {
            throw new HeadwaterException(
                    "The corpus %s has fewer than two windows of %d tokens; give a longer text, or shorter windows"
                            .formatted(corpus.files(), length));
        }
        shuffle(train.windows, new Random(seed));
        Set<Integer> special = new HashSet<>(tokenizer.special().ids());
        tokenizer.leadingSpecial().ifPresent(special::add);
        return new TrainingText(
                List.copyOf(train.windows), List.copyOf(judge.windows), special, silent, Sha256.hex(digest));
    }

    private static void shuffle(List<int[]> windows, Random random) {
        for (int i = windows.size() - 1; i > 0; i--) {
            int[] last = windows.get(i);
            int other = random.nextInt(i + 1);
            windows.set(i, windows.get(other));
            windows.set(other, last);
        }
    }

    int length() {
        return windows.getFirst().length;
    }

    /** Tokens to train on. */
    long tokens() {
        return (long) windows.size() * length();
    }

    /**
     * Rows of windows that lie one below the other whose activations are learned from: special tokens, at the start or between documents,
     * have others, many times as large.
     */
    long[] rows(List<int[]> some) {
        long[] rows = new long[some.stream().mapToInt(window -> window.length).sum()];
        int count = 0;
        long first = 0;
        for (int[] window : some) {
            for (int i = 0; i < window.length; i++) {
                if (i >= silent && !special.contains(window[i])) {
                    rows[count++] = first + i;
                }
            }
            first += window.length;
        }
        return Arrays.copyOf(rows, count);
    }
}
