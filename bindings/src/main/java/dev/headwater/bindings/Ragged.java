package dev.headwater.bindings;

import java.util.Arrays;
import java.util.Objects;

/**
 * The targets of a ragged batch: target t has the rows {@code offset[t] .. offset[t] + position[t]} of a gradient matrix, one for
 * each position up to its own. Checked once, when it is made; the kernels' calls then compare two numbers. The arrays for
 * the device belong to the scope in which this was made.
 */
public final class Ragged {
    private final long[] offset;
    private final int[] position;
    private final IndexArray offsets;
    private final IndexArray positionNumbers;
    private final int first;
    private final int count;
    private final int positions;

    private Ragged(
            long[] offset, int[] position, IndexArray offsets, IndexArray positionNumbers, int first, int count) {
        this.offset = offset;
        this.position = position;
        this.offsets = offsets;
        this.positionNumbers = positionNumbers;
        this.first = first;
        this.count = count;
        positions = Arrays.stream(position, first, first + count).max().orElse(-1) + 1;
    }

    /**
     * A batch for kernels on the device.
     *
     * @param offset   first row of each target
     * @param position of each target
     * @throws IllegalArgumentException if a number is negative, or a target's rows do not begin after those of the one before
     */
    public static Ragged of(long[] offset, int[] position, Device device) {
        Shipment alone = new Shipment(device);
        Ragged ragged = of(offset, position, alone);
        alone.send();
        return ragged;
    }

    /** The same, of use once the shipment was sent. */
    public static Ragged of(long[] offset, int[] position, Shipment shipment) {
        if (offset.length != position.length) {
            throw new IllegalArgumentException(offset.length + " offsets for " + position.length + " positions");
        }
        long rows = 0;
        for (int t = 0; t < offset.length; t++) {
            if (offset[t] < rows
                    || position[t] < 0
                    || position[t] == Integer.MAX_VALUE
                    || offset[t] > Long.MAX_VALUE / 2) {
                throw new IllegalArgumentException("target " + t + " has position " + position[t] + " and rows from "
                        + offset[t] + " on, where the rows up to " + rows + " are taken");
            }
            rows = offset[t] + position[t] + 1;
        }
        return new Ragged(
                offset.clone(), position.clone(), shipment.longs(offset), shipment.ints(position), 0, position.length);
    }

    /**
     * Some of the targets, with the same rows.
     *
     * @throws IndexOutOfBoundsException if there are not so many
     */
    public Ragged range(int from, int length) {
        Objects.checkFromIndexSize(from, length, count);
        return new Ragged(offset, position, offsets, positionNumbers, first + from, length);
    }

    /** Number of targets. */
    public int targets() {
        return count;
    }

    /** Rows that a gradient matrix must have. */
    public long rows() {
        int last = first + count - 1;
        return count == 0 ? 0 : offset[last] + position[last] + 1;
    }

    /** Positions that a pattern must have: more than any target's. */
    public int positions() {
        return positions;
    }

    /** Position of a target. */
    int position(int target) {
        return position[first + target];
    }

    IndexArray offsets() {
        return offsets.range(first, count);
    }

    IndexArray positionNumbers() {
        return positionNumbers.range(first, count);
    }
}
