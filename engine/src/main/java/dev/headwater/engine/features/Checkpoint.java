package dev.headwater.engine.features;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.MappedFile;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The statistics of a build in progress, in a file that is replaced whole.
 *
 * @param layers   of the set
 * @param features of a layer
 * @param connected makes what is gathered for connections
 */
record Checkpoint(Path file, int layers, int features, Connected connected) {
    private static final int MAGIC = 0x48574643;

    /**
     * Statistics of the layers from {@code firstLayer} to before {@code endLayer}, after all windows before {@code
     * nextWindow}.
     *
     * @param statistics by layer and feature, null for features that have not fired
     * @param together   what was active together; null if nobody asks for connections
     */
    record State(
            int firstLayer,
            int endLayer,
            int nextWindow,
            FeatureStatistics[][] statistics,
            @Nullable Coactivations together) {
        State at(int window) {
            return new State(firstLayer, endLayer, window, statistics, together);
        }

        FeatureStatistics[] features(int layer) {
            return statistics[layer - firstLayer];
        }
    }

    /** Makes an empty one for some layers, or null. */
    @FunctionalInterface
    interface Connected {
        @Nullable
        Coactivations begin(int firstLayer, int endLayer);
    }

    /** Of layers of which no window has been read. */
    State begin(int firstLayer, int endLayer) {
        return new State(
                firstLayer,
                endLayer,
                0,
                new FeatureStatistics[endLayer - firstLayer][features],
                connected.begin(firstLayer, endLayer));
    }

    boolean exists() {
        return Files.exists(file);
    }

    void delete() throws IOException {
        Files.deleteIfExists(file);
    }

    void write(State state) {
        try (AtomicFile whole = AtomicFile.create(file)) {
            var out =
                    new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(whole.channel()), 1 << 16));
            out.writeInt(MAGIC);
            out.writeInt(state.firstLayer);
            out.writeInt(state.endLayer);
            out.writeInt(state.nextWindow);
            for (FeatureStatistics[] layer : state.statistics) {
                for (FeatureStatistics feature : layer) {
                    out.writeBoolean(feature != null);
                    if (feature != null) {
                        feature.write(out);
                    }
                }
            }
            if (state.together != null) {
                state.together.write(out);
            }
            out.flush();
            MappedFile.requireWhole();
            whole.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    /** @throws HeadwaterException if the file is damaged or of another set */
    State read(TokenWindows corpus) {
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
            int magic = in.readInt();
            int first = in.readInt();
            int end = in.readInt();
            int next = in.readInt();
            if (magic != MAGIC || first < 0 || end <= first || end > layers || next < 0 || next > corpus.count()) {
                throw new IOException("its head is wrong");
            }
            State state = begin(first, end).at(next);
            for (FeatureStatistics[] layer : state.statistics) {
                for (int feature = 0; feature < features; feature++) {
                    if (in.readBoolean()) {
                        layer[feature] = FeatureStatistics.read(in, corpus);
                    }
                }
            }
            if (state.together != null) {
                state.together.read(in);
            }
            if (in.read() >= 0) {
                throw new IOException("it goes on after its end");
            }
            return state;
        } catch (IOException e) {
            throw new HeadwaterException(
                    "The checkpoint %s can't be read (%s); delete its directory to begin anew".formatted(file, e), e);
        }
    }
}
