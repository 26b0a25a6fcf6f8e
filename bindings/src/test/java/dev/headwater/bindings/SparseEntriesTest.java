package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class SparseEntriesTest {
    private static Tensor matrix(int columns, float... values) {
        return Tensor.ofFloats(values, values.length / columns, columns);
    }

    @Test
    void entriesOfAReluAndOfTheLargest() {
        try (var scope = TensorScope.open()) {
            Tensor pre = matrix(3, 1, -2, 3, 0, 5, -1);
            SparseEntries positive = SparseEntries.above(pre, null, null);
            assertArrayEquals(new int[] {0, 0, 1}, positive.rows().toInts());
            assertArrayEquals(new int[] {0, 2, 1}, positive.columns().toInts());
            assertArrayEquals(new float[] {1, 3, 5}, positive.values().toFloats());
            SparseEntries high = SparseEntries.above(
                    pre, Tensor.ofFloats(new float[] {1, 0, 0}, 3), Tensor.ofFloats(new float[] {1.5f, 6, 3}, 3));
            assertArrayEquals(new float[] {2}, high.values().toFloats());
            SparseEntries largest = SparseEntries.largest(pre, null, 2);
            assertArrayEquals(new float[] {1, 3, 5}, largest.values().toFloats(), "a zero among the two is no entry");
            assertThrows(IllegalArgumentException.class, () -> SparseEntries.largest(pre, null, 4));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> SparseEntries.above(pre, Tensor.ofFloats(new float[2], 2), null));
        }
    }

    @Test
    void moreThanIsExpectedFits() {
        try (var scope = TensorScope.open()) {
            Tensor all = Tensor.full(1, DType.F32, Device.CPU, 3, 5000);
            assertEquals(15000, SparseEntries.above(all, null, null).count());
        }
    }

    @Test
    void productsAreThoseOfTheMatrix() {
        try (var scope = TensorScope.open()) {
            SparseEntries entries = SparseEntries.above(matrix(3, 1, -2, 3, 0, 5, -1), null, null);
            Tensor out = matrix(2, 1, 1, 1, 1);
            entries.product(matrix(2, 1, 2, 3, 4, 5, 6), true, out);
            assertArrayEquals(new float[] {17, 21, 16, 21}, out.toFloats());
            Tensor sums = Tensor.zeros(DType.F32, Device.CPU, 3, 2);
            entries.sums(matrix(2, 1, 2, 3, 4), false, sums);
            assertArrayEquals(new float[] {1, 2, 15, 20, 3, 6}, sums.toFloats());
            assertArrayEquals(
                    new float[] {5, 17, 25},
                    entries.dots(matrix(2, 1, 2, 3, 4), matrix(2, 1, 2, 3, 4, 5, 6))
                            .toFloats());
            assertThrows(IllegalArgumentException.class, () -> entries.with(Tensor.ofFloats(new float[2], 2)));
            assertThrows(NativeException.class, () -> entries.product(matrix(2, 1, 2), false, out), "column 2 of 1");
        }
    }

    @Test
    void squaresAndTheFirstStepOfTheOptimiser() {
        try (var scope = TensorScope.open()) {
            assertEquals(25, Adam.squares(Tensor.ofFloats(new float[] {3, 4}, 2)));
            Tensor parameter = Tensor.ofFloats(new float[] {1, 1}, 2);
            Tensor mean = Tensor.zeros(DType.F32, Device.CPU, 2);
            Tensor square = Tensor.zeros(DType.F32, Device.CPU, 2);
            new Adam(0.9, 0.999, 1e-8)
                    .step(parameter, Tensor.ofFloats(new float[] {2, -3}, 2), mean, square, 0.5, 0.25, 1);
            assertArrayEquals(new float[] {0.75f, 1.25f}, parameter.toFloats(), 1e-6f);
            assertArrayEquals(new float[] {0.1f, -0.15f}, mean.toFloats(), 1e-6f);
        }
    }
}
