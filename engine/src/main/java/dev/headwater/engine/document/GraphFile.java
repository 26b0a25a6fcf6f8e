package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.weights.SafetensorsFile;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Keeps whole graphs, not pruned: a safetensors file with the tensors {@code input_tokens} I64[P], {@code
 * active_features} I64[N, 3] (layer, position, feature), {@code activation_values} F32[N], {@code selected_features}
 * I64[M] (rows of active_features), {@code adjacency_matrix} F32[n, n] (rows are targets, columns sources, in node
 * order), {@code logit_tokens} I64[K], {@code logit_probabilities} F32[K], if effects count from
 * a mean {@code activation_distances} F32[N] from it, if not all outputs are at the prompt's last position {@code
 * logit_positions} I64[K], and if heads were asked for {@code attention_heads} U8, the text of an
 * {@link AttentionBlock}; everything else is JSON under {@code headwater_graph} in
 * the header's metadata. The names are those of the public Python library's pickled graphs, without the pickle.
 */
public final class GraphFile {
    private static final String KEY = "headwater_graph";
    private static final String DISTANCES = "activation_distances";
    private static final String POSITIONS = "logit_positions";
    /** Of a file without {@link #POSITIONS}, which readers of this version may leave aside. */
    private static final int PLAIN = 1;

    private static final int PLACED = 2;

    /** About what is written of the matrix at once. */
    private static final long BLOCK_BYTES = 1 << 20;

    private static final long MOST_BLOCK = 1L << 30;

    /** What the file says in JSON. */
    private record Header(
            int version,
            String prompt,
            List<String> tokenTexts,
            int layers,
            int vocabularySize,
            List<String> logitTexts,
            Provenance provenance) {}

    private GraphFile() {}

    /** Writes a graph; the file appears whole or not at all. The matrix is written a few rows at a time. */
    public static void write(AttributionGraph graph, Path file) {
        write(graph, null, file);
    }

    /** @throws UsageException if the name promises a pickle, which is never written */
    public static void checkName(Path file) {
        if (PickledGraph.isNamed(file)) {
            String name = file.toString();
            throw new UsageException(
                    name + ": graphs are read from .pt files and never written to them, since reading one with "
                            + "Python's own reader can run code; name it " + name.substring(0, name.length() - 3)
                            + ".safetensors");
        }
    }

    /** @param attention what is known of heads, null if nothing */
    public static void write(AttributionGraph graph, @Nullable AttentionBlock attention, Path file) {
        checkName(file);
        ActiveFeatures active = graph.active();
        int n = graph.size();
        int[] positions =
                graph.targets().stream().mapToInt(LogitTarget::position).toArray();
        boolean placed = Arrays.stream(positions).anyMatch(position -> position != graph.positions() - 1);
        var header = new Header(
                placed ? PLACED : PLAIN,
                graph.prompt().text(),
                graph.prompt().texts(),
                graph.layers(),
                graph.vocabularySize(),
                graph.targets().stream().map(LogitTarget::text).toList(),
                graph.provenance().untimed());
        List<TensorInfo> tensors = new ArrayList<>(List.of(
                TensorInfo.of("input_tokens", DType.I64, graph.positions()),
                TensorInfo.of("active_features", DType.I64, active.count(), 3),
                TensorInfo.of("activation_values", DType.F32, active.count()),
                TensorInfo.of("selected_features", DType.I64, graph.featureCount()),
                TensorInfo.of("adjacency_matrix", DType.F32, n, n),
                TensorInfo.of("logit_tokens", DType.I64, graph.targets().size()),
                TensorInfo.of("logit_probabilities", DType.F32, graph.targets().size())));
        float[] distances = graph.distances();
        boolean relative = !Arrays.equals(distances, active.activation());
        if (relative) {
            tensors.add(TensorInfo.of(DISTANCES, DType.F32, active.count()));
        }
        if (placed) {
            tensors.add(TensorInfo.of(POSITIONS, DType.I64, positions.length));
        }
        byte[] block = attention == null ? null : attention.toBytes();
        if (block != null) {
            tensors.add(TensorInfo.of(AttentionBlock.FIELD, DType.U8, block.length));
        }
        try (SafetensorsWriter out = SafetensorsWriter.create(file, tensors, Map.of(KEY, json(header)))) {
            out.write("input_tokens", longs(graph.prompt().tokens()));
            out.write("active_features", longs(active.triples()));
            out.write("activation_values", active.activation());
            out.write("selected_features", longs(graph.selected()));
            int together = (int) Math.min(n, 1 + BLOCK_BYTES / (Float.BYTES * (long) n));
            float[] rows = new float[together * n];
            for (int r = 0; r < n; r += together) {
                int count = Math.min(together, n - r);
                graph.edges().copyRows(r, count, rows);
                out.write("adjacency_matrix", count == together ? rows : Arrays.copyOf(rows, count * n));
            }
            out.write(
                    "logit_tokens",
                    graph.targets().stream().mapToLong(LogitTarget::token).toArray());
            float[] probabilities = new float[graph.targets().size()];
            for (int k = 0; k < probabilities.length; k++)
                probabilities[k] = graph.targets().get(k).probability();
            out.write("logit_probabilities", probabilities);
            if (relative) {
                out.write(DISTANCES, distances);
            }
            if (placed) {
                out.write(POSITIONS, longs(positions));
            }
            if (block != null) {
                try (Arena arena = Arena.ofConfined()) {
                    out.write(AttentionBlock.FIELD, arena.allocateFrom(ValueLayout.JAVA_BYTE, block));
                }
            }
            out.commit();
        }
    }

