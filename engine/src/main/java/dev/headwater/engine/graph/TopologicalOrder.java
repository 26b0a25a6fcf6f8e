package dev.headwater.engine.graph;

import dev.headwater.engine.HeadwaterException;

/** Orders the nodes of a square edge matrix so that every target comes before its sources. */
public final class TopologicalOrder {
    private TopologicalOrder() {}

    /**
     * All node numbers, targets before their sources. In canonical order that is simply the highest number first; other
     * matrices are ordered by their edges.
     *
     * @throws HeadwaterException if the edges form a cycle
     */
    public static int[] of(EdgeRows edges) {
        int n = edges.rows();
        int[] order = new int[n];
        if (descends(edges)) {
            for (int i = 0; i < n; i++) order[i] = n - 1 - i;
            return order;
        }
        int[] consumers = new int[n];
        edges.forEachEdge((target, source, weight) -> consumers[source]++);
        int ready = 0;
        for (int i = n - 1; i >= 0; i--) {
            if (consumers[i] == 0) order[ready++] = i;
        }
        for (int next = 0; next < ready; next++) {
            int target = order[next];
            for (int k = edges.firstRun(target); k < edges.endRun(target); k++) {
                for (int j = 0; j < edges.length(k); j++) {
                    int source = edges.column(k) + j;
                    if (edges.value(edges.offset(k) + j) != 0 && --consumers[source] == 0) order[ready++] = source;
                }
            }
        }
        if (ready < n) {
            int node = 0;
            while (consumers[node] == 0) node++;
            throw new HeadwaterException(
                    ("The edges of the graph form a cycle (node %d is on one or leads into one): influence is defined "
                                    + "for acyclic graphs only, so this matrix is not an attribution graph.")
                            .formatted(node));
        }
        return order;
    }

    /** True if no node with a row of its own is a source of a node with a lower or equal number. */
    private static boolean descends(EdgeRows edges) {
        int n = edges.rows();
        int[] nextWithRow = new int[n + 1];
        nextWithRow[n] = n;
        for (int i = n - 1; i >= 0; i--) nextWithRow[i] = edges.isEmptyRow(i) ? nextWithRow[i + 1] : i;
        for (int r = 0; r < n; r++) {
            for (int k = edges.firstRun(r); k < edges.endRun(r); k++) {
                int end = edges.column(k) + edges.length(k);
                for (int c = nextWithRow[Math.min(n, Math.max(r, edges.column(k)))]; c < end; c = nextWithRow[c + 1]) {
                    if (edges.value(edges.offset(k) + c - edges.column(k)) != 0) return false;
                }
            }
        }
        return true;
    }
}
