package dev.headwater.engine.document;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.pickle.Pickled;
import dev.headwater.engine.pickle.TorchFile;
import dev.headwater.engine.pickle.TorchTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Whole graphs that the public Python library saved ({@code Graph.to_pt}, {@code *.pt}; reference section 3.1), read
 * without running what is in them: see {@link TorchFile}. All versions of its format, and tensors of any type of numbers.
 * They hold ids of tokens and no texts, which somebody else has to give.
 */
public final class PickledGraph {
    /**
     * Classes of settings and targets by the names that versions of the two libraries gave them, and what a number of numpy
     * among the settings is made of.
     */
    private static final Set<String> DATA = Set.of(
            "circuit_tracer.utils.tl_nnsight_mapping.UnifiedConfig",
            "circuit_tracer.attribution.targets.LogitTarget",
            "transformer_lens.HookedTransformerConfig.HookedTransformerConfig",
            "transformer_lens.config.HookedTransformerConfig.HookedTransformerConfig",
            "transformer_lens.config.hooked_transformer_config.HookedTransformerConfig",
            "numpy.core.multiarray.scalar",
            "numpy._core.multiarray.scalar",
            "numpy.dtype",
            "_codecs.encode");

    private PickledGraph() {}

    /** Whether a file's name says that it is one. */
    public static boolean isNamed(Path file) {
        return file.toString().endsWith(".pt");
    }

    /**
     * Reads a graph.
     *
     * @param texts gives for the model's name the texts of its tokens by id
     * @return the graph, to be closed by the caller
     * @throws HeadwaterException if the file is missing, asks for more than data, or does not fit together
     */
    public static AttributionGraph read(Path file, Function<String, IntFunction<String>> texts) {
        try (TorchFile in = TorchFile.open(file, DATA)) {
            return new Reader(fields(in.content(), "it is"), texts).graph();
        } catch (IllegalArgumentException e) {
            throw new HeadwaterException("%s is no sound graph: %s.".formatted(file, e.getMessage()), e);
        }
    }

    private static Map<?, ?> fields(@Nullable Object value, String what) {
        if (value instanceof Pickled.Plain object) {
            return object.fields();
        }
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw new IllegalArgumentException(what + " no dictionary, as the library's own are");
    }

    private record Reader(Map<?, ?> in, Function<String, IntFunction<String>> texts) {
        AttributionGraph graph() {
            Map<?, ?> cfg = fields(in.get("cfg"), "its cfg is");
            int layers = count(cfg.get("n_layers"), "n_layers");
            int known = in.get("vocab_size") == null ? 0 : count(in.get("vocab_size"), "vocab_size");
            int vocabulary = Math.max(known, count(cfg.get("d_vocab"), "d_vocab"));
            String model = model(cfg);
            IntFunction<String> text = texts.apply(model);
            int[] tokens = ints("input_tokens");
            for (int token : tokens) {
                require(token < vocabulary, "token id %d is beyond its vocabulary of %d", token, vocabulary);
            }
            var prompt = new Prompt(
                    in.get("input_string") instanceof String string ? string : "",
                    tokens,
                    Arrays.stream(tokens).mapToObj(text).toList());
            List<LogitTarget> targets = targets(text, known, vocabulary, tokens.length - 1);
            int[] triples = ints("active_features");
            float[] activations = floats("activation_values");
            int n = activations.length;
            require(
                    tensor("active_features").rank() == 2 && triples.length == 3 * n,
                    "%d activation_values do not fit active_features of shape %s",
                    n,
                    Arrays.toString(tensor("active_features").shape()));
            int[] order = sorted(
                    n,
                    Comparator.<Integer>comparingInt(i -> triples[3 * i])
                            .thenComparingInt(i -> triples[3 * i + 1])
                            .thenComparingInt(i -> triples[3 * i + 2]));
            int[][] features = new int[3][n];
            float[] ordered = new float[n];
            int[] place = new int[n];
            for (int i = 0; i < n; i++) {
                for (int k = 0; k < 3; k++) {
                    features[k][i] = triples[3 * order[i] + k];
                }
                ordered[i] = activations[order[i]];
                place[order[i]] = i;
            }
            var active = new ActiveFeatures(features[0], features[1], features[2], ordered);
            int[] chosen = ints("selected_features");
            for (int i = 0; i < chosen.length; i++) {
                require(chosen[i] < n, "selected feature %d is number %d of %d active ones", i, chosen[i], n);
                chosen[i] = place[chosen[i]];
            }
            int[] rows = sorted(chosen.length, Comparator.comparingInt(i -> chosen[i]));
            int[] selected = Arrays.stream(rows).map(i -> chosen[i]).toArray();
            EdgeRows edges =
                    edges(AttributionGraph.nodeCount(chosen.length, layers, tokens.length, targets.size()), rows);
            try {
                return new AttributionGraph(
                        prompt, layers, vocabulary, active, selected, targets, edges, provenance(model));
            } catch (RuntimeException | Error e) {
                edges.close();
                throw e;
            }
        }

        private static int[] sorted(int n, Comparator<Integer> by) {
            return IntStream.range(0, n)
                    .boxed()
                    .sorted(by)
                    .mapToInt(Integer::intValue)
                    .toArray();
        }

        /** The hub's name of the model, where one of the two names is that. */
        private static String model(Map<?, ?> cfg) {
            String name = cfg.get("model_name") instanceof String text ? text : "";
            String tokenizer = cfg.get("tokenizer_name") instanceof String text ? text : "";
            return name.contains("/") || tokenizer.isEmpty() ? name : tokenizer;
        }

