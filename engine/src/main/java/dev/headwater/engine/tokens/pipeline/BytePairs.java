package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Byte pair encoding: a word's characters are joined pair by pair, the pair of lowest rank first, the leftmost of equal ones. */
final class BytePairs implements Model {
    private static final int MOST_CACHED = 1 << 14;
    private static final int LONGEST_CACHED = 64;

    private final Vocabulary vocabulary;
    private final Merges merges;
    private final Options options;
    private final int unknown;
    /** Ids of single characters below 512, which are all there are in the alphabet of bytes. */
    private final int[] singles = new int[512];

    private final int[] bytes;
    private final Map<String, int[]> cache = new ConcurrentHashMap<>();

    /**
     * What else tokenizer.json says about such a model.
     *
     * @param unknown           the token for characters that have none; null for none: they are dropped
     * @param prefix            what marks a character that does not begin a word; may be empty
     * @param suffix            what marks a word's last character; may be empty
     * @param fusesUnknown      whether neighbours without a token share one
     * @param fallsBackToBytes  whether characters without a token become their bytes' tokens, where all of these are there
     * @param takesWholeWords   whether a word that is a token stays whole, whatever the merges say
     */
    record Options(
            @Nullable String unknown,
            String prefix,
            String suffix,
            boolean fusesUnknown,
            boolean fallsBackToBytes,
            boolean takesWholeWords) {}

    BytePairs(Vocabulary vocabulary, Merges merges, Options options) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.options = options;
        this.unknown = options.unknown == null ? -1 : vocabulary.id(options.unknown);
        for (int c = 0; c < singles.length; c++) {
            singles[c] = vocabulary.id(Character.toString(c));
        }
        bytes = byteTokens(vocabulary);
    }

    /** Ids of the tokens {@code <0x00>} to {@code <0xFF>}, -1 for each that is not there. */
    static int[] byteTokens(Vocabulary vocabulary) {
        int[] ids = new int[256];
        for (int b = 0; b < ids.length; b++) {
            ids[b] = vocabulary.id(String.format(Locale.ROOT, "<0x%02X>", b));
        }
        return ids;
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    @Override
    public void tokens(String word, Steps steps, Ids into) {
        if (options.takesWholeWords) {
            int id = vocabulary.id(word);
            if (id >= 0) {
                into.add(id);
                return;
            }
        }
        if (word.length() > LONGEST_CACHED) {
            into.addAll(merged(word, steps));
            return;
        }
        int[] ids = cache.get(word);
        if (ids == null) {
            ids = merged(word, steps);
            if (cache.size() >= MOST_CACHED) {
                cache.clear();
            }
            cache.put(word, ids);
        }
        into.addAll(ids);
    }

    private int[] merged(String word, Steps steps) {
        int[] symbols = symbols(word);
        steps.spend(8L * symbols.length);
        return new Joining(merges, symbols).ids();
    }

    /** The tokens of a word's characters, before any is joined. */
    private int[] symbols(String word) {
        Ids ids = new Ids();
        boolean marked = !options.prefix.isEmpty() || !options.suffix.isEmpty();
        boolean pending = false;
        for (int at = 0; at < word.length(); ) {
            int next = at + Character.charCount(word.codePointAt(at));
            char c = word.charAt(at);
            int id = marked
                    ? vocabulary.id(spelled(word, at, next))
                    : c < singles.length ? singles[c] : vocabulary.id(word, at, next);
            if (id >= 0) {
                if (pending) {
                    ids.add(unknown);
                    pending = false;
                }
                ids.add(id);
            } else if (!options.fallsBackToBytes || !addBytes(spelled(word, at, next), ids)) {
                if (options.unknown != null && unknown < 0) {
                    throw new RefusedException(
                            "its token for the unknown, " + options.unknown + ", is not in its vocabulary");
                }
                if (pending && !options.fusesUnknown) {
                    ids.add(unknown);
                }
                pending = options.unknown != null;
            }
            at = next;
        }
        if (pending) {
            ids.add(unknown);
        }
        return ids.toArray();
    }

    /** A character with the marks of its place in the word. */
    private String spelled(String word, int at, int next) {
        String character = word.substring(at, next);
        return (at > 0 ? options.prefix : "") + character + (next == word.length() ? options.suffix : "");
    }

    private boolean addBytes(String character, Ids ids) {
        byte[] utf8 = character.getBytes(StandardCharsets.UTF_8);
        for (byte b : utf8) {
            if (bytes[b & 0xFF] < 0) {
                return false;
            }
        }
        for (byte b : utf8) {
            ids.add(bytes[b & 0xFF]);
        }
        return true;
    }

    /** One word's symbols as a linked list, and a heap of the pairs that can be joined: n log n, however long the word is. */
    private static final class Joining {
        private final Merges merges;
        /** -1 for a symbol that has gone into the one before it. */
        private final int[] symbols;

        private final int[] next;
        private final int[] previous;
        /** Rank and place, a binary heap with the lowest on top. */
        private long[] heap;

        private int size;

        Joining(Merges merges, int[] symbols) {
            this.merges = merges;
            this.symbols = symbols;
            int count = symbols.length;
            next = new int[count];
            previous = new int[count];
            heap = new long[Math.max(count, 4)];
            for (int i = 0; i < count; i++) {
                next[i] = i + 1 < count ? i + 1 : -1;
                previous[i] = i - 1;
            }
            for (int i = 0; i + 1 < count; i++) {
                push(i);
            }
        }

        int[] ids() {
            while (size > 0) {
                long top = pop();
                int at = (int) top;
                int rank = (int) (top >>> 32);
                if (symbols[at] < 0 || next[at] < 0) {
                    continue;
                }
                int right = next[at];
                int now = merges.rank(symbols[at], symbols[right]);
                // Another pair with the same result may have come here meanwhile: that one is joined too.
                if (now < 0 || merges.result(now) != merges.result(rank)) {
                    continue;
                }
                symbols[at] = merges.result(rank);
                symbols[right] = -1;
                next[at] = next[right];
                if (next[at] >= 0) {
                    previous[next[at]] = at;
                }
                if (previous[at] >= 0) {
                    push(previous[at]);
                }
                if (next[at] >= 0) {
                    push(at);
                }
            }
            int count = 0;
            int[] ids = new int[symbols.length];
            for (int symbol : symbols) {
                if (symbol >= 0) {
                    ids[count++] = symbol;
                }
            }
            return Arrays.copyOf(ids, count);
        }

        private void push(int at) {
            int rank = merges.rank(symbols[at], symbols[next[at]]);
            if (rank < 0) {
                return;
            }
            if (size == heap.length) {
                heap = Arrays.copyOf(heap, 2 * size);
            }
            long entry = (long) rank << 32 | at;
            int place = size++;
            while (place > 0 && heap[place - 1 >> 1] > entry) {
                heap[place] = heap[place - 1 >> 1];
                place = place - 1 >> 1;
            }
            heap[place] = entry;
        }

        private long pop() {
            long top = heap[0];
            long last = heap[--size];
            int place = 0;
            while (2 * place + 1 < size) {
                int child = 2 * place + 1;
                if (child + 1 < size && heap[child + 1] < heap[child]) {
                    child++;
                }
                if (heap[child] >= last) {
                    break;
                }
                heap[place] = heap[child];
                place = child;
            }
            heap[place] = last;
            return top;
        }
    }
}
