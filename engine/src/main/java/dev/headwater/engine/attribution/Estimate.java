package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.model.ModelConfig;

/**
 * Roughly what a graph will cost, known before anything is loaded. With L layers, width d, widths h of all heads and v
 * of all values, H heads, V tokens in the vocabulary, F features a layer, P tokens in the prompt, and numbers of 4
 * bytes:
 *
 * <ul>
 * <li>A active features, which only the prompt decides: see {@link #activePerToken}; R = min(A, features asked for) +
 * 4 K (1 - K / 2 P): each of the K outputs, which are at the last positions, counts for four rows, with all layers below it
 * <li>memory for the sources: 4 d (A · w + (L + 1) P), w = 1 per-layer or (L + 1) / 2 cross-layer vectors a feature,
 * the features'
 *     only if they fit into half of the budget; for gradients: 4 (d + h + v) · P / 2 · min(features + K, 1024), at most half of
 *     the budget;
 *     for edges: a quarter, the causal cone in layers and positions, of 4 R (A + L P + P); for the forward pass:
 *     4 (6 L P d + L H P² + P V)
 * <li>operations: 2 P · parameters for the forward pass, 2 L P d F to encode, a quarter of 2 R P L d (h + v) for the
 * sweep, a quarter of
 *     2 R A d · max(1, L / 3 if cross-layer) for the edges
 * </ul>
 *
 * @param activeFeatures A
 * @param weights        bytes of the model's weights in the type they are computed in
 * @param sources        bytes of decoder, error and token vectors
 * @param gradients      bytes of the sweep's gradients
 * @param edges          bytes of the graph
 * @param forward        bytes of activations, attention patterns and logits
 * @param means          bytes of mean activations over a contrast, 0 without one
 * @param operations     floating-point operations
 */
public record Estimate(
        long activeFeatures,
        long weights,
        long sources,
        long gradients,
        long edges,
        long forward,
        long means,
        double operations) {
    /** How far {@link #activePerToken} may be off in either direction for sets that are trained to be sparse. */
    public static final double UNCERTAINTY = 8;
    /** Share of the rate of a large matrix product that a whole attribution reaches. */
    private static final double EFFICIENCY = 0.4;
    /** What takes its time however small the job, in seconds. */
    private static final double OVERHEAD = 0.03;

    private static final int ROWS_OF_A_BATCH = 1024;
    public static final int OUTPUTS = 10;
    private static final int NODES = 1000;

    /**
     * A guess at the features that are active at one token, over all layers: F / 128 in a layer but at most 64, fitted
     * to the bundled sets. Published sets have from about ten to some hundreds in a layer, sets of little sparsity
     * (those for Qwen3-4B) thousands.
     */
    public static double activePerToken(int layers, int features) {
        return layers * Math.clamp(features / 128.0, 1, 64);
    }

    /** As below, of the usual number of outputs. */
    public static Estimate of(
            ModelConfig model,
            int features,
            boolean crossLayer,
            int tokens,
            double activePerToken,
            int maxFeatures,
            DType dtype,
            long budget) {
        return of(model, features, crossLayer, tokens, activePerToken, maxFeatures, OUTPUTS, dtype, budget);
    }

    /**
     * @param features       F
     * @param activePerToken over all layers
     * @param maxFeatures    that the graph may have, 0 for all
     * @param outputs        that the graph explains, K: {@value #OUTPUTS} next tokens, or as many positions as a text's own
     *      tokens are explained at
     * @param budget         bytes that {@link AttributionOptions#memory} allows
     */
    public static Estimate of(
            ModelConfig model,
            int features,
            boolean crossLayer,
            int tokens,
            double activePerToken,
            int maxFeatures,
            int outputs,
            DType dtype,
            long budget) {
        double layers = model.layers();
        double width = model.width();
        double heads = (double) model.attention().heads() * model.attention().headDim();
        double values = (double) model.attention().kvHeads() * model.attention().headDim();
        double active = Math.min(activePerToken, layers * features) * tokens;
        double chosen = Math.min(active, maxFeatures == 0 ? active : maxFeatures);
        // An output stands above all layers, so that its cone is four times that of a feature, but for the positions
        // after it.
        double rows = chosen + 4 * outputs * Math.clamp(1 - outputs / (2.0 * tokens), 0.5, 1);
        double vectors = 4 * width * active * (crossLayer ? (layers + 1) / 2 : 1);
        double sources = (vectors <= budget / 2.0 ? vectors : 0) + 4 * width * (layers + 1) * tokens;
        double gradients = Math.min(
                4 * (width + heads + values) * tokens / 2 * Math.min(chosen + outputs, ROWS_OF_A_BATCH), budget / 2.0);
        double edges = rows * (active + layers * tokens + tokens);
        double forward = 4
                * (6 * layers * tokens * width
                        + layers * model.attention().heads() * tokens * tokens
                        + (double) tokens * model.vocab());
        double operations = 2.0 * tokens * model.parameters()
                + 2 * layers * tokens * width * features
                + rows * tokens * layers * width * (heads + values) / 2
                + rows * active * width / 2 * (crossLayer ? Math.max(1, layers / 3) : 1);
        return new Estimate(
                (long) active,
                model.parameters() * dtype.bytes(),
                (long) sources,
                (long) gradients,
                (long) edges,
                (long) forward,
                0,
                operations);
    }

    /**
     * The same of neurons against a contrast, whose prompts go through the model once.
     *
     * @param prompts  of the contrast, as long as the prompt
     * @param features of a layer
     */
    public Estimate against(ModelConfig model, int features, int tokens, int prompts) {
        return new Estimate(
                activeFeatures,
                weights,
                sources,
                gradients,
                edges,
                forward,
                MeanActivations.bytes(tokens, model.layers(), features, model.width()),
                operations + 2.0 * prompts * tokens * model.parameters());
    }

    /**
     * Bytes that finding the heads of a pruned graph's edges takes, when the graph's own gradients are given back: those of N = {@value
     * #NODES} nodes, half of them targets at the last position and half sources all over the prompt, each of (d + 3 h + v) · P numbers, the
     * sources half the positions and v numbers for each layer above besides; at most half of the budget.
     *
     * @param budget bytes that {@link AttributionOptions#memory} allows
     */
    public static long headLoadings(ModelConfig model, int tokens, long budget) {
        double heads = (double) model.attention().heads() * model.attention().headDim();
        double values = (double) model.attention().kvHeads() * model.attention().headDim();
        double row = model.width() + 3 * heads + values;
        double targets = NODES / 2.0 * tokens * row;
        double sources = NODES / 2.0 * tokens / 2 * (row + values * model.layers() / 2);
        return (long) Math.min(Float.BYTES * (targets + sources), budget / 2.0);
    }

    /** Bytes in memory, files that are only mapped left out. */
    public long memory() {
        return weights + sources + gradients + edges + forward + means;
    }

    /** @param rate operations a second of a large matrix product on the device */
    public double seconds(double rate) {
        return OVERHEAD + operations / (rate * EFFICIENCY);
    }
}
