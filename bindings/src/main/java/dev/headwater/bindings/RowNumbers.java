package dev.headwater.bindings;

/** Numbers of rows of a matrix, checked once, when they are made. The array for the device belongs to the scope in which it was sent. */
public final class RowNumbers {
    private final IndexArray numbers;
    private final long limit;
    private final boolean ascending;

    private RowNumbers(IndexArray numbers, long limit, boolean ascending) {
        this.numbers = numbers;
        this.limit = limit;
        this.ascending = ascending;
    }

    /**
     * Row numbers for kernels on the device.
     *
     * @throws IllegalArgumentException if one is negative
     */
    public static RowNumbers of(long[] rows, Device device) {
        Shipment alone = new Shipment(device);
        RowNumbers numbers = of(alone.longs(rows));
        alone.send();
        return numbers;
    }

    /**
     * The same of 64-bit numbers in a shipment, of use once it was sent.
     *
     * @throws IllegalArgumentException if one is negative
     */
    public static RowNumbers of(IndexArray rows) {
        long limit = 0;
        boolean ascending = true;
        for (int i = 0; i < rows.count(); i++) {
            long row = rows.value(i);
            if (row < 0 || row == Long.MAX_VALUE) {
                throw new IllegalArgumentException("row number " + i + " is " + row);
            }
            ascending &= i == 0 || row > rows.value(i - 1);
            limit = Math.max(limit, row + 1);
        }
        return new RowNumbers(rows, limit, ascending);
    }

    /** How many there are. */
    public long count() {
        return numbers.count();
    }

    /** Rows that the matrix must have: more than the largest number. */
    public long limit() {
        return limit;
    }

    /** True if each is larger than the one before. */
    boolean ascending() {
        return ascending;
    }

    IndexArray numbers() {
        return numbers;
    }
}
