package dev.headwater.engine.graph;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.EdgeRuns;
import dev.headwater.bindings.NativeArena;
import dev.headwater.bindings.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A matrix of direct effects, rows are targets and columns sources, float32, stored by runs: row r has a few stretches
 * of consecutive columns, everything between them is zero. A target draws on lower layers and earlier positions only,
 * which in canonical node order is one stretch for each layer, so this holds about a quarter of the dense matrix and
 * nothing of n².
 *
 * <p>Values lie outside the Java heap in the order of the runs; {@link #close} frees them. Immutable, safe to read from
 * several threads.
 */
public final class EdgeRows implements AutoCloseable {
    /** Zeros that {@link #fromDense} bridges rather than start another run. */
    private static final int GAP = 16;

    private final int columns;
    private final int[] runStart;
    private final int[] column;
    private final int[] length;
    private final long[] offset;
    private final MemorySegment values;
    /** Frees the values. */
    private final Runnable free;

    private volatile boolean open = true;
    private @Nullable EdgeRuns runs;

    EdgeRows(EdgeLayout layout, MemorySegment values, Runnable free) {
        this.columns = layout.columns;
        this.runStart = Arrays.copyOf(layout.runStart, layout.rows + 1);
        this.column = Arrays.copyOf(layout.column, layout.runs);
        this.length = Arrays.copyOf(layout.length, layout.runs);
        this.offset = Arrays.copyOf(layout.offset, layout.runs);
        this.values = values.asReadOnly();
        this.free = free;
    }

    /** Gives the rows of a matrix, one after the other and more than once. */
    @FunctionalInterface
    public interface DenseRows {
        /** Writes the row's values, zeros included, to the front of {@code into}. */
        void copyRow(int row, float[] into);
    }

    /**
     * Hears of one run: {@code count} columns from {@code firstColumn} on, the first value having index {@code offset}.
     */
    @FunctionalInterface
    public interface RunVisitor {
        /** Hears of a stretch of columns that is stored. */
        void run(int firstColumn, int count, long offset);
    }

    /** Hears of one edge that is not zero. */
    @FunctionalInterface
    public interface EdgeVisitor {
        /** Hears of an edge. */
        void edge(int target, int source, float weight);
    }

    /** A copy of a dense row-major matrix without its longer stretches of zeros. */
    public static EdgeRows fromDense(float[] dense, int rows, int columns) {
        Objects.checkFromIndexSize(0, (long) rows * columns, (long) dense.length);
        return fromDense(rows, columns, (r, into) -> System.arraycopy(dense, r * columns, into, 0, columns));
    }

    /** A copy of a dense matrix without its longer stretches of zeros. */
    public static EdgeRows fromDense(int rows, int columns, DenseRows dense) {
        var layout = new EdgeLayout(columns);
        float[] row = new float[columns];
        float[] zeros = new float[columns];
        for (int r = 0; r < rows; r++) {
            dense.copyRow(r, row);
            for (int c = nextNonZero(row, 0, zeros); c < columns; c = nextNonZero(row, c, zeros)) {
                int start = c;
                int end = c + 1;
                for (c = end; c < columns && c - end <= GAP; c++) {
                    if (row[c] != 0) end = c + 1;
                }
                layout.run(start, end - start);
            }
            layout.endRow();
        }
        NativeArena arena = NativeArena.open();
        try {
            MemorySegment values = arena.allocate(Math.max(layout.size, 1) * Float.BYTES, 64);
            for (int r = 0; r < rows; r++) {
                dense.copyRow(r, row);
                for (int k = layout.runStart[r]; k < layout.runStart[r + 1]; k++) {
                    MemorySegment.copy(
                            row,
                            layout.column[k],
                            values,
                            ValueLayout.JAVA_FLOAT,
                            Float.BYTES * layout.offset[k],
                            layout.length[k]);
                }
            }
            return layout.adopt(values, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private static int nextNonZero(float[] row, int from, float[] zeros) {
        int c = from;
        // A zero may have a sign, by which it differs from the others here.
        while (c < row.length && row[c] == 0) {
            int same = Arrays.mismatch(row, c, row.length, zeros, 0, row.length - c);
            c = same < 0 ? row.length : c + Math.max(1, same);
        }
        return c;
    }

    /**
     * A square matrix over some nodes of a larger one whose rows are spread over several matrices.
     *
     * @param nodes the nodes to keep, ascending: row and column i of the result belong to node {@code nodes[i]}
     * @param home  for each node of the larger matrix the one that has its row, null if the row is zero
     * @param row   for each node the number of its row in there
     */
    public static EdgeRows select(int[] nodes, EdgeRows[] home, int[] row) {
        int[] keptBefore = new int[home.length + 1];
        for (int node : nodes) keptBefore[node + 1] = 1;
        for (int c = 0; c < home.length; c++) keptBefore[c + 1] += keptBefore[c];
        var layout = new EdgeLayout(nodes.length);
        for (int node : nodes) {
            EdgeRows from = home[node];
            for (int k = from == null ? 0 : from.firstRun(row[node]); from != null && k < from.endRun(row[node]); k++) {
                int first = keptBefore[from.column[k]];
                layout.run(first, keptBefore[from.column[k] + from.length[k]] - first);
            }
            layout.endRow();
        }
        NativeArena arena = NativeArena.open();
        try {
            MemorySegment values = arena.allocate(Math.max(layout.size, 1) * Float.BYTES, 64);
            long at = 0;
            float[] run = new float[home.length];
            float[] picked = new float[nodes.length];
            for (int node : nodes) {
                EdgeRows from = home[node];
                int count = 0;
                for (int k = from == null ? 0 : from.firstRun(row[node]);
                        from != null && k < from.endRun(row[node]);
                        k++) {
                    from.copyRun(k, run);
                    int first = from.column[k];
                    int end = keptBefore[first + from.length[k]];
                    for (int i = keptBefore[first]; i < end; i++) picked[count++] = run[nodes[i] - first];
                }
                MemorySegment.copy(picked, 0, values, ValueLayout.JAVA_FLOAT, Float.BYTES * at, count);
                at += count;
            }
            return layout.adopt(values, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** {@return targets} */
    public int rows() {
        return runStart.length - 1;
    }

    /** {@return sources} */
    public int columns() {
        return columns;
    }

    /** Number of stored values, zeros among them included. */
    public long size() {
        int last = offset.length - 1;
        return last < 0 ? 0 : offset[last] + length[last];
    }

    /** Number of values that are not zero. */
    public long nonZeros() {
        long count = 0;
        float[] run = new float[columns];
        for (int k = 0; k < column.length; k++) {
            copyRun(k, run);
            for (int j = 0; j < length[k]; j++) count += run[j] != 0 ? 1 : 0;
        }
        return count;
    }

    /** Visits the runs of a row from left to right. */
    public void forEachRun(int row, RunVisitor visitor) {
        for (int k = firstRun(row); k < endRun(row); k++) {
            visitor.run(column[k], length[k], offset[k]);
        }
    }

    /** Visits every value that is not zero, row by row, from left to right. */
    public void forEachEdge(EdgeVisitor visitor) {
        float[] run = new float[columns];
        for (int r = 0; r < rows(); r++) {
            for (int k = firstRun(r); k < endRun(r); k++) {
                copyRun(k, run);
                for (int j = 0; j < length[k]; j++) {
                    if (run[j] != 0) visitor.edge(r, column[k] + j, run[j]);
                }
            }
        }
    }

    private void requireOpen() {
        if (!open) {
            throw new IllegalStateException("the edges are closed");
        }
    }

    /** The values of a run, at the front of an array. */
    private void copyRun(int k, float[] into) {
        requireOpen();
        MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, Float.BYTES * offset[k], into, 0, length[k]);
    }

    /** The stored value with this index, see {@link RunVisitor}. */
    public float value(long index) {
        requireOpen();
        return values.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    /** The entry in this row and column. */
    public float get(int row, int source) {
        Objects.checkIndex(source, columns);
        int k = Arrays.binarySearch(column, firstRun(row), endRun(row), source);
        if (k < 0) k = -k - 2;
        return k < firstRun(row) || source - column[k] >= length[k] ? 0 : value(offset[k] + source - column[k]);
    }

    /** One row with its zeros, {@link #columns} values written to {@code into}. */
    public void copyRow(int row, float[] into) {
        requireOpen();
        Arrays.fill(into, 0, columns, 0f);
        for (int k = firstRun(row); k < endRun(row); k++) {
            MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, offset[k] * Float.BYTES, into, column[k], length[k]);
        }
    }

    /**
     * Some rows with their zeros.
     *
     * @param into count * {@link #columns} float32 values
     */
    public void copyRows(int first, int count, float[] into) {
        requireOpen();
        Arrays.fill(into, 0, Math.multiplyExact(count, columns), 0f);
        for (int r = first; r < first + count; r++) {
            for (int k = firstRun(r); k < endRun(r); k++) {
                int at = (r - first) * columns + column[k];
                MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, offset[k] * Float.BYTES, into, at, length[k]);
            }
        }
    }

    /**
     * The dense row-major matrix.
     *
     * @throws ArithmeticException if it has more values than a Java array can hold
     */
    public float[] toDense() {
        float[] dense = new float[Math.multiplyExact(rows(), columns)];
        copyRows(0, rows(), dense);
        return dense;
    }

    /**
     * The stored values in the order of the rows and their runs, F32 [number of them], where they lie; read-only. The memory stays
     * until the tensor is closed too.
     */
    public Tensor values() {
        requireOpen();
        int last = column.length - 1;
        return Tensor.borrow(values, DType.F32, last < 0 ? 0 : offset[last] + length[last]);
    }

    @Override
    public synchronized void close() {
        if (runs != null) runs.close();
        runs = null;
        if (open) {
            free.run();
        }
        open = false;
    }

    /** This matrix as the native kernels see it. */
    public synchronized EdgeRuns runs() {
        if (runs == null) {
            runs = new EdgeRuns(columns);
            addTo(runs);
        }
        return runs;
    }

    /** Adds the rows to a matrix for the native kernels, which must not be used after this one is closed. */
    public void addTo(EdgeRuns matrix) {
        requireOpen();
        matrix.add(runStart, column, length, offset, values);
    }

    int firstRun(int row) {
        return runStart[row];
    }

    int endRun(int row) {
        return runStart[row + 1];
    }

    int column(int run) {
        return column[run];
    }

    int length(int run) {
        return length[run];
    }

    long offset(int run) {
        return offset[run];
    }

    boolean isEmptyRow(int row) {
        return runStart[row] == runStart[row + 1];
    }
}
