package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Runs every operator once: an argument that is missing from a call would be read from beyond its stack. */
class TorchTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor vector(float... values) {
        return Tensor.ofFloats(values, values.length);
    }

    private static Tensor matrix() {
        return Tensor.ofFloats(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    }

    private static void expect(Tensor tensor, double... values) {
        assertArrayEquals(values, tensor.toDoubles(), 1e-6, tensor::toString);
    }

    @Test
    void products() {
        Tensor a = matrix();
        expect(Torch.mm(a, TorchShape.t(a)), 14, 32, 32, 77);
        expect(Torch.matmul(a, vector(1, 0, 1)), 4, 10);
        expect(Torch.linear(a, a, vector(1, 2)), 15, 34, 33, 79);
        expect(Torch.linear(a, a, null), 14, 32, 32, 77);
        Tensor batch = TorchShape.reshape(a, 1, 2, 3);
        expect(Torch.bmm(batch, TorchShape.transpose(batch, 1, 2)), 14, 32, 32, 77);
        Tensor out = Tensor.full(1, DType.F32, Device.CPU, 2, 2);
        Torch.mmInto(out, a, TorchShape.t(a), 1);
        expect(out, 15, 33, 33, 78);
        Torch.mmInto(out, a, TorchShape.t(a), 0);
        expect(out, 14, 32, 32, 77);
        assertThrows(IllegalArgumentException.class, () -> Torch.mmInto(out, a, a, 0));
    }

    @Test
    void arithmetic() {
        Tensor a = vector(1, 4);
        expect(Torch.add(a, vector(2, 3)), 3, 7);
        expect(Torch.add(a, 0.5), 1.5, 4.5);
        expect(Torch.sub(a, vector(2, 3)), -1, 1);
        expect(Torch.mul(a, vector(2, 3)), 2, 12);
        expect(Torch.mul(a, 0.25), 0.25, 1);
        expect(Torch.div(a, vector(2, 8)), 0.5, 0.5);
        expect(Torch.div(a, 2), 0.5, 2);
        expect(Torch.pow(a, 2), 1, 16);
        expect(Torch.pow(a, vector(3, 0.5f)), 1, 2);
        expect(Torch.maximum(a, vector(2, 2)), 2, 4);
        expect(Torch.minimum(a, 2), 1, 2);
        expect(Torch.eq(a, 4), 0, 1);
        expect(Torch.gt(a, 1), 0, 1);
        expect(Torch.ge(a, 1), 1, 1);
        expect(Torch.lt(a, vector(2, 2)), 1, 0);
        assertEquals(DType.F32, Torch.mul(a, 2).dtype());
        assertEquals(DType.BF16, Torch.mul(Torch.to(a, DType.BF16), 2).dtype());
    }

    @Test
    void functions() {
        Tensor a = vector(-1, 4);
        expect(Torch.neg(a), 1, -4);
        expect(Torch.abs(a), 1, 4);
        expect(Torch.relu(a), 0, 4);
        expect(Torch.sqrt(vector(4, 9)), 2, 3);
        expect(Torch.rsqrt(vector(4, 16)), 0.5, 0.25);
        expect(Torch.exp(vector(0, 1)), 1, Math.E);
        expect(Torch.log(vector(1, (float) Math.E)), 0, 1);
        expect(Torch.sin(vector(0, 1)), 0, Math.sin(1));
        expect(Torch.cos(vector(0, 1)), 1, Math.cos(1));
        expect(Torch.tanh(vector(0, 1)), 0, Math.tanh(1));
        expect(Torch.sigmoid(vector(0)), 0.5);
        expect(Torch.silu(vector(0, 1)), 0, 1 / (1 + Math.exp(-1)));
        expect(Torch.gelu(vector(1), false), 0.8413447);
        expect(Torch.gelu(vector(1), true), 0.8411920);
        expect(Torch.where(Torch.gt(a, 0), a, vector(7, 8)), 7, 4);
    }

    @Test
    void dimensions() {
        Tensor a = matrix();
        expect(TorchReduce.softmax(vector(0, 0), 0), 0.5, 0.5);
        expect(TorchReduce.sum(a, 0, false), 5, 7, 9);
        expect(TorchReduce.mean(a, -1, true), 2, 5);
        expect(TorchReduce.amax(a, 1, false), 3, 6);
        expect(TorchReduce.cumsum(a, 1), 1, 3, 6, 4, 9, 15);
        expect(TorchReduce.argmax(a, 1), 2, 2);
        expect(TorchReduce.tril(a, 0), 1, 0, 0, 4, 5, 0);
        expect(TorchReduce.triu(a, 1), 0, 2, 3, 0, 0, 6);
        TorchReduce.Ranked top = TorchReduce.topk(vector(3, 9, 5), 2, 0);
        expect(top.values(), 9, 5);
        assertArrayEquals(new long[] {1, 2}, top.indices().toLongs());
        TorchReduce.Ranked sorted = TorchReduce.sort(vector(3, 9, 5), 0, false);
        assertArrayEquals(new int[] {0, 2, 1}, sorted.indices().toInts());
    }

    @Test
    void shapes() {
        Tensor a = matrix();
        assertArrayEquals(new long[] {3, 2}, TorchShape.reshape(a, 3, -1).shape());
        expect(Torch.contiguous(TorchShape.t(a)), 1, 4, 2, 5, 3, 6);
        expect(TorchShape.permute(a, 1, 0), 1, 4, 2, 5, 3, 6);
        expect(TorchShape.narrow(a, 1, 1, 2), 2, 3, 5, 6);
        expect(TorchShape.select(a, 0, 1), 4, 5, 6);
        expect(TorchShape.expand(vector(1, 2), 2, 2), 1, 2, 1, 2);
        assertArrayEquals(new long[] {1, 2, 3}, TorchShape.unsqueeze(a, 0).shape());
        assertArrayEquals(
                new long[] {2, 3},
                TorchShape.squeeze(TorchShape.unsqueeze(a, 0), 0).shape());
        expect(TorchShape.roll(a, 2, -1), 2, 3, 1, 5, 6, 4);
        expect(TorchShape.indexSelect(a, 1, Tensor.ofLongs(new long[] {2, 0}, 2)), 3, 1, 6, 4);
        expect(TorchShape.embedding(a, Tensor.ofLongs(new long[] {1, 1}, 2)), 4, 5, 6, 4, 5, 6);
        expect(TorchShape.cat(List.of(vector(1), vector(2, 3)), 0), 1, 2, 3);
        assertArrayEquals(
                new long[] {2, 2, 3}, TorchShape.stack(List.of(a, a), 0).shape());
        expect(TorchShape.repeatInterleave(vector(1, 2), 2, 0), 1, 1, 2, 2);
    }

    @Test
    void copiesAndConversions() {
        Tensor a = vector(1.5f, -2);
        assertEquals(a, Torch.to(a, DType.F32));
        expect(Torch.to(Torch.to(a, DType.BF16), DType.F64), 1.5, -2);
        Tensor copy = Torch.clone(a);
        Torch.zeroInPlace(copy);
        expect(copy, 0, 0);
        Torch.copy(copy, a);
        expect(copy, 1.5, -2);
        Torch.mulInPlace(copy, vector(2, 3));
        expect(copy, 3, -6);
        Torch.fillInPlace(copy, 7);
        expect(copy, 7, 7);
        expect(Torch.arange(3, DType.F32, Device.CPU), 0, 1, 2);
        assertEquals(3.5f, vector(3.5f).item());
        assertTrue(Torch.threads() >= 1);
    }

    @Test
    void errorsOfLibtorchComeBackAsText() {
        Tensor a = matrix();
        NativeException e = assertThrows(NativeException.class, () -> Torch.mm(a, a));
        // Before 2.13 libtorch wrote the reason to standard error, and there alone.
        boolean tells = Shim.has("torch_exception_get_what_without_backtrace");
        assertTrue(e.getMessage().contains(tells ? "2x3 and 2x3" : "standard error"), e.getMessage());
    }

    @Test
    void useAfterCloseIsAnExceptionAndCloseTwiceIsHarmless() {
        Tensor a = vector(1);
        a.close();
        a.close();
        assertThrows(IllegalStateException.class, a::toFloats);
        assertThrows(IllegalStateException.class, () -> Torch.neg(a));
    }

    @Test
    void aScopeFreesWhatIsNotKept() {
        Supplier<Tensor[]> work = () -> {
            try (var inner = TensorScope.open()) {
                Tensor gone = vector(1);
                return new Tensor[] {gone, inner.keep(vector(2))};
            }
        };
        Tensor[] results = work.get();
        assertThrows(IllegalStateException.class, results[0]::toFloats);
        expect(results[1], 2);
    }

    @Test
    void borrowedMemoryIsChecked() {
        try (NativeArena arena = NativeArena.open()) {
            var data = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4);
            expect(Tensor.borrow(data, DType.F32, 2, 2), 1, 2, 3, 4);
            assertThrows(IllegalArgumentException.class, () -> Tensor.borrow(data, DType.F32, 5));
            assertThrows(IllegalArgumentException.class, () -> Tensor.borrow(data, DType.F32, -1));
            assertThrows(ArithmeticException.class, () -> Tensor.borrow(data, DType.F32, Long.MAX_VALUE, 2));
        }
    }

    @Test
    void emptyTensorsAreFine() {
        assertEquals(0, Tensor.zeros(DType.F32, Device.CPU, 0, 3).toFloats().length);
        expect(TorchReduce.sum(Tensor.zeros(DType.F32, Device.CPU, 0, 2), 0, false), 0, 0);
    }
}
