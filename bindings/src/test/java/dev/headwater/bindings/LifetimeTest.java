package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory that native code reads: use after close is an exception, and closing never pulls it from under a call. */
class LifetimeTest {
    private static final int SIDE = 384;

    @Test
    void memoryOfATensorEndsWithIt() {
        Tensor tensor = Tensor.ofFloats(new float[] {1, 2}, 2);
        MemorySegment data = tensor.data();
        assertEquals(2, data.getAtIndex(ValueLayout.JAVA_FLOAT, 1));
        tensor.close();
        assertThrows(IllegalStateException.class, () -> data.getAtIndex(ValueLayout.JAVA_FLOAT, 1));
        assertThrows(IllegalStateException.class, tensor::data);
        assertThrows(IllegalStateException.class, tensor::toFloats);
    }

    @Test
    void kernelsRefuseClosedTensors() {
        try (var scope = TensorScope.open()) {
            Tensor g = Tensor.zeros(DType.F32, Device.CPU, 2, 2);
            Tensor x = Tensor.zeros(DType.F32, Device.CPU, 1, 2);
            RowNumbers rows = RowNumbers.of(new long[] {1}, Device.CPU);
            x.close();
            assertThrows(IllegalStateException.class, () -> Kernels.addRows(g, rows, x));
        }
        RowNumbers gone;
        try (var scope = TensorScope.open()) {
            gone = RowNumbers.of(new long[] {1}, Device.CPU);
        }
        try (var scope = TensorScope.open()) {
            Tensor g = Tensor.zeros(DType.F32, Device.CPU, 2, 2);
            assertThrows(IllegalStateException.class, () -> Kernels.addRows(g, gone, TorchShape.narrow(g, 0, 0, 1)));
        }
    }

    @Test
    void aViewKeepsWhatItShares() {
        Tensor whole = Tensor.ofFloats(new float[] {1, 2, 3}, 3);
        Tensor part = TorchShape.narrow(whole, 0, 1, 2);
        whole.close();
        assertArrayEquals(new float[] {2, 3}, part.toFloats());
        part.close();
    }

