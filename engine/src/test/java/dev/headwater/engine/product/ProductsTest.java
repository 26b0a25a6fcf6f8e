package dev.headwater.engine.product;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProductsTest {
    private static final Device CUDA = new Device(Device.Type.CUDA, 0);

    @Test
    void noClockDecides() {
        for (Device device : new Device[] {Device.CPU, CUDA}) {
            assertEquals(Products.FLOAT32, Products.choose(null, DType.F32, device), "whatever else runs here");
        }
    }

    @Test
    void whatIsAskedForIsTaken() {
        assertEquals(Products.FLOAT32, Products.choose(Products.FLOAT32, DType.F32, Device.CPU));
        assertEquals(Products.BF16X6, Products.choose(Products.BF16X6, DType.F32, Device.CPU));
        assertEquals(Products.BFLOAT16, Products.choose(null, DType.BF16, Device.CPU));
        assertEquals(Products.BFLOAT16, Products.choose(null, DType.BF16, CUDA));
    }

    @Test
    void whatCannotBeHadIsRefused() {
        assertTrue(assertThrows(UsageException.class, () -> Products.choose(Products.BF16X6, DType.F32, CUDA))
                .getMessage()
                .contains("for the CPU"));
        var options = ReplacementModel.Options.DEFAULT;
        assertThrows(UsageException.class, () -> options.withDtype(DType.BF16).withProducts(Products.BF16X6));
        assertThrows(UsageException.class, () -> options.withDtype(DType.BF16).withProducts(Products.FLOAT32));
        assertThrows(UsageException.class, () -> options.withProducts(Products.BFLOAT16));
    }

    @Test
    void errorsAreThoseOfTheirMantissas() {
        var trials = ProductTrial.run(192, Products.values());
        double plain = trials.get(Products.FLOAT32).error();
        double split = trials.get(Products.BF16X6).error();
        double rounded = trials.get(Products.BFLOAT16).error();
        assertTrue(plain > 0 && plain < 1e-6, "float32: " + plain);
        assertTrue(split > 0 && split <= 2 * plain, "bf16x6: " + split + ", float32: " + plain);
        assertTrue(rounded > 1e-3 && rounded < 1e-2, "bfloat16: " + rounded);
        trials.values().forEach(trial -> assertTrue(trial.seconds() > 0 && trial.gflops() > 0));
    }

    @ParameterizedTest
    @EnumSource
    void aWeightMultipliesItsRows(Products products) {
        try (var scope = TensorScope.open()) {
            Random random = new Random(3);
            float[] numbers = new float[5 * 4];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = random.nextInt(-8, 9);
            }
            Tensor matrix = TorchShape.t(Tensor.ofFloats(numbers, 4, 5));
            Weight weight = Weight.of(matrix, products);
            assertEquals(5, weight.rows());
            assertEquals(4, weight.columns());
            // Small whole numbers are exact in every way.
            assertArrayEquals(
                    Torch.contiguous(matrix).toFloats(), weight.toFloat32().toFloats());
            Tensor a = Tensor.ofFloats(new float[] {1, 2, 3, 4, 5, -1, 0, 1, 0, 2}, 2, 5);
            Tensor out = Tensor.full(1, DType.F32, Device.CPU, 2, 4);
            weight.product(out, a, 1);
            assertArrayEquals(
                    Torch.add(Torch.mm(a, matrix), Tensor.full(1, DType.F32, Device.CPU, 2, 4))
                            .toFloats(),
                    out.toFloats());
            weight.product(out, a, 0);
            assertArrayEquals(Torch.mm(a, matrix).toFloats(), out.toFloats());
        }
    }
}
