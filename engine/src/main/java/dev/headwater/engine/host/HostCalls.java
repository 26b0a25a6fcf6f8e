package dev.headwater.engine.host;

import dev.headwater.bindings.DType;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.Version;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.OutputTargets.Direction;
import dev.headwater.engine.attribution.Rank;
import dev.headwater.engine.catalog.TranscoderCard;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.WholeGraph;
import dev.headwater.engine.evaluation.Evaluation;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.product.Products;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@code libheadwater.so} calls, a method for each function of {@code headwater.h}: texts as UTF-8, structs taken apart,
 * objects as handles. Whatever is thrown becomes a status by {@link HostFailure}. Nobody else calls these.
 */
final class HostCalls {
    private static final String BUNDLED_MODEL = "atlas";
    private static final String BUNDLED_TRANSCODERS = "atlas-plt";

    private HostCalls() {}

    /** Versions, for {@code hw_about}. */
    static byte[] about() {
        String json = "{\"headwater\": \"%s\", \"java\": \"%s\", \"open\": %d}"
                .formatted(Version.number(), Runtime.version(), Handles.count());
        return json.getBytes(StandardCharsets.UTF_8);
    }

    /** One user more of an object, whose array goes out as a tensor; {@link #release} ends that, and the handle's end does not. */
    static Object export(long handle, int what, int index, ByteBuffer out) {
        Shared object = Handles.use(handle, Shared.class);
        try {
            object.array(what, index).writeTo(out);
            return object;
        } catch (RuntimeException | Error e) {
            object.close();
            throw e;
        }
    }

    static void release(Object exported) {
        ((Shared) exported).close();
    }

    static void close(long handle) {
        Handles.close(handle);
    }

    static void array(long handle, int what, int index, ByteBuffer out) {
        try (Shared object = Handles.use(handle, Shared.class)) {
            object.array(what, index).writeTo(out);
        }
    }

    static void text(long handle, int what, int index, ByteBuffer out) {
        try (Shared object = Handles.use(handle, Shared.class)) {
            object.text(what, index).writeTo(out);
        }
    }

    /** @param model null for the one that the transcoders name, or the bundled one */
    static long openModel(
            byte @Nullable [] model,
            byte @Nullable [] transcoders,
            byte[] device,
            int dtype,
            byte[] products,
            long progress,
            long user) {
        var options = new ReplacementModel.Options(
                HostModel.device(HostText.read("The device", device)),
                switch (dtype) {
                    case 0 -> DType.F32;
                    case 1 -> DType.BF16;
                    default -> throw new UsageException("dtype is " + dtype + "; it can be HW_FLOAT32 or HW_BFLOAT16");
                },
                switch (HostText.read("The kind of products", products)) {
                    case "", "auto" -> null;
                    case "float32" -> Products.FLOAT32;
                    case "bf16x6" -> Products.BF16X6;
                    default -> throw new UsageException("products can be auto, float32 or bf16x6");
                });
        String set =
                transcoders != null ? HostText.read("The name of the transcoders", transcoders) : BUNDLED_TRANSCODERS;
        String named = model != null
                ? HostText.read("The name of the model", model)
                : transcoders == null || set.equals(Neurons.REFERENCE)
                        ? BUNDLED_MODEL
                        : TranscoderCard.of(set).model();
        if (transcoders == null && !named.equals(BUNDLED_MODEL)) {
            throw new UsageException("the model " + named
                    + " needs transcoders; name them, or 'neurons' for the model's own neurons as features");
        }
        return Handles.give(new HostModel(ReplacementModel.load(named, set, options, HostProgress.of(progress, user))));
    }

    static long readPrompt(
            long model,
            byte @Nullable [] text,
            int @Nullable [] tokens,
            byte @Nullable [] messages,
            byte @Nullable [] system,
            byte @Nullable [] assistant,
            boolean chat,
            boolean special,
            int thinking) {
        try (HostModel open = Handles.use(model, HostModel.class)) {
            return Handles.give(
                    HostPrompt.read(open.model(), text, tokens, messages, system, assistant, chat, special, thinking));
        }
    }

    /** What a prompt's handle stands for. */
    static Prompt prompt(long handle) {
        try (HostPrompt read = Handles.use(handle, HostPrompt.class)) {
            return read.prompt();
        }
    }

    /**
     * @param targetKind what {@code targets} and {@code direction} hold
     * @param direction  handle of a tensor
     * @param contrast   handles of prompts
     */
    static long attribute(
            long model,
            long prompt,
            int maxFeatures,
            int maxLogits,
            double logitProbability,
            int batchSize,
            int updateInterval,
            int rank,
            int targetKind,
            int[] targets,
            long direction,
            long memory,
            long[] contrast,
            long progress,
            long user) {
        try (HostModel open = Handles.use(model, HostModel.class)) {
            ReplacementModel loaded = open.model();
            boolean neurons = loaded.basis().dense();
            Prompt read = prompt(prompt);
            OutputTargets wanted = targets(
                    loaded,
                    read,
                    new OutputTargets.Salient(maxLogits, logitProbability),
                    targetKind,
                    targets,
                    direction);
            var options = new AttributionOptions(
                    wanted,
                    batchSize,
                    maxFeatures,
                    updateInterval,
                    switch (rank) {
                        case 0 -> neurons ? Rank.TOTAL : Rank.INFLUENCE;
                        case 1 -> {
                            if (neurons) {
                                throw new UsageException(
                                        "neurons are chosen by their total effects; leave the rank out");
                            }
                            yield Rank.INFLUENCE;
                        }
                        case 2 -> Rank.TOTAL;
                        default -> throw new UsageException("rank is " + rank + "; it can be 0 (usual), 1 or 2");
                    },
                    contrast.length == 0
                            ? null
                            : new Contrast(Arrays.stream(contrast)
                                    .mapToObj(HostCalls::prompt)
                                    .toList()),
                    memory);
            return Handles.give(new HostGraph(
                    Attribution.of(loaded, read, options, HostProgress.of(progress, user)), open, wanted));
        }
    }