    /**
     * Reads a graph.
     *
     * @return the graph, to be closed by the caller
     * @throws HeadwaterException if the file is missing or anything in it does not fit the rest
     */
    public static AttributionGraph read(Path file) {
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            return new Reader(in).graph();
        } catch (IllegalArgumentException e) {
            throw new HeadwaterException("%s is no sound graph: %s.".formatted(file, e.getMessage()), e);
        }
    }

    /**
     * What a graph's file says of attention, if it says anything.
     *
     * @throws HeadwaterException if that is not sound
     */
    public static Optional<AttentionBlock> attention(Path file) {
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            if (!in.has(AttentionBlock.FIELD)) {
                return Optional.empty();
            }
            if (in.info(AttentionBlock.FIELD).dtype() != DType.U8
                    || in.info(AttentionBlock.FIELD).elements() > MOST_BLOCK) {
                throw new HeadwaterException(
                        "%s says of attention what cannot be read: %s should be text in U8, of at most %d bytes"
                                .formatted(file, in.info(AttentionBlock.FIELD), MOST_BLOCK));
            }
            return Optional.of(AttentionBlock.parse(
                    in.data(AttentionBlock.FIELD).toArray(ValueLayout.JAVA_BYTE), file.toString()));
        }
    }

    private static String json(Header header) {
        try {
            return BoundedJson.mapper().writeValueAsString(header);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static long[] longs(int[] values) {
        return Arrays.stream(values).asLongStream().toArray();
    }

    /** Takes a file apart; what is wrong leaves as an {@link IllegalArgumentException} that ends a sentence. */
    private record Reader(SafetensorsFile in) {
        AttributionGraph graph() {
            Header header = header();
            int[] tokens = ints("input_tokens", -1);
            int[] triples = ints("active_features", 3);
            float[] activations = floats("activation_values");
            int[] selected = ints("selected_features", -1);
            int[] logitTokens = ints("logit_tokens", -1);
            float[] probabilities = floats("logit_probabilities");
            require(header.layers > 0, "it has no layers");
            require(logitTokens.length > 0, "it has no logits");
            require(
                    probabilities.length == logitTokens.length && header.logitTexts.size() == logitTokens.length,
                    "logit tokens, texts and probabilities differ in number");
            int[] positions = new int[logitTokens.length];
            Arrays.fill(positions, tokens.length - 1);
            if (header.version == PLACED) {
                positions = ints(POSITIONS, -1);
                require(positions.length == logitTokens.length, "logit tokens and positions differ in number");
            }
            var targets = new ArrayList<LogitTarget>();
            for (int k = 0; k < logitTokens.length; k++) {
                require(probabilities[k] >= 0, "logit %d has the probability %s", k, probabilities[k]);
                targets.add(new LogitTarget(logitTokens[k], header.logitTexts.get(k), probabilities[k], positions[k]));
            }
            for (int token : tokens) {
                require(
                        token < header.vocabularySize,
                        "token id %d is beyond its vocabulary of %d",
                        token,
                        header.vocabularySize);
            }
            int n = triples.length / 3;
            require(
                    activations.length == n,
                    "%d activation values do not fit %d active features",
                    activations.length,
                    n);
            float[] distances = in.has(DISTANCES) ? floats(DISTANCES) : activations;
            require(
                    distances.length == n,
                    "%d distances from a mean do not fit %d active features",
                    distances.length,
                    n);
            int[][] features = new int[3][n];
            for (int i = 0; i < triples.length; i++) features[i % 3][i / 3] = triples[i];
            var prompt = new Prompt(header.prompt, tokens, header.tokenTexts);
            var active = new ActiveFeatures(features[0], features[1], features[2], activations);
            EdgeRows edges = edges(
                    AttributionGraph.nodeCount(selected.length, header.layers, tokens.length, logitTokens.length));
            try {
                return new AttributionGraph(
                        prompt,
                        header.layers,
                        header.vocabularySize,
                        active,
                        selected,
                        targets,
                        edges,
                        distances,
                        header.provenance);
            } catch (RuntimeException | Error e) {
                edges.close();
                throw e;
            }
        }

        private Header header() {
            String json = in.metadata().get(KEY);
            require(json != null, "its header has no '%s'", KEY);
            try {
                Header header = BoundedJson.mapper()
                        .readerFor(Header.class)
                        .without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                        .readValue(json);
                require(
                        header != null
                                && header.prompt != null
                                && complete(header.tokenTexts)
                                && complete(header.logitTexts)
                                && header.provenance != null,
                        "the JSON under '%s' in its header is not complete",
                        KEY);
                require(
                        header.version == PLAIN || header.version == PLACED,
                        "it has version %d of the format, and this Headwater reads versions 1 and 2",
                        header.version);
                return header;
            } catch (JsonProcessingException e) {
                throw new IllegalArgumentException(
                        "the JSON under '%s' in its header cannot be read%s".formatted(KEY, BoundedJson.where(e)), e);
            }
        }

        private static boolean complete(List<String> texts) {
            return texts != null && !texts.contains(null);
        }

        /** A list of numbers from 0 to 2^31 - 1, or with {@code columns} a table of them. */
        private int[] ints(String name, int columns) {
            TensorInfo info = info(name, DType.I64, columns < 0 ? 1 : 2);
            require(
                    columns < 0 || info.size(1) == columns,
                    "%s has %d columns instead of %d",
                    name,
                    info.size(info.rank() - 1),
                    columns);
            MemorySegment data = in.data(name);
            int[] values = new int[Math.toIntExact(info.elements())];
            for (int i = 0; i < values.length; i++) {
                long value = data.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
                require(value >= 0 && value <= Integer.MAX_VALUE, "%s holds %d", name, value);
                values[i] = (int) value;
            }
            return values;
        }

        private float[] floats(String name) {
            TensorInfo info = info(name, DType.F32, 1);
            MemorySegment data = in.data(name);
            float[] values = new float[Math.toIntExact(info.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = data.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
                require(Float.isFinite(values[i]), "%s holds %s", name, values[i]);
            }
            return values;
        }

        private EdgeRows edges(long nodes) {
            String name = "adjacency_matrix";
            TensorInfo info = info(name, DType.F32, 2);
            require(
                    info.size(0) == nodes && info.size(1) == nodes,
                    "%s is %d x %d and the rest makes %d nodes",
                    name,
                    info.size(0),
                    info.size(1),
                    nodes);
            int n = Math.toIntExact(nodes);
            MemorySegment data = in.data(name);
            EdgeRows edges = EdgeRows.fromDense(
                    n,
                    n,
                    (row, into) -> MemorySegment.copy(
                            data, ValueLayout.JAVA_FLOAT_UNALIGNED, Float.BYTES * (long) row * n, into, 0, n));
            for (double sum : edges.runs().rowSums(null)) {
                if (!Double.isFinite(sum)) {
                    edges.close();
                    throw new IllegalArgumentException(name + " holds a value that is not finite");
                }
            }
            return edges;
        }

        private TensorInfo info(String name, DType type, int rank) {
            TensorInfo info = in.info(name);
            require(
                    info.dtype() == type
                            && info.rank() == rank
                            && info.elements() <= (rank == 1 ? Integer.MAX_VALUE - 8 : Long.MAX_VALUE),
                    "%s should be %s with %d dimensions",
                    info,
                    type,
                    rank);
            return info;
        }

        private static void require(boolean holds, String otherwise, Object... values) {
            if (!holds) throw new IllegalArgumentException(otherwise.formatted(values));
        }
    }
}
