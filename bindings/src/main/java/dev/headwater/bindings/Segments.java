package dev.headwater.bindings;

/**
 * Sources in order of position: those of position q are the rows {@code start[q] .. start[q+1]-1} of a matrix. Checked once, when it
 * is made. The array for the device belongs to the scope in which this was made.
 */
public final class Segments {
    private final long[] start;
    private final IndexArray starts;

    private Segments(long[] start, IndexArray starts) {
        this.start = start;
        this.starts = starts;
    }

    /**
     * Segments for kernels on the device.
     *
     * @param start where each position's sources begin, then where the last one's end [P+1]
     * @throws IllegalArgumentException if it is empty, begins below 0 or descends
     */
    public static Segments of(long[] start, Device device) {
        Shipment alone = new Shipment(device);
        Segments segments = of(start, alone);
        alone.send();
        return segments;
    }

    /** The same, of use once the shipment was sent. */
    public static Segments of(long[] start, Shipment shipment) {
        if (start.length == 0 || start[0] < 0) {
            throw new IllegalArgumentException("segments begin with the first source, 0 or more");
        }
        for (int q = 1; q < start.length; q++) {
            if (start[q] < start[q - 1]) {
                throw new IllegalArgumentException(
                        "segments descend at position " + q + ": " + start[q - 1] + ", " + start[q]);
            }
        }
        return new Segments(start.clone(), shipment.longs(start));
    }

    /** One source for each position. */
    public static Segments onePerPosition(int positions, Device device) {
        Shipment alone = new Shipment(device);
        Segments segments = onePerPosition(positions, alone);
        alone.send();
        return segments;
    }

    /** The same, of use once the shipment was sent. */
    public static Segments onePerPosition(int positions, Shipment shipment) {
        long[] start = new long[positions + 1];
        java.util.Arrays.setAll(start, q -> q);
        return of(start, shipment);
    }

    /** Number of positions. */
    public int positions() {
        return start.length - 1;
    }

    /** Rows that a source matrix must have. */
    public long sources() {
        return start[start.length - 1];
    }

    /** Sources of the positions before this one. */
    long upTo(int position) {
        return start[position] - start[0];
    }

    IndexArray starts() {
        return starts;
    }
}
