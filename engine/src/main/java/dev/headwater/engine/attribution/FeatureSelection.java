package dev.headwater.engine.attribution;

import dev.headwater.engine.graph.EdgeRows;

/**
 * The features that become nodes of a graph, and the edges between them.
 *
 * @param order    active features in the order in which their rows were computed [M]
 * @param selected the same, ascending [M]
 * @param edges    direct effects in node order, columns of features not taken left out [n, n]
 */
public record FeatureSelection(int[] order, int[] selected, EdgeRows edges) {}
