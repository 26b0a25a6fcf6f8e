package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What the kernels refuse: for each rule a call that breaks it and nothing else. What they compute is the self-check's to show. */
class KernelsTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static void refused(String words, Executable call) {
        var refusal = assertThrows(IllegalArgumentException.class, call);
        assertTrue(refusal.getMessage().contains(words), refusal.getMessage());
    }

    private static Tensor floats(long... shape) {
        return Tensor.zeros(DType.F32, Device.CPU, shape);
    }

    private static Ragged ragged(long[] offset, int... position) {
        return Ragged.of(offset, position, Device.CPU);
    }

    private static Segments segments(long... start) {
        return Segments.of(start, Device.CPU);
    }

    private static RowNumbers rows(long... numbers) {
        return RowNumbers.of(numbers, Device.CPU);
    }

    @Test
    void raggedBatchesAreCheckedWhenMade() {
        Ragged batch = ragged(new long[] {0, 2, 7}, 1, 4, 0);
        assertEquals(8, batch.rows());
        assertEquals(5, batch.positions());
        assertEquals(2, batch.range(0, 1).rows());
        assertEquals(2, batch.range(0, 1).positions());
        assertEquals(0, batch.range(1, 0).rows());
        refused("position -1", () -> ragged(new long[] {0}, -1));
        refused("rows from -1", () -> ragged(new long[] {-1}, 0));
        refused("target 1 has position 0 and rows from 1", () -> ragged(new long[] {0, 1}, 1, 0));
        refused("rows from 9223372036854775807", () -> ragged(new long[] {Long.MAX_VALUE}, 0));
        refused("2 offsets for 1", () -> ragged(new long[] {0, 1}, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> batch.range(2, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> batch.range(-1, 1));
    }

    @Test
    void segmentsAreCheckedWhenMade() {
        assertEquals(5, segments(0, 2, 2, 5).sources());
        assertEquals(3, Segments.onePerPosition(3, Device.CPU).sources());
        refused("begin with the first source", () -> segments());
        refused("begin with the first source", () -> segments(-1, 0));
        refused("descend at position 2: 3, 2", () -> segments(0, 3, 2));
    }

    @Test
    void rowNumbersAreCheckedWhenMade() {
        assertEquals(8, rows(7, 0).limit());
        assertEquals(0, rows().limit());
        refused("row number 1 is -1", () -> rows(0, -1));
    }

    @Test
    void slotsAreCheckedWhenMade() {
        Ragged batch = ragged(new long[] {0, 2}, 1, 0);
        Segments sources = segments(2, 3, 5);
        assertEquals(4, EdgeSlots.of(batch, sources, new long[] {1, 0}).reach());
        refused("1 bases", () -> EdgeSlots.of(batch, sources, new long[] {0}));
        refused("first slot is -1", () -> EdgeSlots.of(batch, sources, new long[] {0, -1}));
        refused(
                "1 segments for 2 targets at 2 positions",
                () -> EdgeSlots.of(batch, segments(0, 1), new long[] {0, 0}));
        assertThrows(ArithmeticException.class, () -> EdgeSlots.of(batch, sources, new long[] {Long.MAX_VALUE - 1, 0}));
    }

    @Test
    void edgesStayInTheirBounds() {
        EdgeSlots slots = EdgeSlots.of(ragged(new long[] {0, 2}, 1, 0), segments(0, 1, 3), new long[] {1, 0});
        Tensor g = floats(3, 4);
        Tensor source = floats(3, 4);
        Tensor out = floats(4);
        Kernels.edgeContract(g, source, slots, out, false);
        refused("reach slot 4", () -> Kernels.edgeContract(g, source, slots, floats(3), false));
        refused("g is", () -> Kernels.edgeContract(floats(2, 4), source, slots, out, false));
        refused("of which row 2 is reached", () -> Kernels.edgeContract(g, floats(2, 4), slots, out, false));
        refused("not as wide", () -> Kernels.edgeContract(g, floats(3, 5), slots, out, false));
        refused("not as wide", () -> Kernels.edgeContract(floats(3, 0), floats(3, 0), slots, out, false));
        refused("not of rank 2", () -> Kernels.edgeContract(floats(12), source, slots, out, false));
        refused(
                "not contiguous F32",
                () -> Kernels.edgeContract(TorchShape.t(floats(4, 3)), source, slots, out, false));
        refused("not contiguous F32", () -> Kernels.edgeContract(g, source, slots, Torch.to(out, DType.F64), false));
        Kernels.edgeContract(
                g, source, EdgeSlots.of(ragged(new long[0]), segments(0, 1, 3), new long[0]), floats(0), false);
    }

    @Test
    void patternsFitTheirTargets() {
        Ragged batch = ragged(new long[] {0}, 2);
        Tensor o = floats(3, 8);
        Tensor pattern = floats(4, 3, 3);
        Tensor v = floats(3, 4);
        Kernels.patternAdjoint(o, pattern, 2, batch, v);
        Kernels.patternAdjointSingle(floats(1, 8), pattern, 2, batch, v);
        for (boolean single : new boolean[] {false, true}) {
            Tensor right = single ? floats(1, 8) : o;
            refused("do not divide among 3", () -> adjoint(single, right, pattern, 3, batch, v));
            refused("do not divide among 0", () -> adjoint(single, right, pattern, 0, batch, v));
            refused("equal heads", () -> adjoint(single, floats(right.size(0), 9), pattern, 2, batch, v));
            refused("equal heads", () -> adjoint(single, right, pattern, 2, batch, floats(3, 8)));
            refused("at 3 positions", () -> adjoint(single, right, floats(4, 2, 2), 2, batch, v));
            refused("not [heads, P, P]", () -> adjoint(single, right, floats(4, 3, 4), 2, batch, v));
            refused("v is", () -> adjoint(single, right, pattern, 2, batch, floats(2, 4)));
            refused("not of rank 3", () -> adjoint(single, right, floats(3, 3), 2, batch, v));
        }
        refused("of which row 2 is reached", () -> Kernels.patternAdjoint(floats(2, 8), pattern, 2, batch, v));
        refused("not a row for each of 1", () -> Kernels.patternAdjointSingle(o, pattern, 2, batch, v));
    }

    private static void adjoint(boolean single, Tensor o, Tensor pattern, long kvHeads, Ragged ragged, Tensor v) {
        if (single) {
            Kernels.patternAdjointSingle(o, pattern, kvHeads, ragged, v);
        } else {
            Kernels.patternAdjoint(o, pattern, kvHeads, ragged, v);
        }
    }

    @Test
    void additionsStayInTheirRows() {
        Tensor g = floats(3, 2);
        Tensor x = floats(2, 2);
        Kernels.addRows(g, rows(0, 2), x);
        refused("of which row 3 is reached", () -> Kernels.addRows(g, rows(0, 3), x));
        refused("ascend", () -> Kernels.addRows(g, rows(2, 0), x));
        refused("ascend", () -> Kernels.addRows(g, rows(1, 1), x));
        refused("for 1 rows", () -> Kernels.addRows(g, rows(0), x));
        refused("for 2 rows", () -> Kernels.addRows(g, rows(0, 2), floats(2, 3)));
        Ragged batch = ragged(new long[] {0}, 2);
        Kernels.addScaledRows(g, floats(3, 2), batch, floats(3));
        refused("of which row 2 is reached", () -> Kernels.addScaledRows(floats(2, 2), floats(3, 2), batch, floats(3)));
        refused("x is", () -> Kernels.addScaledRows(g, floats(2, 2), batch, floats(3)));
        refused("not as wide", () -> Kernels.addScaledRows(g, floats(3, 3), batch, floats(3)));
        refused("scale is", () -> Kernels.addScaledRows(g, floats(3, 2), batch, floats(2)));
    }

    @Test
    void encodersFitTheirFeatures() {
        Tensor pre = floats(2, 3);
        refused("bias is", () -> Kernels.encodeThreshold(pre, floats(2), null, 0));
        refused("threshold is", () -> Kernels.encodeThreshold(pre, null, floats(4), 0));
        refused("first row -1", () -> Kernels.encodeThreshold(pre, null, null, -1));
        refused("k = 4 of 3", () -> Kernels.encodeTopK(pre, null, 4, 0));
        refused("k = 0 of 3", () -> Kernels.encodeTopK(pre, null, 0, 0));
        refused("not of rank 2", () -> Kernels.encodeThreshold(floats(3), null, null, 0));
        refused("not contiguous F32", () -> Kernels.encodeThreshold(Torch.to(pre, DType.F64), null, null, 0));
    }

    @Test
    void gatheredRowsLieInTheSource() {
        try (NativeArena arena = NativeArena.open()) {
            MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4, 5, 6);
            Tensor out = floats(2, 3);
            Kernels.gatherRows(source, DType.F32, 3, 1, new long[] {1, 0}, null, null, out);
            assertArrayEquals(new float[] {4, 5, 6, 1, 2, 3}, out.toFloats());
            refused("row 2 lies outside", () -> gather(source, 3, 1, new long[] {0, 2}, out));
            refused("row number 0 is -1", () -> gather(source, 3, 1, new long[] {-1, 0}, out));
            refused("lies outside", () -> gather(source, 3, 2, new long[] {0, 1}, out));
            refused("lies outside", () -> gather(source, -3, 1, new long[] {0, 1}, out));
            refused("1 rows", () -> gather(source, 3, 1, new long[] {0}, out));
            refused("gain is", () -> Kernels.gatherRows(source, DType.F32, 3, 1, new long[2], null, floats(2), out));
            refused("scales", () -> Kernels.gatherRows(source, DType.F32, 3, 1, new long[2], new float[1], null, out));
            refused("not numbers", () -> Kernels.gatherRows(source, DType.I32, 3, 1, new long[2], null, null, out));
            refused("aligned", () -> gather(source.asSlice(2), 3, 1, new long[2], out));
            refused("aligned", () -> gather(MemorySegment.ofArray(new float[6]), 3, 1, new long[2], out));
            assertThrows(ArithmeticException.class, () -> gather(source, Long.MAX_VALUE, 1, new long[] {0, 2}, out));
            refused("do not fit", () -> Kernels.gatherRows(floats(2, 4), new long[2], null, null, out));
        }
    }

    private static void gather(MemorySegment source, long rowStride, long columnStride, long[] index, Tensor out) {
        Kernels.gatherRows(source, DType.F32, rowStride, columnStride, index, null, null, out);
    }

    @Test
    void adviceStaysInTheMapping() {
        try (NativeArena arena = NativeArena.open()) {
            MemorySegment memory = arena.allocate(100);
            Kernels.willNeed(memory, new long[] {0, 90}, 10);
            assertThrows(IndexOutOfBoundsException.class, () -> Kernels.willNeed(memory, new long[] {91}, 10));
            assertThrows(IndexOutOfBoundsException.class, () -> Kernels.willNeed(memory, new long[] {-1}, 10));
            refused("native memory", () -> Kernels.willNeed(MemorySegment.ofArray(new byte[9]), new long[1], 1));
        }
    }

    @Test
    void edgeRunsStayInTheirBuffer() {
        try (NativeArena arena = NativeArena.open();
                EdgeRuns edges = new EdgeRuns(4)) {
            MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, -2, 3);
            edges.add(new int[] {0, 1, 2}, new int[] {0, 2}, new int[] {2, 1}, new long[] {0, 2}, values);
            assertArrayEquals(new double[] {3, 3}, edges.rowSums(null));
            assertThrows(IndexOutOfBoundsException.class, () -> run(edges, 0, 2, 2, values));
            assertThrows(IndexOutOfBoundsException.class, () -> run(edges, 3, 2, 0, values));
            assertThrows(IndexOutOfBoundsException.class, () -> run(edges, 0, -1, 0, values));
            assertThrows(
                    IndexOutOfBoundsException.class,
                    () -> edges.add(new int[] {0, 2}, new int[] {0}, new int[] {1}, new long[] {0}, values));
            assertThrows(IllegalArgumentException.class, () -> edges.rowSums(new boolean[3]));
            assertThrows(IllegalArgumentException.class, () -> edges.cut(new double[1], null, 0.5));
            assertThrows(
                    NativeException.class,
                    () -> edges.influence(new long[] {2}, new long[2], new double[4], null, 1, new double[2]));
        }
    }

    private static void run(EdgeRuns edges, int column, int length, long offset, MemorySegment values) {
        edges.add(new int[] {0, 1}, new int[] {column}, new int[] {length}, new long[] {offset}, values);
    }
}
