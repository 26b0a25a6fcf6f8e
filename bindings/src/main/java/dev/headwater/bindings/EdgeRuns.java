package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.kernels.KernelsHeader;
import dev.headwater.bindings.kernels.hw_edges;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An edge matrix by runs as the kernels of graph mathematics see it ({@code hw_edges}): rows of consecutive columns whose
 * values lie in native memory that this class does not own but keeps until it is closed. Rows may be added, and the mathematics
 * asked for, at any time; one thread's call waits for another's. Use after {@link #close} is an {@link IllegalStateException}.
 */
public final class EdgeRuns implements AutoCloseable {
    private final long columns;
    private Arena arena = Arena.ofShared();
    private MemorySegment runStart = arena.allocate(JAVA_LONG, 65);
    private MemorySegment column = arena.allocate(JAVA_LONG, 64);
    private MemorySegment length = arena.allocate(JAVA_LONG, 64);
    private MemorySegment value = arena.allocate(JAVA_LONG, 64);
    private final List<NativeArena.Lease> leases = new ArrayList<>();
    private long rows;
    private long runs;

    /** A matrix without rows. */
    public EdgeRuns(long columns) {
        NativeLibraries.load();
        this.columns = columns;
    }

    /**
     * Adds rows whose values lie in one buffer.
     *
     * @param start  the first run of each row, then the end of the last: row i has the runs start[i] .. start[i+1]-1 [rows+1]
     * @param column first column of each run
     * @param length number of columns of each run
     * @param offset index of the value of each run's first column
     * @param values float32 in native memory of a {@link NativeArena}
     * @throws IndexOutOfBoundsException if a run leaves the matrix, or its values the buffer
     */
    public synchronized void add(int[] start, int[] column, int[] length, long[] offset, MemorySegment values) {
        requireOpen();
        int first = start[0];
        int added = start.length - 1;
        for (int i = 0; i < added; i++) {
            Objects.checkFromToIndex(start[i], start[i + 1], column.length);
        }
        int count = start[added] - first;
        long[] ends = new long[added];
        for (int i = 0; i < added; i++) {
            ends[i] = runs + start[i + 1] - first;
        }
        long[] columns = new long[count];
        long[] lengths = new long[count];
        long[] addresses = new long[count];
        long size = values.byteSize() / Float.BYTES;
        for (int k = 0; k < count; k++) {
            columns[k] = column[first + k];
            lengths[k] = length[first + k];
            addresses[k] =
                    values.address() + Float.BYTES * Objects.checkFromIndexSize(offset[first + k], lengths[k], size);
            Objects.checkFromIndexSize(columns[k], lengths[k], this.columns);
        }
        leases.add(NativeArena.lease(values));
        reserve(rows + added + 1, runs + count);
        MemorySegment.copy(ends, 0, runStart, JAVA_LONG, (rows + 1) * Long.BYTES, added);
        MemorySegment.copy(columns, 0, this.column, JAVA_LONG, runs * Long.BYTES, count);
        MemorySegment.copy(lengths, 0, this.length, JAVA_LONG, runs * Long.BYTES, count);
        MemorySegment.copy(addresses, 0, value, JAVA_LONG, runs * Long.BYTES, count);
        rows += added;
        runs += count;
    }

    private void reserve(long starts, long runs) {
        long startBytes = room(runStart, starts);
        long runBytes = room(column, runs);
        if (startBytes == runStart.byteSize() && runBytes == column.byteSize()) {
            return;
        }
        Arena larger = Arena.ofShared();
        runStart = larger.allocate(startBytes, 8).copyFrom(runStart);
        column = larger.allocate(runBytes, 8).copyFrom(column);
        length = larger.allocate(runBytes, 8).copyFrom(length);
        value = larger.allocate(runBytes, 8).copyFrom(value);
        arena.close();
        arena = larger;
    }

    private static long room(MemorySegment array, long needed) {
        return needed * Long.BYTES <= array.byteSize()
                ? array.byteSize()
                : Math.max(needed * Long.BYTES, 2 * array.byteSize());
    }

    /** Rows added so far. */
    public synchronized long rows() {
        return rows;
    }

    /** Sum of the absolute values of each row over the kept columns (null keeps all) [rows]. */
    public synchronized double[] rowSums(boolean @Nullable [] keep) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment sums = call.allocate(JAVA_DOUBLE, Math.max(1, rows));
            KernelCall.check(KernelsHeader.hw_row_sums(edges(call), bytes(call, keep), sums));
            return sums.asSlice(0, rows * Double.BYTES).toArray(JAVA_DOUBLE);
        }
    }

    /**
     * Influence by one back-substitution pass: for each row r in order, c = (weight[node[r]] + influence[node[r]]) ·
     * scale[r] and influence[s] += c · |edge(r, s)| for the kept columns s.
     *
     * @param order  row numbers, every row before the rows of the nodes that it draws on
     * @param node   the column that each row's own node has [rows]
     * @param weight the targets' weights [columns]
     * @param keep   kept columns; null keeps all
     * @param floor  smallest row sum that is divided by
     * @param scale  what normalises each row, 0 drops it; a negative one is filled in: the row's reciprocal sum over
     *      the kept columns [rows]
     * @return [columns]
     */
    public synchronized double[] influence(
            long[] order, long[] node, double[] weight, boolean @Nullable [] keep, double floor, double[] scale) {
        double[] influence = new double[Math.toIntExact(columns)];
        influence(order, node, weight, keep, floor, scale, null, influence);
        return influence;
    }

    /**
     * Brings influence up to date after rows have come, by passing on only what they change.
     *
     * @param passed    the c of each row, as the last call left it, 0 for new rows [rows]; null starts from nothing
     * @param influence as the last call left it, 0 at first [columns]
     */
    public synchronized void influence(
            long[] order,
            long[] node,
            double[] weight,
            boolean @Nullable [] keep,
            double floor,
            double[] scale,
            double @Nullable [] passed,
            double[] influence) {
        if (node.length != rows
                || scale.length != rows
                || weight.length != columns
                || influence.length != columns
                || (passed != null && passed.length != rows)) {
            throw new IllegalArgumentException("%d nodes, %d scales and %d weights for %d rows and %d columns"
                    .formatted(node.length, scale.length, weight.length, rows, columns));
        }
        try (Arena call = Arena.ofConfined()) {
            MemorySegment scales = doubles(call, scale);
            MemorySegment before = passed == null ? MemorySegment.NULL : doubles(call, passed);
            MemorySegment result = doubles(call, influence);
            KernelCall.check(KernelsHeader.hw_influence(
                    edges(call),
                    longs(call, order),
                    order.length,
                    longs(call, node),
                    doubles(call, weight),
                    bytes(call, keep),
                    floor,
                    scales,
                    before,
                    result));
            MemorySegment.copy(scales, JAVA_DOUBLE, 0, scale, 0, scale.length);
            MemorySegment.copy(result, JAVA_DOUBLE, 0, influence, 0, influence.length);
            if (passed != null) {
                MemorySegment.copy(before, JAVA_DOUBLE, 0, passed, 0, passed.length);
            }
        }
    }

    /**
     * Among the scores coefficient[r] · |edge(r, s)| of the kept columns, sorted descending, the first at which the
     * cumulative sum reaches {@code share} of the whole, never 0; infinity if all are 0.
     */
    public synchronized double cut(double[] coefficient, boolean @Nullable [] keep, double share) {
        if (coefficient.length != rows) {
            throw new IllegalArgumentException(coefficient.length + " coefficients for " + rows + " rows");
        }
        try (Arena call = Arena.ofConfined()) {
            MemorySegment cut = call.allocate(JAVA_DOUBLE);
            KernelCall.check(
                    KernelsHeader.hw_edge_cut(edges(call), doubles(call, coefficient), bytes(call, keep), share, cut));
            return cut.get(JAVA_DOUBLE, 0);
        }
    }

    /**
     * Edges by row, the columns of a row ascending.
     *
     * @param rowStart the edges of row r are numbers rowStart[r] .. rowStart[r+1]-1 [rows+1]
     */
    public record Selected(int[] rowStart, int[] column, float[] value) {}

    /**
     * The edges of the kept columns whose score coefficient[r] · |edge(r, s)| is at least {@code cut}.
     *
     * @param cut over 0
     * @throws ArithmeticException if there are more than a Java array can hold
     */
    public synchronized Selected above(double[] coefficient, boolean @Nullable [] keep, double cut) {
        if (coefficient.length != rows) {
            throw new IllegalArgumentException(coefficient.length + " coefficients for " + rows + " rows");
        }
        try (Arena call = Arena.ofConfined()) {
            MemorySegment edges = edges(call);
            MemorySegment coefficients = doubles(call, coefficient);
            MemorySegment kept = bytes(call, keep);
            MemorySegment start = call.allocate(JAVA_LONG, rows + 1);
            KernelCall.check(KernelsHeader.hw_edges_above(
                    edges, coefficients, kept, cut, start, MemorySegment.NULL, MemorySegment.NULL, 0));
            int count = Math.toIntExact(start.getAtIndex(JAVA_LONG, rows));
            MemorySegment columns = call.allocate(JAVA_INT, count);
            MemorySegment values = call.allocate(JAVA_FLOAT, count);
            if (count > 0) {
                KernelCall.check(
                        KernelsHeader.hw_edges_above(edges, coefficients, kept, cut, start, columns, values, count));
            }
            int[] rowStart = Arrays.stream(start.toArray(JAVA_LONG))
                    .mapToInt(Math::toIntExact)
                    .toArray();
            return new Selected(rowStart, columns.toArray(JAVA_INT), values.toArray(JAVA_FLOAT));
        }
    }

    private void requireOpen() {
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException("the edges were closed");
        }
    }

    private MemorySegment edges(Arena call) {
        requireOpen();
        MemorySegment edges = hw_edges.allocate(call);
        hw_edges.rows(edges, rows);
        hw_edges.columns(edges, columns);
        hw_edges.run_start(edges, runStart);
        hw_edges.column(edges, column);
        hw_edges.length(edges, length);
        hw_edges.value(edges, value);
        hw_edges.runs(edges, runs);
        return edges;
    }

    private static MemorySegment longs(Arena call, long[] values) {
        return values.length == 0 ? call.allocate(JAVA_LONG) : call.allocateFrom(JAVA_LONG, values);
    }

    private static MemorySegment doubles(Arena call, double[] values) {
        return values.length == 0 ? call.allocate(JAVA_DOUBLE) : call.allocateFrom(JAVA_DOUBLE, values);
    }

    private MemorySegment bytes(Arena call, boolean @Nullable [] keep) {
        if (keep == null) {
            return MemorySegment.NULL;
        }
        if (keep.length != columns) {
            throw new IllegalArgumentException(keep.length + " marks for " + columns + " columns");
        }
        byte[] marks = new byte[Math.max(1, keep.length)];
        for (int i = 0; i < keep.length; i++) {
            marks[i] = (byte) (keep[i] ? 1 : 0);
        }
        return call.allocateFrom(JAVA_BYTE, marks);
    }

    /** Closing twice is harmless; a call of another thread is waited for. */
    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            leases.forEach(NativeArena.Lease::close);
        }
    }
}
