/**
 * Attribution graphs: their nodes and edges, influence, pruning, scores, and the files they are kept in.
 *
 * <p>Nodes are numbered in one order everywhere: the M selected features by (layer, position, feature), L*P errors
 * (layer-major, then position), P tokens, K logits; n = M + L*P + P + K. In edge matrices rows are targets and columns
 * are sources.
 *
 * <p>Threads and lifetimes: Graphs are immutable and may be read by several threads. The edges of an {@link
 * dev.headwater.engine.graph.AttributionGraph} lie outside Java's heap until it is closed, once, by whoever got it, when nobody
 * reads it any more; what was computed from it (influence, prunings, scores) stays, but for what it reads of edges. Everything else
 * here is a value without native memory.
 */
@NullMarked
package dev.headwater.engine.graph;

import org.jspecify.annotations.NullMarked;