    /** The file's memory is there as long as a tensor over it, or a view of one. */
    @Test
    void aMappingStaysForItsTensors(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("weights");
        Files.write(file, new byte[4096]);
        NativeArena arena = NativeArena.open();
        MemorySegment mapping;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, 4096, arena);
        }
        Tensor weights = Tensor.borrow(mapping, DType.F32, 32, 32);
        Tensor row = TorchShape.select(weights, 0, 3);
        arena.close();
        assertThrows(IllegalStateException.class, () -> Tensor.borrow(mapping, DType.F32, 1));
        assertTrue(arena.scope().isAlive());
        weights.close();
        assertTrue(arena.scope().isAlive());
        assertArrayEquals(new float[32], row.toFloats());
        row.close();
        assertFalse(arena.scope().isAlive());
        assertThrows(IllegalStateException.class, () -> Tensor.borrow(mapping, DType.F32, 1));
        assertThrows(IllegalStateException.class, () -> mapping.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void memoryOfUnknownLifeIsNotBorrowed() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(64);
            assertThrows(IllegalArgumentException.class, () -> Tensor.borrow(memory, DType.F32, 4));
            try (EdgeRuns edges = new EdgeRuns(4)) {
                assertThrows(
                        IllegalArgumentException.class,
                        () -> edges.add(new int[] {0, 1}, new int[1], new int[] {1}, new long[1], memory));
            }
        }
        Tensor.borrow(Arena.global().allocate(64), DType.F32, 4).close();
    }

    @Test
    void edgesKeepTheirValues() {
        NativeArena arena = NativeArena.open();
        MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, -2);
        EdgeRuns edges = new EdgeRuns(2);
        edges.add(new int[] {0, 1}, new int[1], new int[] {2}, new long[1], values);
        arena.close();
        assertArrayEquals(new double[] {3}, edges.rowSums(null));
        edges.close();
        edges.close();
        assertFalse(arena.scope().isAlive());
        assertThrows(IllegalStateException.class, () -> edges.rowSums(null));
        assertThrows(IllegalStateException.class, () -> edges.cut(new double[1], null, 0.5));
    }

    /** Threads multiply by mapped weights while another closes tensors and mapping: each product is right, or refused. */
    @Test
    void closingWhileOthersComputeIsAnExceptionAtMost() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int round = 0; round < 30; round++) {
                NativeArena arena = NativeArena.open();
                MemorySegment memory = arena.allocate(4L * SIDE * SIDE, 64);
                memory.fill((byte) 0);
                Tensor weights = Tensor.borrow(memory, DType.F32, SIDE, SIDE);
                Tensor x = Tensor.zeros(DType.F32, Device.CPU, 64, SIDE);
                RowNumbers rows = RowNumbers.of(new long[] {0}, Device.CPU);
                CountDownLatch started = new CountDownLatch(3);
                List<Future<Integer>> results = List.of(
                        threads.submit(() -> untilClosed(started, () -> Torch.mm(x, weights))),
                        threads.submit(() -> untilClosed(started, () -> {
                            Kernels.addRows(x, rows, TorchShape.narrow(weights, 0, 0, 1));
                            return x;
                        })),
                        threads.submit(() -> untilClosed(started, () -> {
                            weights.data();
                            Tensor out = Tensor.empty(DType.F32, Device.CPU, 1, SIDE);
                            Kernels.gatherRows(weights, new long[] {SIDE - 1}, null, null, out);
                            return out;
                        })));
                started.await();
                weights.close();
                arena.close();
                x.close();
                for (Future<Integer> result : results) {
                    assertNotNull(result.get());
                }
                assertFalse(arena.scope().isAlive(), "the last reader frees the memory");
            }
        }
    }

    private interface Step {
        Tensor run();
    }

    /** How often a step went well before it was refused. */
    private static int untilClosed(CountDownLatch started, Step step) {
        int count = 0;
        try {
            while (true) {
                try (var scope = TensorScope.open()) {
                    if (step.run().toFloats()[0] != 0) {
                        throw new AssertionError("read freed memory");
                    }
                    count++;
                } finally {
                    started.countDown();
                }
            }
        } catch (IllegalStateException closed) {
            return count;
        }
    }

    @Test
    void theSameTensorMayBeClosedByManyThreads() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int round = 0; round < 200; round++) {
                Tensor tensor = Tensor.zeros(DType.F32, Device.CPU, 16);
                List<Future<?>> closings = List.of(threads.submit(tensor::close), threads.submit(tensor::close));
                for (Future<?> closing : closings) {
                    closing.get();
                }
            }
        }
    }

    /** Failing calls give back what they had made: a million leaked handles of a large tensor would show in the memory. */
    @Test
    void failingCallsLeakNothing() {
        long before = residentKilobytes();
        try (var scope = TensorScope.open()) {
            Tensor open = Tensor.zeros(DType.F32, Device.CPU, 4);
            Tensor closed = Tensor.zeros(DType.F32, Device.CPU, 4);
            closed.close();
            for (int i = 0; i < 200; i++) {
                try (Tensor large = Tensor.zeros(DType.F32, Device.CPU, 1 << 20)) {
                    assertThrows(IllegalStateException.class, () -> TorchShape.cat(List.of(large, open, closed), 0));
                    assertThrows(IllegalStateException.class, () -> Torch.linear(large, closed, null));
                    assertThrows(NativeException.class, () -> Torch.mm(large, large));
                }
            }
        }
        assertTrue(residentKilobytes() - before < 200_000, "4 MB each of 200 tensors stayed");
    }

    private static long residentKilobytes() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void anErrorNamesItsOperator() {
        try (var scope = TensorScope.open()) {
            Tensor a = Tensor.zeros(DType.F32, Device.CPU, 2, 3);
            String mm =
                    assertThrows(NativeException.class, () -> Torch.mm(a, a)).getMessage();
            assertTrue(mm.startsWith("libtorch, aten::mm: "), mm);
            String cat = assertThrows(NativeException.class, () -> TorchShape.cat(List.of(a, TorchShape.t(a)), 0))
                    .getMessage();
            assertTrue(cat.startsWith("libtorch, aten::cat: "), cat);
            String copy = assertThrows(NativeException.class, () -> Torch.copy(a, TorchShape.t(a)))
                    .getMessage();
            assertTrue(copy.startsWith("libtorch, copy_: "), copy);
        }
    }
}