        private Provenance provenance(String model) {
            List<String> scans = switch (in.containsKey("scan") ? in.get("scan") : in.get("scan_name")) {
                case null -> List.of();
                case String scan -> List.of(scan);
                case List<?> list
                when list.stream().allMatch(String.class::isInstance) ->
                    list.stream().map(String.class::cast).toList();
                default -> throw new IllegalArgumentException("its scan is neither a text nor a list of texts");
            };
            // References of transcoders and names of scans are one thing there.
            List<String> sets =
                    scans.stream().filter(scan -> scan.contains("/")).toList();
            return new Provenance(model, sets, String.join(",", scans), "", "", Map.of(), Map.of(), Map.of(), 0);
        }

        /**
         * Files before version 0.5 hold the ids alone, under another name or as a tensor under this one. The library counts its
         * directions from the tokenizer's size without added tokens on, where the model may have tokens still; a list of
         * directions has nothing else in it.
         */
        private List<LogitTarget> targets(IntFunction<String> text, int known, int vocabulary, int last) {
            float[] probabilities = floats("logit_probabilities");
            List<LogitTarget> targets = new ArrayList<>();
            if (in.get("logit_targets") instanceof List<?> list) {
                require(list.size() == probabilities.length, "logit targets and probabilities differ in number");
                for (Object target : list) {
                    require(
                            target instanceof Pickled.Plain plain
                                    && plain.arguments().size() == 2
                                    && plain.arguments().getFirst() instanceof String,
                            "a logit target is no pair of a text and an id");
                    List<Object> pair = ((Pickled.Plain) target).arguments();
                    int id = number(pair.get(1), "a logit target's id");
                    String said = (String) pair.getFirst();
                    targets.add(new LogitTarget(
                            id,
                            said.isEmpty() ? text.apply(id) : said,
                            probability(probabilities, targets.size()),
                            last));
                }
            } else {
                int[] ids = ints(in.get("logit_targets") instanceof TorchTensor ? "logit_targets" : "logit_tokens");
                require(ids.length == probabilities.length, "logit tokens and probabilities differ in number");
                for (int id : ids) {
                    targets.add(new LogitTarget(id, text.apply(id), probability(probabilities, targets.size()), last));
                }
            }
            require(!targets.isEmpty(), "it has no logits");
            boolean directions = known > 0
                    && IntStream.range(0, targets.size())
                            .allMatch(k -> targets.get(k).token() == known + k);
            for (int k = 0; directions && k < targets.size(); k++) {
                LogitTarget target = targets.get(k);
                targets.set(k, new LogitTarget(vocabulary + k, target.text(), target.probability(), last));
            }
            return Collections.unmodifiableList(targets);
        }

        private static float probability(float[] probabilities, int k) {
            require(probabilities[k] >= 0, "logit %d has the probability %s", k, probabilities[k]);
            return probabilities[k];
        }

        /** @param rows the feature nodes of the file in our order; all others stand as they do here */
        private EdgeRows edges(long nodes, int[] rows) {
            TorchTensor matrix = tensor("adjacency_matrix");
            require(
                    matrix.rank() == 2 && matrix.shape()[0] == nodes && matrix.shape()[1] == nodes,
                    "adjacency_matrix has the shape %s and the rest makes %d nodes",
                    Arrays.toString(matrix.shape()),
                    nodes);
            int n = Math.toIntExact(nodes);
            boolean inOrder = IntStream.range(0, rows.length).allMatch(i -> rows[i] == i);
            float[] row = new float[n];
            EdgeRows edges = EdgeRows.fromDense(n, n, (r, into) -> {
                if (inOrder) {
                    matrix.copyRow(r, into);
                    return;
                }
                matrix.copyRow(r < rows.length ? rows[r] : r, row);
                System.arraycopy(row, rows.length, into, rows.length, n - rows.length);
                for (int c = 0; c < rows.length; c++) {
                    into[c] = row[rows[c]];
                }
            });
            for (double sum : edges.runs().rowSums(null)) {
                if (!Double.isFinite(sum)) {
                    edges.close();
                    throw new IllegalArgumentException("adjacency_matrix holds a value that is not finite");
                }
            }
            return edges;
        }

        private TorchTensor tensor(String name) {
            if (in.get(name) instanceof TorchTensor tensor) {
                return tensor;
            }
            throw new IllegalArgumentException("it has no tensor '%s'".formatted(name));
        }

        private int[] ints(String name) {
            TorchTensor tensor = tensor(name);
            require(
                    !tensor.dtype().isFloating() && tensor.elements() <= Integer.MAX_VALUE - 8,
                    "%s holds %s, and integers are needed there",
                    name,
                    tensor.dtype());
            long[] values = tensor.integers();
            for (long value : values) {
                require(value >= 0 && value <= Integer.MAX_VALUE, "%s holds %d", name, value);
            }
            return Arrays.stream(values).mapToInt(value -> (int) value).toArray();
        }

        private float[] floats(String name) {
            TorchTensor tensor = tensor(name);
            require(
                    tensor.rank() == 1 && tensor.elements() <= Integer.MAX_VALUE - 8,
                    "%s has the shape %s",
                    name,
                    Arrays.toString(tensor.shape()));
            float[] values = tensor.floats();
            for (float value : values) {
                require(Float.isFinite(value), "%s holds %s", name, value);
            }
            return values;
        }

        private static int count(@Nullable Object value, String name) {
            int number = number(value, name);
            require(number > 0, "%s is 0", name);
            return number;
        }

        private static int number(@Nullable Object value, String name) {
            if (value instanceof Long number && number >= 0 && number <= Integer.MAX_VALUE) {
                return number.intValue();
            }
            throw new IllegalArgumentException(name + " is no number from 0 to 2147483647");
        }

        private static void require(boolean holds, String otherwise, Object... values) {
            if (!holds) {
                throw new IllegalArgumentException(otherwise.formatted(values));
            }
        }
    }
}
