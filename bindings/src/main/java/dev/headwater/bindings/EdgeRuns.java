package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.kernels.hw_edges;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * An edge matrix by runs as the kernels of graph mathematics see it ({@code hw_edges}): rows of consecutive columns whose
 * values lie in native memory that this class does not own and that must outlive it. Rows are added one after the other; the
 * mathematics may be asked for at any time. Not thread-safe.
 */
public final class EdgeRuns implements AutoCloseable {
    private final long columns;
    private Arena arena = Arena.ofShared();
    private MemorySegment runStart = arena.allocate(JAVA_LONG, 65);
    private MemorySegment column = arena.allocate(JAVA_LONG, 64);
    private MemorySegment length = arena.allocate(JAVA_LONG, 64);
    private MemorySegment value = arena.allocate(JAVA_LONG, 64);
    private long rows;
    private long runs;

    public EdgeRuns(long columns) {
        NativeLibraries.load();
        this.columns = columns;
    }

    /**
     * Adds a run to the row that is being built.
     *
     * @param values float32 in native memory, one for each column from {@code first} on
     */
    public void run(long first, MemorySegment values) {
        long count = values.byteSize() / Float.BYTES;
        if (!values.isNative()) {
            throw new IllegalArgumentException("edge values must lie in native memory");
        }
        Objects.checkFromIndexSize(first, count, columns);
        if (runs * Long.BYTES == column.byteSize()) {
            grow(runStart.byteSize(), 2 * column.byteSize());
        }
        column.setAtIndex(JAVA_LONG, runs, first);
        length.setAtIndex(JAVA_LONG, runs, count);
        value.setAtIndex(JAVA_LONG, runs++, values.address());
    }

    /** Ends the row that is being built. */
    public void endRow() {
        if ((rows + 2) * Long.BYTES > runStart.byteSize()) {
            grow(2 * runStart.byteSize(), column.byteSize());
        }
        runStart.setAtIndex(JAVA_LONG, ++rows, runs);
    }

    private void grow(long startBytes, long runBytes) {
        Arena larger = Arena.ofShared();
        runStart = larger.allocate(startBytes, 8).copyFrom(runStart);
        column = larger.allocate(runBytes, 8).copyFrom(column);
        length = larger.allocate(runBytes, 8).copyFrom(length);
        value = larger.allocate(runBytes, 8).copyFrom(value);
        arena.close();
        arena = larger;
    }

    public long rows() {
        return rows;
    }

    /** Sum of the absolute values of each row over the kept columns (null keeps all) [rows]. */
    public double[] rowSums(boolean[] keep) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment sums = call.allocate(JAVA_DOUBLE, Math.max(1, rows));
            Kernels.check(KernelsHeader.hw_row_sums(edges(call), bytes(call, keep), sums));
            return sums.asSlice(0, rows * Double.BYTES).toArray(JAVA_DOUBLE);
        }
    }

    /**
     * Influence by one back-substitution pass: for each row r in order, c = (weight[node[r]] + influence[node[r]]) · scale[r] and
     * influence[s] += c · |edge(r, s)| for the kept columns s.
     *
     * @param order row numbers, every row before the rows of the nodes that it draws on
     * @param node  the column that each row's own node has [rows]
     * @param scale reciprocal sum of each row, 0 drops a row [rows]
     * @param weight the targets' weights [columns]
     * @return [columns]
     */
    public double[] influence(long[] order, long[] node, double[] scale, double[] weight, boolean[] keep) {
        if (node.length != rows || scale.length != rows || weight.length != columns) {
            throw new IllegalArgumentException("%d nodes, %d scales and %d weights for %d rows and %d columns"
                .formatted(node.length, scale.length, weight.length, rows, columns));
        }
        try (Arena call = Arena.ofConfined()) {
            MemorySegment influence = call.allocate(JAVA_DOUBLE, Math.max(1, columns));
            Kernels.check(KernelsHeader.hw_influence(edges(call), longs(call, order), order.length, longs(call, node), doubles(call, scale),
                doubles(call, weight), bytes(call, keep), influence));
            return influence.asSlice(0, columns * Double.BYTES).toArray(JAVA_DOUBLE);
        }
    }

    /**
     * Among the scores coefficient[r] · |edge(r, s)| of the kept columns, sorted descending, the first at which the cumulative sum
     * reaches {@code share} of the whole, never 0; infinity if all are 0.
     */
    public double cut(double[] coefficient, boolean[] keep, double share) {
        if (coefficient.length != rows) {
            throw new IllegalArgumentException(coefficient.length + " coefficients for " + rows + " rows");
        }
        try (Arena call = Arena.ofConfined()) {
            MemorySegment cut = call.allocate(JAVA_DOUBLE);
            Kernels.check(KernelsHeader.hw_edge_cut(edges(call), doubles(call, coefficient), bytes(call, keep), share, cut));
            return cut.get(JAVA_DOUBLE, 0);
        }
    }

    private MemorySegment edges(Arena call) {
        MemorySegment edges = hw_edges.allocate(call);
        hw_edges.rows(edges, rows);
        hw_edges.columns(edges, columns);
        hw_edges.run_start(edges, runStart);
        hw_edges.column(edges, column);
        hw_edges.length(edges, length);
        hw_edges.value(edges, value);
        return edges;
    }

    private static MemorySegment longs(Arena call, long[] values) {
        return values.length == 0 ? call.allocate(JAVA_LONG) : call.allocateFrom(JAVA_LONG, values);
    }

    private static MemorySegment doubles(Arena call, double[] values) {
        return values.length == 0 ? call.allocate(JAVA_DOUBLE) : call.allocateFrom(JAVA_DOUBLE, values);
    }

    private MemorySegment bytes(Arena call, boolean[] keep) {
        if (keep == null) {
            return MemorySegment.NULL;
        }
        if (keep.length != columns) {
            throw new IllegalArgumentException(keep.length + " marks for " + columns + " columns");
        }
        MemorySegment bytes = call.allocate(Math.max(1, columns));
        for (int i = 0; i < keep.length; i++) {
            bytes.set(JAVA_BYTE, i, (byte) (keep[i] ? 1 : 0));
        }
        return bytes;
    }

    @Override
    public void close() {
        arena.close();
    }
}
