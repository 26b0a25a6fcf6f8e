package dev.headwater.engine.attention;

import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.graph.Node;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What part of an edge passed through each head. At each layer of attention between its ends the heads' loadings and the bypass, what
 * passed the layer by on the residual stream, sum to the edge's weight.
 *
 * @param weight     of the edge
 * @param firstLayer the layer above the source
 * @param heads      of a layer
 * @param loadings   by layer from {@code firstLayer} to the last one below the target, then head
 */
public record EdgeHeads(Node target, Node source, float weight, int firstLayer, int heads, float[] loadings) {
    /** Number of layers whose attention lies between the ends. */
    public int layers() {
        return loadings.length / heads;
    }

    /** @param layer of the model, one of those between the ends */
    public float loading(int layer, int head) {
        return loadings[at(layer) + head];
    }

    /** What passed the layer's attention by. */
    public double bypass(int layer) {
        double bypass = weight;
        for (float loading : layer(layer)) {
            bypass -= loading;
        }
        return bypass;
    }

    /** The loadings of a layer [heads]. */
    public float[] layer(int layer) {
        return Arrays.copyOfRange(loadings, at(layer), at(layer) + heads);
    }

    private int at(int layer) {
        if (layer < firstLayer || layer >= firstLayer + layers()) {
            throw new IndexOutOfBoundsException("layer " + layer + " does not lie between the edge's ends");
        }
        return (layer - firstLayer) * heads;
    }

    /**
     * The heads of some edges, and the edges' weights.
     *
     * @param target features and outputs
     * @param source features, errors and tokens
     * @param known  what outputs that are no tokens stand for; null if there are none
     * @return in the order of the edges
     * @throws UsageException if no attention lies between the ends of an edge
     * @throws dev.headwater.engine.HeadwaterException if a node is none of this model and prompt
     */
    public static List<EdgeHeads> of(
            LinearPrompt prompt,
            List<? extends Node> target,
            List<? extends Node> source,
            @Nullable OutputTargets known,
            Progress progress) {
        int layers = prompt.model().layers();
        for (int e = 0; e < target.size(); e++) {
            requireBetween(
                    target.get(e),
                    source.get(e),
                    layers,
                    prompt.model().model().config().parallel());
        }
        float[] weights = prompt.weights(target, source, known);
        EdgeHeads[] found = new EdgeHeads[target.size()];
        int heads = prompt.model().model().config().attention().heads();
        prompt.loadings(
                target,
                source,
                known,
                (e, loadings) -> found[e] = new EdgeHeads(
                        target.get(e), source.get(e), weights[e], layerOf(source.get(e), layers) + 1, heads, loadings),
                progress);
        return List.of(found);
    }

    private static void requireBetween(Node target, Node source, int layers, boolean parallel) {
        String names = NodeId.of(source, layers) + " to " + NodeId.of(target, layers);
        if (!(target instanceof Node.Feature || target instanceof Node.Logit) || source instanceof Node.Logit) {
            throw new UsageException("there is no edge from " + names
                    + ": edges lead from features, errors and tokens to features and outputs");
        }
        if (source.position() > target.position()) {
            throw new UsageException("there is no edge from " + names + ": its source comes after its target");
        }
        int last = parallel ? layerOf(target, layers) - 1 : Math.min(layerOf(target, layers), layers - 1);
        if (layerOf(source, layers) >= last) {
            throw new UsageException("no attention lies between the ends of the edge from " + names + ": its source is "
                    + (layerOf(source, layers) > layerOf(target, layers)
                            ? "above its target"
                            : "written after the last attention that its target reads"));
        }
    }

    /** The layer of a node, -1 for a token, the number of layers for an output. */
    public static int layerOf(Node node, int layers) {
        return switch (node) {
            case Node.Feature feature -> feature.layer();
            case Node.Error error -> error.layer();
            case Node.Token _ -> -1;
            case Node.Logit _ -> layers;
        };
    }
}
