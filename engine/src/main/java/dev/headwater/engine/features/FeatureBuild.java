package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.LockFile;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.WindowPass;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.SparseActivations;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;

/**
 * Gathers evidence about all features of a transcoder set, or all neurons of a model, from a corpus, and writes it as {@link FeatureFiles}.
 *
 * <p>The corpus is tokenized into a file once; then the model reads it for as many layers at a time as the memory
 * allows, and for each layer the features' statistics become its file. What is done is kept in {@code
 * features.partial}: a run that was ended, however that came, goes on from its last checkpoint when it is started again
 * with the same settings, and ends with the same bytes as one that was not ended. The directory gets its name when
 * everything in it is done.
 */
public final class FeatureBuild {
    /** Heap that a feature takes, at most, if it fires on a tenth of the positions of its windows. */
    private static final long BYTES_PER_FEATURE = 6000;
    /** Time spent on checkpoints, at most, as a part of all time. */
    private static final int CHECKPOINT_SHARE = 20;
    /** Records that are made at a time, by all processors. */
    private static final int RECORDS = 256;

    /**
     * @param window      tokens of a window, the leading special one among them; longer documents are cut
     * @param maxTokens   of the corpus; what comes after is left out
     * @param top         windows with the largest activations to keep for a feature
     * @param sample      windows drawn from all in which it fires
     * @param logits      most raised and most lowered tokens to name
     * @param allTokens   whether these may be any tokens, or only such as the corpus has
     * @param memory      bytes of Java heap for statistics; more of it needs fewer readings of the corpus
     * @param checkpoint  time between checkpoints, at least
     * @param connections strongest connections into a feature to keep, see {@link Connection}; 0 not to gather any
     */
    public record Options(
            int window,
            long maxTokens,
            int top,
            int sample,
            int logits,
            boolean allTokens,
            long memory,
            Duration checkpoint,
            int connections) {
        public static final Options DEFAULT = new Options(
                128, 10_000_000, 20, 25, 10, true, Runtime.getRuntime().maxMemory() / 2, Duration.ofSeconds(30), 0);

        public Options {
            require(window >= 2 && window <= 1 << 16, "a window has 2 to 65536 tokens, not " + window);
            require(maxTokens >= 1, "at least one token of the corpus has to be read, not " + maxTokens);
            require(top >= 1 && top <= 1000, "1 to 1000 top examples can be kept for a feature, not " + top);
            require(
                    sample >= 0 && sample <= 1000,
                    "0 to 1000 sampled examples can be kept for a feature, not " + sample);
            require(
                    logits >= 1 && logits <= 100,
                    "1 to 100 tokens can be named at each end of the output, not " + logits);
            require(
                    connections >= 0 && connections <= 1000,
                    "0 to 1000 connections can be kept for a feature, not " + connections);
        }

        /** {@return these options, keeping as many connections into each feature} */
        public Options withConnections(int value) {
            return new Options(window, maxTokens, top, sample, logits, allTokens, memory, checkpoint, value);
        }

        private static void require(boolean condition, String otherwise) {
            if (!condition) {
                throw new UsageException(otherwise);
            }
        }

        /** {@return these options, reading at most as many tokens} */
        public Options withMaxTokens(long value) {
            return new Options(window, value, top, sample, logits, allTokens, memory, checkpoint, connections);
        }

        /** {@return these options within as many bytes of working memory} */
        public Options withMemory(long value) {
            return new Options(window, maxTokens, top, sample, logits, allTokens, value, checkpoint, connections);
        }

        /** {@return these options, keeping what was gathered at that interval} */
        public Options withCheckpoint(Duration value) {
            return new Options(window, maxTokens, top, sample, logits, allTokens, memory, value, connections);
        }
    }

    private final ReplacementModel model;
    private final Corpus corpus;
    private final Options options;
    private final Progress progress;
    private final Path work;
    private final FeatureBasis transcoders;
    private final Checkpoint checkpoint;

    private FeatureBuild(ReplacementModel model, Corpus corpus, Options options, Path work, Progress progress) {
        this.model = model;
        this.corpus = corpus;
        this.options = options;
        this.progress = progress;
        this.work = work;
        transcoders = model.basis();
        checkpoint = new Checkpoint(
                work.resolve("checkpoint"),
                transcoders.layers(),
                transcoders.features(),
                (first, end) ->
                        options.connections == 0 ? null : new Coactivations(model, first, end, options.connections));
    }

