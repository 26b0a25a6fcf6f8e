package dev.headwater.bindings;

/** Numbers of rows of a matrix, checked once, when they are made. The array for the device belongs to the scope in which this was made. */
public final class RowNumbers {
    private final Tensor numbers;
    private final long limit;
    private final boolean ascending;

    private RowNumbers(Tensor numbers, long limit, boolean ascending) {
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
        long limit = 0;
        boolean ascending = true;
        for (int i = 0; i < rows.length; i++) {
            if (rows[i] < 0 || rows[i] == Long.MAX_VALUE) {
                throw new IllegalArgumentException("row number " + i + " is " + rows[i]);
            }
            ascending &= i == 0 || rows[i] > rows[i - 1];
            limit = Math.max(limit, rows[i] + 1);
        }
        return new RowNumbers(Torch.to(Tensor.ofLongs(rows, rows.length), device), limit, ascending);
    }

    /** How many there are. */
    public long count() {
        return numbers.size(0);
    }

    /** Rows that the matrix must have: more than the largest number. */
    public long limit() {
        return limit;
    }

    /** True if each is larger than the one before. */
    boolean ascending() {
        return ascending;
    }

    Tensor numbers() {
        return numbers;
    }
}
