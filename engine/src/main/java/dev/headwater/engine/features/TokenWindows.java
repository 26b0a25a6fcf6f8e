package dev.headwater.engine.features;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.tokens.Tokenizer;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;

/**
 * A corpus as the model reads it, on disk: windows of at most so many tokens, each a document or a part of one, led by
 * the tokenizer's special token. The file is for each window its length and its tokens, big-endian 32-bit integers.
 */
final class TokenWindows implements AutoCloseable {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int MOST_WINDOWS = 1 << 28;

    private final Path file;
    private final Arena arena;
    private final MemorySegment data;
    /** Offset of each window, and the end. */
    private final long[] starts;

    private final int vocabulary;

    private TokenWindows(Path file, Arena arena, MemorySegment data, long[] starts, int vocabulary) {
        this.file = file;
        this.arena = arena;
        this.data = data;
        this.starts = starts;
        this.vocabulary = vocabulary;
    }

    /** Tokenizes a corpus into a file, until it ends or {@code most} tokens are written. */
    static void write(Path file, Corpus corpus, Tokenizer tokenizer, int length, long most, Progress progress) {
        progress.phase("tokens", most == Long.MAX_VALUE ? -1 : most);
        long[] written = new long[2];
        try (AtomicFile whole = AtomicFile.create(file)) {
            var out =
                    new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(whole.channel()), 1 << 16));
            cut(corpus, tokenizer, length, progress, window -> {
                if (written[1]++ == MOST_WINDOWS) {
                    throw new HeadwaterException(
                            "The corpus has more than %d windows of text; take a part of it".formatted(MOST_WINDOWS));
                }
                put(out, window, file);
                written[0] += window.length;
                return written[0] < most;
            });
            out.flush();
            if (written[1] == 0) {
                throw new HeadwaterException("The corpus %s holds no text".formatted(corpus.files()));
            }
            whole.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    /**
     * Windows of a corpus in order, for a taker that says whether it wants more.
     *
     * @throws CancellationException if the listener asks to stop
     */
    static void cut(Corpus corpus, Tokenizer tokenizer, int length, Progress progress, Predicate<int[]> taker) {
        long[] taken = new long[1];
        corpus.read(document -> {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            int[] tokens = tokenizer.encode(document, false);
            // Room for the special token, which every window gets.
            for (int from = 0; from < tokens.length; from += length - 1) {
                int[] window = tokenizer.withLeadingSpecial(
                        Arrays.copyOfRange(tokens, from, Math.min(tokens.length, from + length - 1)));
                if (window.length < 2) {
                    continue;
                }
                if (!taker.test(window)) {
                    return false;
                }
                taken[0] += window.length;
            }
            progress.advance(taken[0]);
            return true;
        });
    }

    private static void put(DataOutputStream out, int[] window, Path file) {
        try {
            out.writeInt(window.length);
            for (int token : window) {
                out.writeInt(token);
            }
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    /** @throws HeadwaterException if the file is missing or damaged */
    static TokenWindows open(Path file, int vocabulary) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment data = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            long[] starts = new long[1024];
            int count = 0;
            for (long at = 0; at < data.byteSize(); ) {
                long room = (data.byteSize() - at) / Integer.BYTES - 1;
                int length = room < 1 ? -1 : data.get(INT, at);
                if (length < 1 || length > room || count == MOST_WINDOWS) {
                    throw damaged(file);
                }
                at += (1L + length) * Integer.BYTES;
                if (++count == starts.length) {
                    starts = Arrays.copyOf(starts, 2 * count);
                }
                starts[count] = at;
            }
            return new TokenWindows(file, arena, data, Arrays.copyOf(starts, count + 1), vocabulary);
        } catch (IOException e) {
            arena.close();
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, e.getMessage()), e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static HeadwaterException damaged(Path file) {
        return new HeadwaterException("%s is damaged; delete its directory to begin anew".formatted(file));
    }

    int count() {
        return starts.length - 1;
    }

    int length(int window) {
        return (int) ((starts[window + 1] - starts[window]) / Integer.BYTES) - 1;
    }

    int[] tokens(int window) {
        int[] tokens = data.asSlice(starts[window] + Integer.BYTES, (long) length(window) * Integer.BYTES)
                .toArray(INT);
        for (int token : tokens) {
            if (token < 0 || token >= vocabulary) {
                throw damaged(file);
            }
        }
        return tokens;
    }

    boolean same(int window, int other) {
        return starts[window + 1] - starts[window] == starts[other + 1] - starts[other]
                && MemorySegment.mismatch(
                                data, starts[window], starts[window + 1], data, starts[other], starts[other + 1])
                        < 0;
    }

    /** Positions after the leading token, in all windows. */
    long positions() {
        long tokens = starts[count()] / Integer.BYTES - count();
        return tokens - count();
    }

    /** The tokens that occur. */
    BitSet vocabulary() {
        BitSet seen = new BitSet(vocabulary);
        for (int window = 0; window < count(); window++) {
            for (int token : tokens(window)) {
                seen.set(token);
            }
        }
        return seen;
    }

    @Override
    public void close() {
        arena.close();
    }
}