    /** Where the files of a set go: {@code <directory>/<scan>/features}, where front ends look for them. */
    public static Path target(ReplacementModel model, Path directory) {
        return directory.resolve(model.scan()).resolve("features");
    }

    /**
     * The finished files of a set.
     *
     * @param directory that {@link #run} was given
     * @throws HeadwaterException if there are none, or they are damaged
     */
    public static FeatureFiles open(ReplacementModel model, Path directory) {
        return FeatureFiles.open(SetEvidence.in(directory, model.scan()).orElse(target(model, directory)));
    }

    /**
     * Builds the files, or goes on with it.
     *
     * @param directory made if missing
     * @return {@link #target}
     * @throws HeadwaterException    if the files are there already, another process builds them, or what is there of an
     *      earlier run
     *                               has other settings
     * @throws CancellationException if the listener asks for it, after a checkpoint
     */
    public static Path run(ReplacementModel model, Corpus corpus, Options options, Path directory, Progress progress) {
        if (options.connections > 0 && model.basis().dense()) {
            throw new UsageException(
                    "Connections are between features of transcoders; a model's own neurons read through what depends on the prompt");
        }
        Path target = target(model, directory);
        if (Files.exists(target)) {
            throw new HeadwaterException(
                    "There are feature files in %s already; move them away, or write into another directory"
                            .formatted(target));
        }
        Path work = target.resolveSibling("features.partial");
        Path lock = target.resolveSibling("features.lock");
        try {
            Files.createDirectories(work);
        } catch (IOException e) {
            throw AtomicFile.failure(work, e);
        }
        try (LockFile _ = LockFile.tryAcquire(lock)
                .orElseThrow(() -> new HeadwaterException(
                        "Another process is building the features in %s; wait for it, or write into another directory"
                                .formatted(work)))) {
            new FeatureBuild(model, corpus, options, work, progress).run();
            Files.move(work, target);
            return target;
        } catch (IOException e) {
            throw AtomicFile.failure(target, e);
        }
    }

    private void run() throws IOException {
        Path settings = work.resolve("settings.json");
        Path tokens = work.resolve("tokens.bin");
        settle(settings);
        if (!Files.exists(tokens)) {
            int length = Math.min(options.window, model.model().config().maxPositions());
            TokenWindows.write(tokens, corpus, model.tokenizer(), length, options.maxTokens, progress);
        }
        try (TokenWindows windows = TokenWindows.open(tokens, model.vocabularySize());
                var scope = TensorScope.open()) {
            var logits = new OutputLogits(model, options.logits, nameable(windows));
            int atOnce =
                    Math.clamp(options.memory / (transcoders.features() * bytesPerFeature()), 1, transcoders.layers());
            for (int done = LayerFile.finished(work, transcoders.layers());
                    done < transcoders.layers() || checkpoint.exists(); ) {
                Checkpoint.State state = checkpoint.exists()
                        ? checkpoint.read(windows)
                        : checkpoint.begin(done, Math.min(transcoders.layers(), done + atOnce));
                gather(windows, state);
                for (int layer = state.firstLayer(); layer < state.endLayer(); layer++) {
                    if (state.together() != null) {
                        progress.phase("connections of layer " + layer, -1);
                        ConnectionFile.write(work, model, layer, state.together(), options.connections);
                    }
                    write(windows, layer, state.features(layer), logits);
                }
                checkpoint.delete();
                done = state.endLayer();
            }
            LayerFile.writeIndex(work, transcoders.layers());
        }
        Files.delete(tokens);
        Files.delete(settings);
    }

    private long bytesPerFeature() {
        // What is active everywhere has an activation at every position of every window that is kept.
        return (transcoders.dense()
                        ? (2L * options.top + options.sample) * options.window * (Integer.BYTES + Float.BYTES)
                        : BYTES_PER_FEATURE)
                + (options.connections == 0 ? 0 : Coactivations.bytes(options.connections));
    }

