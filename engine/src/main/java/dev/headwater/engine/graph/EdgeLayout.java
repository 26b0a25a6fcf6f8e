package dev.headwater.engine.graph;

import dev.headwater.bindings.NativeArena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The shape of an {@link EdgeRows}, declared before its values exist: for each row its runs from left to right,
 * then {@link #endRow}. The value of run k's first column has index {@code offset} in the buffer, runs following
 * each other without gaps.
 */
public final class EdgeLayout {
    final int columns;
    int rows;
    int runs;
    long size;
    private int nextColumn;
    int[] runStart = new int[65];
    int[] column = new int[64];
    int[] length = new int[64];
    long[] offset = new long[64];

    public EdgeLayout(int columns) {
        if (columns < 0) throw new IllegalArgumentException("columns must not be negative: " + columns);
        this.columns = columns;
    }

    /**
     * Adds a run to the current row. A run of length 0 is skipped, one that continues the last is joined to it.
     *
     * @return index of the run's first value in the buffer
     * @throws IllegalArgumentException if the run leaves the matrix or starts before the end of the run before it
     */
    public long run(int firstColumn, int count) {
        if (count == 0) return size;
        if (count < 0 || firstColumn < nextColumn || firstColumn > columns - count) {
            throw new IllegalArgumentException(
                    "run of %d columns at %d does not fit a row of %d columns filled up to %d"
                            .formatted(count, firstColumn, columns, nextColumn));
        }
        boolean continues = runs > runStart[rows] && firstColumn == nextColumn;
        if (!continues && runs == column.length) {
            column = Arrays.copyOf(column, runs * 2);
            length = Arrays.copyOf(length, runs * 2);
            offset = Arrays.copyOf(offset, runs * 2);
        }
        long at = size;
        if (continues) {
            length[runs - 1] += count;
        } else {
            column[runs] = firstColumn;
            length[runs] = count;
            offset[runs++] = at;
        }
        nextColumn = firstColumn + count;
        size += count;
        return at;
    }

    /** Ends the current row, which is zero if it got no run. */
    public EdgeLayout endRow() {
        if (rows + 1 == runStart.length) runStart = Arrays.copyOf(runStart, rows * 2 + 2);
        runStart[++rows] = runs;
        nextColumn = 0;
        return this;
    }

    /** Rows ended so far. */
    public int rows() {
        return rows;
    }

    /** Number of values of all runs so far. */
    public long size() {
        return size;
    }

    /** The matrix with the first {@link #size} of {@code values}, which are copied. */
    public EdgeRows fill(float... values) {
        if (values.length != size)
            throw new IllegalArgumentException("%d values for %d places".formatted(values.length, size));
        NativeArena arena = NativeArena.open();
        MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
        return adopt(segment, arena);
    }

    /** Room for the {@link #size} values, zeros, for a computation to fill. */
    public EdgeBuffer buffer() {
        return new EdgeBuffer(this);
    }

    EdgeRows adopt(MemorySegment values, NativeArena owner) {
        return new EdgeRows(this, values, owner::close);
    }
}