    private static OutputTargets targets(
            ReplacementModel model, Prompt prompt, OutputTargets usual, int kind, int[] numbers, long direction) {
        return switch (kind) {
            case 0 -> usual;
            case 1 -> new OutputTargets.Tokens(known(model, numbers));
            case 2 -> {
                if (numbers.length != 2) {
                    throw new UsageException("a difference is of 2 tokens, not of " + numbers.length);
                }
                List<Integer> pair = known(model, numbers);
                yield new OutputTargets.Directions(
                        List.of(Direction.between(model, pair.subList(0, 1), pair.subList(1, 2))));
            }
            case 3 -> {
                if (numbers.length % 3 != 0) {
                    throw new UsageException("features are layer, position and number each, " + numbers.length
                            + " numbers are no whole number of them");
                }
                List<FeatureRef> features = new ArrayList<>();
                for (int i = 0; i < numbers.length; i += 3) {
                    features.add(new FeatureRef(numbers[i], numbers[i + 1], numbers[i + 2]).in(prompt.length()));
                }
                yield new OutputTargets.Features(features);
            }
            case 4 -> {
                try (HostTensor tensor = Handles.use(direction, HostTensor.class)) {
                    float[][] rows = tensor.rows(model.model().config().width());
                    List<Direction> directions = new ArrayList<>();
                    for (int i = 0; i < rows.length; i++) {
                        directions.add(new Direction("direction " + i, 1.0 / rows.length, rows[i]));
                    }
                    yield new OutputTargets.Directions(directions);
                }
            }
            default -> throw new UsageException("there are no targets of kind " + kind + "; headwater.h lists them");
        };
    }

    private static List<Integer> known(ReplacementModel model, int[] tokens) {
        for (int token : tokens) {
            if (token < 0 || token >= model.vocabularySize()) {
                throw new UsageException(
                        "there is no token " + token + "; the model's are 0 to " + (model.vocabularySize() - 1));
            }
        }
        return Arrays.stream(tokens).boxed().toList();
    }

    static long prune(long graph, double nodes, double edges) {
        HostGraph whole = Handles.use(graph, HostGraph.class);
        try {
            return Handles.give(new HostPruned(whole, nodes, edges));
        } catch (RuntimeException | Error e) {
            whole.close();
            throw e;
        }
    }

    /** @param explained how many heads the file says of where they look */
    static long findHeads(long model, long pruned, double share, int explained, long progress, long user) {
        HostModel open = Handles.use(model, HostModel.class);
        try (HostPruned part = Handles.use(pruned, HostPruned.class)) {
            return Handles.give(HostHeads.find(open, part, share, explained, HostProgress.of(progress, user)));
        } catch (RuntimeException | Error e) {
            open.close();
            throw e;
        }
    }

    static long explainScore(long heads, int layer, int head, int query, int key, int pairs) {
        try (HostHeads open = Handles.use(heads, HostHeads.class)) {
            return Handles.give(open.explain(layer, head, query, key, pairs));
        }
    }

    /** @param files names of text files */
    static long evaluate(
            long model,
            byte[][] files,
            int window,
            boolean layerLosses,
            long tokens,
            long lossTokens,
            long progress,
            long user) {
        try (HostModel open = Handles.use(model, HostModel.class)) {
            return Handles.give(new HostEvaluation(Evaluation.of(
                    open.model(),
                    new Corpus(Arrays.stream(files).map(HostCalls::path).toList()),
                    new Evaluation.Options(window, tokens, lossTokens, layerLosses),
                    HostProgress.of(progress, user))));
        }
    }

    static double[] scores(long graph) {
        try (HostGraph whole = Handles.use(graph, HostGraph.class)) {
            Scores scores = Scores.of(whole.graph(), whole.influence());
            return new double[] {scores.replacement(), scores.completeness()};
        }
    }

    static byte[] writePruned(long pruned, byte[] slug, boolean numbered, byte[] directory) {
        try (HostPruned part = Handles.use(pruned, HostPruned.class)) {
            return part.write(HostText.read("The graph's name", slug), numbered, path(directory))
                    .toString()
                    .getBytes(StandardCharsets.UTF_8);
        }
    }

    static void writeGraph(long graph, byte[] file) {
        try (HostGraph whole = Handles.use(graph, HostGraph.class)) {
            GraphFile.write(whole.graph(), path(file));
        }
    }

    static long readGraph(byte[] file) {
        return Handles.give(new HostGraph(WholeGraph.read(path(file)), null, null));
    }

    private static Path path(byte[] text) {
        String path = HostText.read("The path", text);
        try {
            if (path.isEmpty()) {
                throw new UsageException("the path is empty; name a file or directory");
            }
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new UsageException("no file can have that name: " + e.getReason());
        }
    }

    static long edgeRows(long graph, int first, int count) {
        try (HostGraph whole = Handles.use(graph, HostGraph.class)) {
            return Handles.give(whole.rows(first, count));
        }
    }

    static long decoderRows(long model, int layer, int target, int[] features) {
        try (HostModel open = Handles.use(model, HostModel.class)) {
            return Handles.give(open.decoderRows(layer, target, features));
        }
    }

    static long directions(long model, int[] tokens) {
        try (HostModel open = Handles.use(model, HostModel.class)) {
            return Handles.give(open.directions(tokens));
        }
    }
}
