package dev.headwater.engine.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Provenance;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A whole attribution graph. Its edges are read where they lie; what of its nodes is asked for is copied once. */
final class HostGraph extends Shared {
    private final AttributionGraph graph;
    private final @Nullable HostModel model;
    private final @Nullable OutputTargets known;
    private @Nullable Influence influence;
    private @Nullable Tensor weights;

    /**
     * @param model that it was made with, whose life is its own; null for a graph from a file
     * @param known what its outputs stand for; null for a graph from a file
     */
    HostGraph(AttributionGraph graph, @Nullable HostModel model, @Nullable OutputTargets known) {
        this.graph = graph;
        this.model = model;
        this.known = known;
    }

    AttributionGraph graph() {
        return graph;
    }

    @Nullable
    HostModel model() {
        return model;
    }

    @Nullable
    OutputTargets known() {
        return known;
    }

    synchronized Influence influence() {
        if (influence == null) {
            influence = Influence.of(graph);
        }
        return influence;
    }

    /** Rows of the edge matrix with their zeros, [count, n]. */
    HostTensor rows(int first, int count) {
        if (first < 0 || count < 0 || count > graph.size() - first) {
            throw new UsageException("there are no edge rows %d to %d; the graph's are 0 to %d"
                    .formatted(first, (long) first + count - 1, graph.size() - 1));
        }
        Tensor rows = TensorScope.release(Tensor.zeros(DType.F32, Device.CPU, count, graph.size()));
        try {
            MemorySegment into = rows.data();
            float[] row = new float[graph.size()];
            for (int r = 0; r < count; r++) {
                graph.edges().copyRow(first + r, row);
                MemorySegment.copy(
                        row, 0, into, ValueLayout.JAVA_FLOAT, (long) r * row.length * Float.BYTES, row.length);
            }
            return HostTensor.of(rows);
        } catch (RuntimeException | Error e) {
            rows.close();
            throw e;
        }
    }

    @Override
    Array make(int what, int index) {
        ActiveFeatures active = graph.active();
        List<LogitTarget> targets = graph.targets();
        return switch (what) {
            case What.TOKENS -> copy(graph.prompt().tokens());
            case What.NODE_KIND, What.NODE_LAYER, What.NODE_POSITION, What.NODE_NUMBER -> node(what);
            case What.NODE_ACTIVATION -> activations();
            case What.NODE_INFLUENCE -> copy(influence().node());
            case What.EDGE_START -> copy(starts());
            case What.EDGE_SOURCE -> sources();
            case What.EDGE_WEIGHT -> weights();
            case What.LOGIT_TOKENS ->
                copy(targets.stream().mapToInt(LogitTarget::token).toArray());
            case What.LOGIT_WEIGHTS -> {
                float[] weights = new float[targets.size()];
                for (int i = 0; i < weights.length; i++) {
                    weights[i] = targets.get(i).probability();
                }
                yield copy(weights);
            }
            case What.ACTIVE_FEATURES -> copy(active.triples(), active.count(), 3);
            case What.ACTIVATIONS -> copy(active.activation());
            case What.SELECTED -> copy(graph.selected());
            default -> super.make(what, index);
        };
    }

    /** One number of each node. */
    private Array node(int what) {
        int[] number = new int[graph.size()];
        for (int i = 0; i < number.length; i++) {
            Node node = graph.node(i);
            number[i] = switch (what) {
                case What.NODE_POSITION -> node.position();
                case What.NODE_KIND -> kind(node);
                case What.NODE_LAYER -> layer(node, graph.layers());
                default -> number(node);
            };
        }
        if (what != What.NODE_KIND) {
            return copy(number);
        }
        byte[] kind = new byte[number.length];
        for (int i = 0; i < kind.length; i++) {
            kind[i] = (byte) number[i];
        }
        return copy(kind);
    }

    /** As headwater.h numbers kinds of nodes. */
    static int kind(Node node) {
        return switch (node) {
            case Node.Feature _ -> 0;
            case Node.Error _ -> 1;
            case Node.Token _ -> 2;
            case Node.Logit _ -> 3;
        };
    }

    /** @param layers of the model */
    static int layer(Node node, int layers) {
        return switch (node) {
            case Node.Feature feature -> feature.layer();
            case Node.Error error -> error.layer();
            case Node.Token _ -> -1;
            case Node.Logit _ -> layers;
        };
    }

    /** Within its layer, or in the vocabulary. */
    static int number(Node node) {
        return switch (node) {
            case Node.Feature feature -> feature.feature();
            case Node.Error _ -> -1;
            case Node.Token token -> token.token();
            case Node.Logit logit -> logit.target().token();
        };
    }

    private Array activations() {
        float[] activation = new float[graph.size()];
        for (int i = 0; i < graph.size(); i++) {
            activation[i] = switch (graph.node(i)) {
                case Node.Feature feature -> feature.activation();
                case Node.Logit logit -> logit.target().probability();
                default -> Float.NaN;
            };
        }
        return copy(activation);
    }

    /** Where each row's stored values begin, and the end of the last, [n+1]. */
    private long[] starts() {
        EdgeRows edges = graph.edges();
        long[] start = new long[edges.rows() + 1];
        long[] stored = new long[1];
        for (int r = 0; r < edges.rows(); r++) {
            start[r] = stored[0];
            edges.forEachRun(r, (_, count, offset) -> {
                if (offset != stored[0]) {
                    throw new IllegalStateException("the runs of the edge matrix are not in order");
                }
                stored[0] += count;
            });
        }
        start[edges.rows()] = stored[0];
        return start;
    }

    /** The column of each stored value. */
    private Array sources() {
        EdgeRows edges = graph.edges();
        long[] start = starts();
        int[] column = new int[Math.toIntExact(start[edges.rows()])];
        for (int r = 0; r < edges.rows(); r++) {
            edges.forEachRun(r, (first, count, offset) -> {
                for (int j = 0; j < count; j++) {
                    column[(int) offset + j] = first + j;
                }
            });
        }
        return copy(column);
    }

    private Array weights() {
        Tensor tensor = weights;
        if (tensor == null) {
            tensor = TensorScope.release(graph.edges().values());
            weights = tensor;
        }
        return Array.of(tensor.data(), Array.F32, tensor.numel());
    }

    @Override
    List<String> texts(int what) {
        return switch (what) {
            case What.TOKEN_TEXTS -> graph.prompt().texts();
            case What.PROMPT_TEXT -> List.of(graph.prompt().text());
            case What.LOGIT_TEXTS ->
                graph.targets().stream().map(LogitTarget::text).toList();
            case What.INFO -> List.of(info());
            default -> throw none("texts", what);
        };
    }

    private String info() {
        Provenance from = graph.provenance();
        Map<String, Object> info = new LinkedHashMap<>();
        info.put("model", from.model());
        info.put("transcoders", from.transcoders());
        info.put("scan", from.scan());
        info.put("device", from.device());
        info.put("dtype", from.dtype());
        info.put("versions", from.versions());
        info.put("settings", from.settings());
        info.put("seconds", from.seconds());
        info.put("created_millis", from.createdMillis());
        info.put("layers", graph.layers());
        info.put("vocabulary", graph.vocabularySize());
        try {
            return BoundedJson.mapper().writeValueAsString(info);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    void free() {
        if (weights != null) {
            weights.close();
        }
        graph.close();
    }
}
