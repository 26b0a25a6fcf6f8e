package dev.headwater.benchmarks;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeBuffer;
import dev.headwater.engine.graph.EdgeLayout;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A graph of the causal shape of a real one with random edges: features spread evenly over layers and positions, each
 * drawing on all nodes of lower layers and earlier positions; edges heavy-tailed, as a few carry most of the influence
 * in real graphs.
 *
 * @param layers    L
 * @param positions P
 * @param features  N, all of them nodes
 */
record SyntheticGraph(int layers, int positions, int features) {
    private static final int LOGITS = 10;
    private static final int VOCABULARY = 4096;

    /** A graph of so many nodes, for the prompt length and depth of the job that results speak of. */
    static SyntheticGraph ofSize(int nodes) {
        int layers = ModelShape.BENCH.layers();
        int positions = 64;
        return new SyntheticGraph(layers, positions, nodes - (layers + 1) * positions - LOGITS);
    }

    int firstLogit() {
        return features + (layers + 1) * positions;
    }

    /** Number of the first feature at a layer and position; the layer's features before it are at earlier positions. */
    private int firstFeature(int layer, int position) {
        return (int) ((long) features * ((long) layer * positions + position) / ((long) layers * positions));
    }

    List<LogitTarget> targets() {
        List<LogitTarget> targets = new ArrayList<>();
        for (int k = 0; k < LOGITS; k++) {
            targets.add(new LogitTarget(2 + k, "w" + (2 + k), (float) (0.5 / (1 << k)), positions - 1));
        }
        return targets;
    }

    /** Adds the row of a node, a feature or a logit, to a matrix over all nodes. */
    void row(int node, EdgeLayout layout) {
        int layer = layers;
        int upTo = positions;
        if (node < features) {
            int cell = (int) ((((long) node + 1) * layers * positions - 1) / features);
            layer = cell / positions;
            upTo = cell % positions + 1;
        }
        for (int below = 0; below < layer; below++) {
            layout.run(firstFeature(below, 0), firstFeature(below, upTo) - firstFeature(below, 0));
        }
        for (int below = 0; below < layer; below++) {
            layout.run(features + below * positions, upTo);
        }
        layout.run(features + layers * positions, upTo);
        layout.endRow();
    }

    /** Heavy-tailed numbers: cubes of normal ones. */
    static Tensor values(long count) {
        SplittableRandom random = new SplittableRandom(11);
        Tensor values = Tensor.empty(DType.F32, Device.CPU, count);
        MemorySegment data = values.data();
        for (long i = 0; i < count; i++) {
            double x = random.nextGaussian();
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (x * x * x));
        }
        return values;
    }

    private static EdgeRows edges(EdgeLayout layout) {
        EdgeBuffer buffer = layout.buffer();
        try (Tensor values = values(layout.size())) {
            Torch.copy(buffer.values(), values);
        }
        return buffer.finish(() -> {});
    }

    AttributionGraph build() {
        int[] layer = new int[features];
        int[] position = new int[features];
        float[] activation = new float[features];
        Arrays.fill(activation, 1);
        for (int l = 0; l < layers; l++) {
            for (int p = 0; p < positions; p++) {
                int end = p + 1 < positions ? firstFeature(l, p + 1) : firstFeature(l + 1, 0);
                Arrays.fill(layer, firstFeature(l, p), end, l);
                Arrays.fill(position, firstFeature(l, p), end, p);
            }
        }
        int[] all = IntStream.range(0, features).toArray();
        var layout = new EdgeLayout(firstLogit() + LOGITS);
        for (int node = 0; node < firstLogit() + LOGITS; node++) {
            if (node < features || node >= firstLogit()) {
                row(node, layout);
            } else {
                layout.endRow();
            }
        }
        int[] tokens = IntStream.range(0, positions).toArray();
        Prompt prompt = new Prompt(
                "random", tokens, IntStream.of(tokens).mapToObj(t -> "w" + t).toList());
        return new AttributionGraph(
                prompt,
                layers,
                VOCABULARY,
                new ActiveFeatures(layer, position, all, activation),
                all,
                targets(),
                edges(layout),
                Provenance.UNKNOWN);
    }
}
