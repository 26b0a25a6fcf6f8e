package dev.headwater.engine.training;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.LockFile;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.tokens.Tokenizer;
import dev.headwater.engine.tokens.ZeroPositions;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.transcoder.TranscoderSet;
import dev.headwater.engine.transcoder.TranscoderSetWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains a set of transcoders for a model on a text, and writes it in the public layout. While it is at work its state lies beside the set's
 * directory, in one whose name ends in {@code .training}: a run that was ended, in whatever way, goes on from there, and comes to the same
 * bytes as one that was not, where its budget is tokens.
 *
 * <p>The model computes on its device; features are trained on the CPU, on the threads of the native library. Memory is as the plan says.
 */
public final class TranscoderTrainer {
    /** A checkpoint takes this share of the time at most. */
    private static final double CHECKPOINT_SHARE = 0.03;

    private static final long CHECKPOINT_NANOS = 30_000_000_000L;

    private final LanguageModel model;
    private final String modelName;
    private final Tokenizer tokenizer;
    private final Corpus corpus;
    private final TrainingOptions options;
    private final TrainingListener listener;
    private final @Nullable WarmStart warm;

    /**
     * What came of a training.
     *
     * @param directory of the set
     * @param unexplained fraction of variance unexplained on held-out text, by layer
     * @param tokens    that were read
     * @param seconds   of work on all layers, that of earlier runs included
     */
    public record Result(Path directory, List<Double> unexplained, long tokens, double seconds) {
        public Result {
            unexplained = List.copyOf(unexplained);
        }
    }

    /**
     * @param model     whose MLPs are to be replaced
     * @param modelName as the set's README names it: a repository of the hub, or a path
     */
    public TranscoderTrainer(
            LanguageModel model,
            String modelName,
            Tokenizer tokenizer,
            Corpus corpus,
            TrainingOptions options,
            TrainingListener listener) {
        this(model, modelName, tokenizer, corpus, options, listener, null);
    }

    private TranscoderTrainer(
            LanguageModel model,
            String modelName,
            Tokenizer tokenizer,
            Corpus corpus,
            TrainingOptions options,
            TrainingListener listener,
            @Nullable WarmStart warm) {
        this.model = model;
        this.modelName = modelName;
        this.tokenizer = tokenizer;
        this.corpus = corpus;
        this.options = options;
        this.listener = listener;
        this.warm = warm;
    }

    /**
     * The same, beginning with the features of a set that there is: for a model that was trained on from the one that the set is for.
     *
     * @param set stays the caller's, open until the training is over
     * @throws UsageException if it has another shape than what is to be trained
     */
    public TranscoderTrainer from(TranscoderSet set) {
        WarmStart start = new WarmStart(set);
        start.require(options.shape(), model.config());
        return new TranscoderTrainer(model, modelName, tokenizer, corpus, options, listener, start);
    }

    /** Where the state of an unfinished training of a set lies. */
    public static Path work(Path target) {
        Path whole = target.toAbsolutePath().normalize();
        return whole.resolveSibling(whole.getFileName() + ".training");
    }

    /** What training will take: see {@link TrainingPlan}. */
    public TrainingPlan plan() {
        return TrainingPlan.of(model.config(), options);
    }

    /** How fast that will go on this machine, tried for some seconds. */
    public TrainingPace pace() {
        return TrainingPace.of(model, options);
    }

    /**
     * Trains and writes.
     *
     * @param target a directory that does not exist yet
     * @param resume whether to go on with what {@link #work} holds; without that there must be nothing
     * @throws UsageException     if the target exists, or a training has begun and is not to be gone on with
     * @throws HeadwaterException if the text is too short, the model's layers do not fit into memory, the disk is full, another process trains
     *                            the same set, the checkpoint is of other settings or another version, or the loss is not a number
     * @throws java.util.concurrent.CancellationException if the listener asks for it, after a checkpoint
     */
    public Result run(Path target, boolean resume) {
        if (Files.exists(target)) {
            throw new UsageException("%s exists already; name a directory that does not".formatted(target));
        }
        Path work = work(target);
        if (Files.exists(work) && !resume) {
            throw new UsageException(
                    "%s holds a training of this set that was not finished; go on with it (--resume), or delete that directory"
                            .formatted(work));
        }
        TrainingPlan plan = plan();
        // Before anything is written: a text that is refused leaves no training behind that looks unfinished.
        TrainingText text = text();
        AtomicFile.createDirectories(work, "training");
        try (LockFile _ = LockFile.tryAcquire(work.resolveSibling(work.getFileName() + ".lock"))
                .orElseThrow(() -> new HeadwaterException(
                        "Another process trains the set %s; wait for it, or write into another directory"
                                .formatted(target)))) {
            return run(target, work, plan, text);
        }
    }

    private Result run(Path target, Path work, TrainingPlan plan, TrainingText text) {
        String from = warm == null ? "" : warm.set().config().directory().toString();
        new TrainingSettings(model, modelName, options, text, from).settle(work.resolve("settings.json"));
        int layers = model.config().layers();
        List<Double> unexplained = new ArrayList<>();
        double seconds = 0;
        for (int first = 0; first < layers; first += plan.layersAtOnce()) {
            int end = Math.min(layers, first + plan.layersAtOnce());
            GroupResult group = group(text, work, first, end);
            Arrays.stream(group.unexplained).forEach(unexplained::add);
            seconds += group.seconds;
        }
        long tokens = text.tokens();
        write(target, work, text, unexplained, seconds);
        try {
            Trees.delete(work);
            Files.deleteIfExists(work.resolveSibling(work.getFileName() + ".lock"));
        } catch (IOException failure) {
            throw AtomicFile.failure(work, failure);
        }
        return new Result(target, unexplained, tokens, seconds);
    }

