package dev.headwater.engine.features;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.files.AtomicFile;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The strongest connections into the features of a layer, {@code connections_<l>.bin} beside the layer's records, all big-endian: three
 * 32-bit integers (a mark, the layer, F), for each feature the 32-bit number of connections up to and with it, then for each connection
 * 16 bytes: the source as {@code layer · F + feature}, virtual weight, ERA and TWERA as float32, the largest TWERA first.
 *
 * @param counts connections up to and with each feature
 */
record ConnectionFile(Path file, int layer, int[] counts) {
    private static final int MAGIC = 0x48574757;
    private static final int HEAD = 3 * Integer.BYTES;
    private static final int ENTRY = Integer.BYTES + 3 * Float.BYTES;
    /** Weights that are computed at a time. */
    private static final int WEIGHTS = 1 << 23;

    private static final int MOST_FEATURES = 1 << 22;
    /** Bytes that are looked through at a time. */
    private static final int CHUNK = ENTRY << 16;

    static Path path(Path directory, int layer) {
        return directory.resolve("connections_" + layer + ".bin");
    }

    /** Writes the {@code kept} strongest by TWERA of each feature. */
    static void write(Path directory, ReplacementModel model, int layer, Coactivations counted, int kept) {
        Path path = path(directory, layer);
        int features = model.basis().features();
        List<List<Connection>> all = new ArrayList<>(features);
        int block = Math.clamp(WEIGHTS / features, 1, features);
        for (int first = 0; first < features; first += block) {
            all.addAll(block(model, layer, first, Math.min(block, features - first), counted, kept));
        }
        try (AtomicFile whole = AtomicFile.create(path)) {
            var out =
                    new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(whole.channel()), 1 << 16));
            out.writeInt(MAGIC);
            out.writeInt(layer);
            out.writeInt(features);
            int count = 0;
            for (List<Connection> one : all) {
                count += one.size();
                out.writeInt(count);
            }
            for (List<Connection> one : all) {
                for (Connection connection : one) {
                    out.writeInt(connection.layer() * features + connection.feature());
                    out.writeFloat((float) connection.weight());
                    out.writeFloat((float) known(connection.era()));
                    out.writeFloat((float) known(connection.twera()));
                }
            }
            out.flush();
            whole.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(path, e);
        }
    }

    private static double known(@Nullable Double value) {
        return value == null ? 0 : value;
    }

    private static List<List<Connection>> block(
            ReplacementModel model, int layer, int first, int count, Coactivations counted, int kept) {
        int features = model.basis().features();
        List<List<Connection>> found = new ArrayList<>();
        List<Partners.Sums[]> sums = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Partners partners = counted.of(layer, first + i);
            found.add(new ArrayList<>());
            sums.add(partners == null ? new Partners.Sums[0] : partners.sums());
        }
        double[] after = counted.denominators().after();
        boolean plain = Arrays.stream(after).allMatch(mean -> mean == 1);
        VirtualWeights weights = new VirtualWeights(model);
        int[] next = new int[count];
        try (var scope = TensorScope.open()) {
            Tensor read =
                    weights.read(layer, IntStream.range(first, first + count).toArray());
            for (int source = 0; source < layer; source++) {
                float[] pure;
                float[] typical;
                try (var inner = TensorScope.open()) {
                    pure = VirtualWeights.between(read, weights.written(source, layer, null, weights.all()))
                            .toFloats();
                    typical = plain
                            ? pure
                            : VirtualWeights.between(read, weights.written(source, layer, after, weights.all()))
                                    .toFloats();
                }
                for (int i = 0; i < count; i++) {
                    Partners.Sums[] of = sums.get(i);
                    Partners partners = counted.of(layer, first + i);
                    for (;
                            partners != null && next[i] < of.length && of[next[i]].partner() / features == source;
                            next[i]++) {
                        int number = of[next[i]].partner() % features;
                        double typicalWeight = counted.denominators().before(layer) * typical[i * features + number];
                        double often = (double) partners.fired() / counted.positions();
                        found.get(i)
                                .add(new Connection(
                                        source,
                                        number,
                                        pure[i * features + number],
                                        typicalWeight * often * of[next[i]].sum() / partners.counted(),
                                        typicalWeight * of[next[i]].product() / partners.own()));
                    }
                }
            }
        }
        return found.stream()
                .map(one -> Connection.strongest(one, Connection.By.TWERA, kept))
                .toList();
    }

    /**
     * Opens a layer's file.
     *
     * @return empty if there is none
     * @throws HeadwaterException if it is damaged
     */
    static Optional<ConnectionFile> open(Path directory, int layer) {
        Path file = path(directory, layer);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer head = read(channel, 0, HEAD);
            if (head.getInt() != MAGIC || head.getInt() != layer) {
                throw new IOException("its head is wrong");
            }
            int features = head.getInt();
            if (features < 1 || features > MOST_FEATURES) {
                throw new IOException(features + " features");
            }
            int[] counts = new int[features];
            read(channel, HEAD, features * Integer.BYTES).asIntBuffer().get(counts);
            int before = 0;
            for (int count : counts) {
                if (count < before) {
                    throw new IOException("its counts do not ascend");
                }
                before = count;
            }
            ConnectionFile opened = new ConnectionFile(file, layer, counts);
            if (channel.size() != opened.start() + (long) before * ENTRY) {
                throw new IOException("it has another size than it says");
            }
            return Optional.of(opened);
        } catch (IOException e) {
            throw damaged(file, e);
        }
    }

    private static HeadwaterException damaged(Path file, IOException e) {
        return new HeadwaterException(
                "The connections in %s can't be read (%s); gather them anew with features build --connections"
                        .formatted(file, e.getMessage()),
                e);
    }

    private static ByteBuffer read(FileChannel channel, long from, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, from + buffer.position()) < 0) {
                throw new IOException("it ends early");
            }
        }
        return buffer.flip();
    }

    private long start() {
        return HEAD + (long) counts.length * Integer.BYTES;
    }

    int features() {
        return counts.length;
    }

    /** Into a feature of this layer, the strongest first. */
    List<Connection> inputs(int feature) {
        int first = feature == 0 ? 0 : counts[feature - 1];
        List<Connection> found = new ArrayList<>();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer entries = read(channel, start() + (long) first * ENTRY, (counts[feature] - first) * ENTRY);
            while (entries.hasRemaining()) {
                int source = entries.getInt();
                found.add(entry(source / counts.length, source % counts.length, entries));
            }
        } catch (IOException e) {
            throw damaged(file, e);
        }
        return found;
    }

    /** From a feature below to those of this layer, by number. */
    List<Connection> outputs(int sourceLayer, int sourceFeature) {
        int wanted = sourceLayer * counts.length + sourceFeature;
        List<Connection> found = new ArrayList<>();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            int target = 0;
            int entry = 0;
            for (long from = start(); from < channel.size(); from += CHUNK) {
                ByteBuffer entries = read(channel, from, (int) Math.min(CHUNK, channel.size() - from));
                for (; entries.hasRemaining(); entry++) {
                    if (entries.getInt(entries.position()) == wanted) {
                        while (counts[target] <= entry) {
                            target++;
                        }
                        entries.getInt();
                        found.add(entry(layer, target, entries));
                    } else {
                        entries.position(entries.position() + ENTRY);
                    }
                }
            }
        } catch (IOException e) {
            throw damaged(file, e);
        }
        return found;
    }

    private static Connection entry(int layer, int feature, ByteBuffer rest) {
        return new Connection(layer, feature, rest.getFloat(), (double) rest.getFloat(), (double) rest.getFloat());
    }
}
