package dev.headwater.engine.attention;

import dev.headwater.engine.Progress;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.graph.AttributionGraph;
import java.util.Arrays;
import java.util.List;

/**
 * What part of an edge passed through each head. At each layer of attention between its ends the heads' loadings and
 * the bypass, what
 * passed the layer by on the residual stream, sum to the edge's weight.
 *
 * @param target     node of the graph
 * @param source     node of the graph
 * @param weight     of the edge
 * @param firstLayer the layer above the source
 * @param heads      of a layer
 * @param loadings   by layer from {@code firstLayer} to the last one below the target, then head
 */
public record EdgeHeads(int target, int source, float weight, int firstLayer, int heads, float[] loadings) {
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
        for (int h = 0; h < heads; h++) {
            bypass -= loadings[at(layer) + h];
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
     * The heads of some edges of a graph.
     *
     * @param prompt  the graph's prompt in its model
     * @param targets what the graph was made to explain; null takes it from the graph, which knows tokens and features
     * @param target  node of each edge
     * @param source  node of each edge
     * @return in the order of the edges
     * @throws dev.headwater.engine.HeadwaterException if the graph is not of this model and prompt
     */
    public static List<EdgeHeads> of(
            LinearPrompt prompt,
            AttributionGraph graph,
            OutputTargets targets,
            int[] target,
            int[] source,
            Progress progress) {
        EdgeHeads[] found = new EdgeHeads[target.length];
        int heads = prompt.model().model().config().attention().heads();
        prompt.loadings(
                graph,
                targets,
                target,
                source,
                (e, loadings) -> found[e] = new EdgeHeads(
                        target[e],
                        source[e],
                        graph.edges().get(target[e], source[e]),
                        LinearPrompt.layerOf(graph, source[e]) + 1,
                        heads,
                        loadings),
                progress);
        return List.of(found);
    }
}