    private TrainingText text() {
        TrainingOptions.Settings settings = options.settings();
        int window = Math.min(settings.window(), model.config().maxPositions());
        long wanted = options.budget().tokens();
        TrainingText text = TrainingText.read(
                corpus,
                tokenizer,
                window,
                wanted,
                settings.heldOut(),
                ZeroPositions.of(modelName).count(),
                settings.seed(),
                listener);
        if (wanted != Long.MAX_VALUE
                && text.tokens() + window < wanted
                && options.budget().time() == null) {
            throw new UsageException(
                    "The text has %,d tokens to train on, fewer than the %,d that are to be read; give more text or a smaller budget"
                            .formatted(text.tokens(), wanted));
        }
        return text;
    }

    private record GroupResult(double[] unexplained, double seconds) {}

    /** Trains some layers, unless that is done, and leaves a file for each. */
    private GroupResult group(TrainingText text, Path work, int first, int end) {
        Path done = work.resolve("layers_" + first + "_" + end + ".json");
        if (Files.exists(done)) {
            return TrainingSettings.read(done, GroupResult::new);
        }
        int layers = model.config().layers();
        int width = model.config().width();
        TrainingShape shape = options.shape();
        ActivationReader reader = new ActivationReader(model, shape.input(), shape.output(), text);
        Path file = work.resolve("state.safetensors");
        try (TrainingState state = Files.exists(file)
                        ? TrainingState.read(file, shape, width, first, end, layers)
                        : new TrainingState(
                                first,
                                LayerTraining.scalings(reader, first, end, width),
                                TrainingState.parameters(shape, width, first, end, layers));
                var training = new LayerTraining(reader, options, listener, state, width)) {
            training.run(checkpoints(file), warm);
            training.finish();
            double[] unexplained = training.unexplained();
            listener.report(training.last(unexplained));
            for (int layer = first; layer < end; layer++) {
                int index = layer - first;
                LayerExport.write(
                        exported(work, layer),
                        state.layers().get(index),
                        state.scalings().subList(index, index + state.layers().get(index).targets),
                        shape);
            }
            GroupResult result = new GroupResult(unexplained, state.clock().nanos / 1e9);
            TrainingSettings.write(done, result.unexplained, result.seconds);
            Files.deleteIfExists(file);
            return result;
        } catch (IOException failure) {
            throw AtomicFile.failure(file, failure);
        }
    }

    private static Path exported(Path work, int layer) {
        return work.resolve("layer_" + layer + ".safetensors");
    }

    private static LayerTraining.Checkpoints checkpoints(Path file) {
        return new LayerTraining.Checkpoints() {
            private long last = System.nanoTime();
            private long cost;

            @Override
            public void between(TrainingState state, boolean surely) {
                long now = System.nanoTime();
                if (surely || now - last > Math.max(CHECKPOINT_NANOS, cost / CHECKPOINT_SHARE)) {
                    state.write(file);
                    last = System.nanoTime();
                    cost = last - now;
                }
            }
        };
    }

    private void write(Path target, Path work, TrainingText text, List<Double> unexplained, double seconds) {
        TrainingShape shape = options.shape();
        int layers = model.config().layers();
        var description = new TranscoderSetWriter.Description(
                modelName,
                shape.crossLayer() ? Kind.CROSS_LAYER : Kind.PER_LAYER,
                shape.input(),
                shape.output(),
                layers,
                shape.features(),
                model.config().width(),
                options.settings().dtype());
        listener.phase("writing", layers);
        try (TranscoderSetWriter writer = TranscoderSetWriter.create(target, description)) {
            for (int layer = 0; layer < layers; layer++) {
                try (var _ = TensorScope.open()) {
                    writer.write(LayerExport.read(exported(work, layer), shape));
                }
                listener.advance(layer + 1);
            }
            writer.commit(provenance(text, unexplained, seconds));
        }
    }

    private Map<String, String> provenance(TrainingText text, List<Double> unexplained, double seconds) {
        Map<String, String> facts = new LinkedHashMap<>();
        TrainingOptions.Settings settings = options.settings();
        facts.put(
                "trained on",
                String.format(
                        Locale.ROOT,
                        "%,d tokens in windows of %d, of %s (sha256 of the text: %s)",
                        text.tokens(),
                        text.length(),
                        String.join(
                                ", ",
                                corpus.files().stream()
                                        .map(file -> file.getFileName().toString())
                                        .toList()),
                        text.sha256()));
        facts.put(
                "training",
                String.format(
                        Locale.ROOT,
                        "%s, %d active%s, Adam, batches of %d positions, rate %s, each position %d times, seed %d",
                        options.shape().kind().name().toLowerCase(Locale.ROOT),
                        options.shape().active(),
                        options.shape().skip() ? ", with a skip" : "",
                        settings.batch(),
                        settings.rate(),
                        settings.visits(),
                        settings.seed()));
        if (warm != null) {
            facts.put("began as", warm.set().config().directory().toString());
        }
        facts.put("seconds", String.format(Locale.ROOT, "%.0f", seconds));
        facts.put(
                "fraction of variance unexplained on held-out documents",
                String.format(
                        Locale.ROOT,
                        "%.3f (%s)",
                        unexplained.stream()
                                .mapToDouble(Double::doubleValue)
                                .average()
                                .orElse(Double.NaN),
                        String.join(
                                " ",
                                IntStream.range(0, unexplained.size())
                                        .mapToObj(l -> String.format(Locale.ROOT, "%.2f", unexplained.get(l)))
                                        .toList())));
        return facts;
    }
}
