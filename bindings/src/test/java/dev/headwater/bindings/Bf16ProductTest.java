package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Products on bfloat16 units, against float64. MKL computes them on every processor, so they are tested on every one.
 */
class Bf16ProductTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
        assertTrue(Bf16Product.unavailable().isEmpty(), "the shipped MKL has the product");
        assertTrue(Set.of("amx", "avx512_bf16", "none").contains(Bf16Product.units()), Bf16Product.units());
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** Sizes of one element, of less and more than the units' tiles, and of more rows than are split at a time. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "3, 5, 7", "64, 96, 80", "33, 1025, 17", "3000, 1024, 24"})
    void theErrorIsThatOfFloat32(int m, int k, int n) {
        for (int spread : new int[] {0, 12, 35}) {
            Random random = new Random(m + 31L * k + spread);
            Tensor a = Tensor.ofFloats(numbers(random, m * k, spread), m, k);
            Tensor b = Tensor.ofFloats(numbers(random, k * n, spread), k, n);
            Tensor start = Tensor.ofFloats(numbers(random, m * n, 0), m, n);
            Tensor parts = Bf16Product.parts(b);
            for (int beta = 0; beta <= 1; beta++) {
                Tensor split = beta == 0
                        ? Tensor.full(Double.NaN, DType.F32, Device.CPU, m, n)
                        : Torch.add(start, Tensor.zeros(DType.F32, Device.CPU, m, n));
                Tensor plain = Torch.add(start, Tensor.zeros(DType.F32, Device.CPU, m, n));
                Bf16Product.split(split, a, parts, beta);
                Torch.mmInto(plain, a, b, beta);
                Tensor exact = Torch.mm(Torch.to(a, DType.F64), Torch.to(b, DType.F64));
                exact = beta == 0 ? exact : Torch.add(exact, Torch.to(start, DType.F64));
                // Errors are measured against the sizes of what is added up, which is what float32 promises.
                Tensor size = Torch.mm(Torch.abs(Torch.to(a, DType.F64)), Torch.abs(Torch.to(b, DType.F64)));
                double own = error(split, exact, size);
                double theirs = error(plain, exact, size);
                assertTrue(
                        own <= 2 * theirs + 0x1p-24,
                        "%d x %d x %d, spread %d, beta %d: error %.3g, of float32 %.3g"
                                .formatted(m, k, n, spread, beta, own, theirs));
            }
        }
    }

    /** Rounding the factors is the only loss. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "3, 5, 7", "33, 1025, 17", "9000, 1024, 3"})
    void roundedFactorsHaveFloat32Sums(int m, int k, int n) {
        Random random = new Random(m + 7L * k);
        Tensor a = Tensor.ofFloats(numbers(random, m * k, 3), m, k);
        Tensor b = Torch.to(Tensor.ofFloats(numbers(random, k * n, 3), k, n), DType.BF16);
        Tensor start = Tensor.ofFloats(numbers(random, m * n, 0), m, n);
        Tensor factor = Torch.to(Torch.to(a, DType.BF16), DType.F64);
        for (int beta = 0; beta <= 1; beta++) {
            Tensor out = beta == 0
                    ? Tensor.full(Double.NaN, DType.F32, Device.CPU, m, n)
                    : Torch.add(start, Tensor.zeros(DType.F32, Device.CPU, m, n));
            Bf16Product.rounded(out, a, b, beta);
            Tensor exact = Torch.mm(factor, Torch.to(b, DType.F64));
            exact = beta == 0 ? exact : Torch.add(exact, Torch.to(start, DType.F64));
            double error = error(out, exact, Torch.mm(Torch.abs(factor), Torch.abs(Torch.to(b, DType.F64))));
            assertTrue(error < 1e-6, "%d x %d x %d, beta %d: error %.3g".formatted(m, k, n, beta, error));
        }
        assertThrows(IllegalArgumentException.class, () -> Bf16Product.rounded(start, a, Torch.to(b, DType.F32), 0));
    }

    @Test
    void partsHoldTheWholeMatrix() {
        float[] numbers = numbers(new Random(5), 6 * 9, 30);
        Tensor parts = Bf16Product.parts(Tensor.ofFloats(numbers, 6, 9));
        assertArrayEquals(new long[] {18, 9}, parts.shape());
        assertArrayEquals(numbers, Bf16Product.whole(parts).toFloats());
    }

    @Test
    void greatAndTinyNumbersBehaveAsInFloat32() {
        float[] left = {Float.MAX_VALUE, 0x1p-100f, 0x1p-60f, 0x1p100f};
        float[] right = {1, 0x1p-20f, 0x1p-60f, 0x1p100f};
        float[] product = new float[16];
        for (int i = 0; i < 16; i++) {
            product[i] = left[i / 4] * right[i % 4];
        }
        float[] split = product(left, 4, right, 4);
        for (int i = 0; i < 16; i++) {
            if (Float.isInfinite(product[i])) {
                assertFalse(Float.isFinite(split[i]), "what overflows does not come back finite");
                continue;
            }
            // Under the normal range the units may give 0.
            assertEquals(
                    product[i],
                    split[i],
                    Math.abs(product[i]) < Float.MIN_NORMAL ? Float.MIN_NORMAL : Math.ulp(product[i]),
                    i / 4 + ", " + i % 4);
        }
        assertEquals(Float.MAX_VALUE, split[0], "the greatest number does not overflow in its parts");
    }

    @Test
    void whatIsNotFiniteStaysSoAndInItsRow() {
        for (float bad : new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN}) {
            float[] split = product(new float[] {bad, 1, 2}, 3, new float[] {3, 4}, 2);
            assertFalse(Float.isFinite(split[0]) || Float.isFinite(split[1]), "row of " + bad);
            assertArrayEquals(new float[] {3, 4, 6, 8}, new float[] {split[2], split[3], split[4], split[5]});
        }
    }

    @Test
    void emptyProducts() {
        Tensor out = Tensor.full(7, DType.F32, Device.CPU, 2, 3);
        Tensor none = Bf16Product.parts(Tensor.empty(DType.F32, Device.CPU, 0, 3));
        Bf16Product.split(out, Tensor.empty(DType.F32, Device.CPU, 2, 0), none, 1);
        assertEquals(7, out.toFloats()[5]);
        Bf16Product.split(out, Tensor.empty(DType.F32, Device.CPU, 2, 0), none, 0);
        assertEquals(0, out.toFloats()[5]);
        Bf16Product.split(
                Tensor.empty(DType.F32, Device.CPU, 0, 3),
                Tensor.empty(DType.F32, Device.CPU, 0, 2),
                Bf16Product.parts(Tensor.zeros(DType.F32, Device.CPU, 2, 3)),
                0);
    }

    @Test
    void whatDoesNotFitIsRefused() {
        Tensor a = Tensor.zeros(DType.F32, Device.CPU, 2, 3);
        Tensor out = Tensor.zeros(DType.F32, Device.CPU, 2, 4);
        Tensor parts = Bf16Product.parts(Tensor.zeros(DType.F32, Device.CPU, 3, 4));
        assertThrows(IllegalArgumentException.class, () -> Bf16Product.split(a, a, parts, 0));
        assertThrows(IllegalArgumentException.class, () -> Bf16Product.split(out, out, parts, 0));
        assertThrows(
                IllegalArgumentException.class,
                () -> Bf16Product.split(out, a, Tensor.zeros(DType.F32, Device.CPU, 9, 4), 0));
        assertThrows(IllegalArgumentException.class, () -> Bf16Product.parts(TorchShape.t(a)));
        assertThrows(IllegalArgumentException.class, () -> Bf16Product.parts(Torch.to(a, DType.F64)));
    }

    /** The column left times the row right. */
    private static float[] product(float[] left, int m, float[] right, int n) {
        Tensor out = Tensor.empty(DType.F32, Device.CPU, m, n);
        Bf16Product.split(out, Tensor.ofFloats(left, m, 1), Bf16Product.parts(Tensor.ofFloats(right, 1, n)), 0);
        return out.toFloats();
    }

    /** Random numbers of either sign whose exponents differ by up to 2·spread. */
    private static float[] numbers(Random random, int count, int spread) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian() * (float) Math.scalb(1.0, random.nextInt(-spread, spread + 1));
        }
        return numbers;
    }

    private static double error(Tensor actual, Tensor exact, Tensor size) {
        float[] got = actual.toFloats();
        double[] expected = exact.toDoubles();
        double[] scale = size.toDoubles();
        double worst = 0;
        for (int i = 0; i < got.length; i++) {
            double error = Math.abs(got[i] - expected[i]) / (scale[i] + Math.abs(expected[i]));
            worst = error >= worst || Double.isNaN(error) ? error : worst;
        }
        return worst;
    }
}
