/**
 * Attribution graphs: their nodes and edges, influence, pruning, scores, and the files they are kept in.
 *
 * <p>Nodes are numbered in one order everywhere: the M selected features by (layer, position, feature), L*P errors
 * (layer-major, then position), P tokens, K logits; n = M + L*P + P + K. In edge matrices rows are targets and columns
 * are sources.
 */
@NullMarked
package dev.headwater.engine.graph;

import org.jspecify.annotations.NullMarked;