    /** Notes what this run is, or makes sure that it is what an earlier run noted. */
    private void settle(Path file) throws IOException {
        ObjectNode settings = BoundedJson.mapper().createObjectNode();
        settings.put("model", model.modelReference())
                .put("transcoders", model.transcoderReference())
                .put("dtype", model.dtype().toString());
        settings.put("window", options.window)
                .put("max_tokens", options.maxTokens)
                .put("top", options.top)
                .put("sample", options.sample);
        settings.put("logits", options.logits)
                .put("all_tokens", options.allTokens)
                .put("connections", options.connections)
                .put("statistics", FeatureStatistics.VERSION);
        ArrayNode files = settings.putArray("corpus");
        for (Path path : corpus.files()) {
            files.addObject()
                    .put("file", path.toAbsolutePath().normalize().toString())
                    .put("bytes", Files.size(path));
        }
        if (!Files.exists(file)) {
            try (AtomicFile whole = AtomicFile.create(file)) {
                ByteBuffer bytes = ByteBuffer.wrap(BoundedJson.mapper().writeValueAsBytes(settings));
                while (bytes.hasRemaining()) {
                    whole.channel().write(bytes);
                }
                whole.commit();
            }
            return;
        }
        // As written and read again: numbers have the types that their texts have.
        JsonNode wanted = BoundedJson.mapper().readTree(BoundedJson.mapper().writeValueAsBytes(settings));
        JsonNode earlier = BoundedJson.read(file);
        for (String name : (Iterable<String>) settings::fieldNames) {
            if (!wanted.get(name).equals(earlier.get(name))) {
                throw new HeadwaterException(
                        "%s holds a run that was not finished, with another setting of '%s' (%s, now %s); repeat it as it was, or delete that directory"
                                .formatted(work, name, earlier.get(name), wanted.get(name)));
            }
        }
    }

    private BitSet nameable(TokenWindows windows) {
        if (!options.allTokens) {
            return windows.vocabulary();
        }
        BitSet all = new BitSet();
        all.set(0, model.vocabularySize());
        return all;
    }

    /** Reads the rest of the corpus into the statistics of the state's layers. */
    private void gather(TokenWindows windows, Checkpoint.State state) {
        progress.phase(
                state.firstLayer() == 0 && state.endLayer() == transcoders.layers()
                        ? "activations"
                        : "activations of layers %d to %d".formatted(state.firstLayer(), state.endLayer() - 1),
                windows.count());
        long last = System.nanoTime();
        long cost = 0;
        for (int window = state.nextWindow(); window < windows.count(); ) {
            boolean cancelled = progress.cancelled();
            long now = System.nanoTime();
            if (cancelled || now - last > Math.max(options.checkpoint.toNanos(), CHECKPOINT_SHARE * cost)) {
                checkpoint.write(state.at(window));
                last = System.nanoTime();
                cost = last - now;
            }
            if (cancelled) {
                throw new CancellationException();
            }
            WindowBatch batch = WindowBatch.from(windows, window);
            read(windows, batch, state);
            window += batch.size();
            progress.advance(window);
        }
        checkpoint.write(state.at(windows.count()));
    }

    private void read(TokenWindows windows, WindowBatch batch, Checkpoint.State state) {
        Coactivations together = state.together();
        Set<FeatureSite> sites = EnumSet.of(transcoders.input());
        if (together != null) {
            sites.addAll(together.denominators().sites());
        }
        SparseActivations[] active = new SparseActivations[state.endLayer()];
        WindowPass pass = batch.pass(model.model(), windows);
        pass.run(state.endLayer(), sites, (site, layer, x) -> {
            if (together != null && together.denominators().sites().contains(site)) {
                together.denominators().add(site, layer, x);
            }
            if (site == transcoders.input() && (together != null || layer >= state.firstLayer())) {
                active[layer] = transcoders.encode(layer, x, 0);
                if (layer >= state.firstLayer()) {
                    batch.add(windows, layer, active[layer], state.features(layer), options.top, options.sample);
                }
            }
        });
        if (together != null) {
            together.add(pass.rows(), active);
        }
    }

    private void write(TokenWindows windows, int layer, FeatureStatistics[] features, OutputLogits logits) {
        progress.phase("records of layer " + layer, features.length);
        TokenTexts texts = new TokenTexts(model);
        FeatureRecord record = new FeatureRecord(model.scan(), windows, windows.positions(), texts);
        try (LayerFile file = LayerFile.create(work, layer)) {
            for (int first = 0; first < features.length; first += logits.blockSize()) {
                int begin = first;
                int end = Math.min(first + logits.blockSize(), features.length);
                OutputLogits.Block block =
                        logits.of(layer, IntStream.range(begin, end).toArray());
                for (int from = begin; from < end; from += RECORDS) {
                    if (progress.cancelled()) {
                        throw new CancellationException();
                    }
                    IntStream.range(from, Math.min(end, from + RECORDS))
                            .parallel()
                            .mapToObj(
                                    f -> LayerFile.packed(json -> record.write(json, f, features[f], block, f - begin)))
                            .toList()
                            .forEach(file::add);
                }
                progress.advance(first);
            }
            file.commit();
        }
    }
}
