package dev.headwater.fuzz;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.EdgeRuns;
import dev.headwater.bindings.EdgeSlots;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.NativeArena;
import dev.headwater.bindings.NativeException;
import dev.headwater.bindings.Ragged;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Segments;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The kernels' C interface through Java's views, with sizes, indices and offsets that the input chooses: a call is
 * refused, or it is done and the process lives.
 */
final class KernelReader implements Reader {
    private static final long[] EXTREME = {
        -1, Long.MIN_VALUE, Long.MAX_VALUE, Integer.MAX_VALUE, 1L << 32, (1L << 62) + 1, -8, 1L << 40
    };

    /** The input as a source of small numbers, now and then an extreme one; 0 when it is used up. */
    private static final class Choices {
        private final byte[] input;
        private int at;

        Choices(byte[] input) {
            this.input = input;
        }

        int next() {
            return at < input.length ? input[at++] & 0xff : 0;
        }

        int size() {
            return next() % 7;
        }

        long number() {
            int choice = next();
            return choice < 240 ? choice % 9 : EXTREME[choice % EXTREME.length];
        }

        boolean flag() {
            return (next() & 1) == 1;
        }

        long[] longs() {
            long[] values = new long[size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = number();
            }
            return values;
        }

        int[] ints() {
            long[] values = longs();
            int[] ints = new int[values.length];
            for (int i = 0; i < ints.length; i++) {
                ints[i] = (int) values[i];
            }
            return ints;
        }

        double[] doubles() {
            double[] values = new double[size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = next() / 16.0 - 2;
            }
            return values;
        }

        boolean @Nullable [] flags() {
            if (flag()) {
                return null;
            }
            boolean[] flags = new boolean[size()];
            for (int i = 0; i < flags.length; i++) {
                flags[i] = flag();
            }
            return flags;
        }

        Tensor tensor(int usualRank) {
            int rank = next() < 240 ? usualRank : size() % 4;
            long[] shape = new long[rank];
            for (int i = 0; i < rank; i++) {
                shape[i] = size();
            }
            DType type = next() < 240 ? DType.F32 : DType.values()[next() % DType.values().length];
            return Tensor.zeros(type, Device.CPU, shape);
        }

        @Nullable
        Tensor tensorOrNull(int rank) {
            return flag() ? null : tensor(rank);
        }

        Ragged ragged() {
            Ragged whole = Ragged.of(longs(), ints(), Device.CPU);
            return flag() ? whole : whole.range((int) number(), (int) number());
        }

        Segments segments() {
            return Segments.of(longs(), Device.CPU);
        }

        MemorySegment memory(NativeArena arena) {
            MemorySegment memory = arena.allocate(4L * size() * 4, 4);
            return flag() ? memory : memory.asSlice(Math.min(memory.byteSize(), size()));
        }
    }

    @Override
    public void read(byte[] input) {
        Choices choices = new Choices(input);
        try (TensorScope scope = TensorScope.open();
                NativeArena arena = NativeArena.open()) {
            call(choices, arena);
        } catch (IllegalArgumentException
                | IllegalStateException
                | IndexOutOfBoundsException
                | ArithmeticException
                | NativeException refusal) {
            if (refusal.getMessage() == null) {
                throw new AssertionError("refused without a word", refusal);
            }
        }
    }

    private static void call(Choices c, NativeArena arena) {
        switch (c.next() % 11) {
            case 0 -> Kernels.encodeThreshold(c.tensor(2), c.tensorOrNull(1), c.tensorOrNull(1), c.number());
            case 1 -> Kernels.encodeTopK(c.tensor(2), c.tensorOrNull(1), c.number(), c.number());
            case 2 ->
                Kernels.gatherRows(
                        c.memory(arena),
                        DType.values()[c.next() % DType.values().length],
                        c.number(),
                        c.number(),
                        c.longs(),
                        c.flag() ? null : new float[c.size()],
                        c.tensorOrNull(1),
                        c.tensor(2));
            case 3 ->
                Kernels.gatherRows(
                        c.tensor(2), c.longs(), c.flag() ? null : new float[c.size()], c.tensorOrNull(1), c.tensor(2));
            case 4 -> Kernels.willNeed(c.memory(arena), c.longs(), c.number());
            case 5 -> Kernels.patternAdjoint(c.tensor(2), c.tensor(3), c.number(), c.ragged(), c.tensor(2));
            case 6 -> Kernels.patternAdjointSingle(c.tensor(2), c.tensor(3), c.number(), c.ragged(), c.tensor(2));
            case 7 ->
                Kernels.edgeContract(
                        c.tensor(2),
                        c.tensor(2),
                        EdgeSlots.of(c.ragged(), c.segments(), c.longs()),
                        c.tensor(1),
                        c.flag());
            case 8 -> Kernels.addRows(c.tensor(2), RowNumbers.of(c.longs(), Device.CPU), c.tensor(2));
            case 9 -> Kernels.addScaledRows(c.tensor(2), c.tensor(2), c.ragged(), c.tensor(1));
            default -> edges(c, arena);
        }
    }

    private static void edges(Choices c, NativeArena arena) {
        try (EdgeRuns edges = new EdgeRuns(c.size())) {
            for (int i = c.size(); i >= 0; i--) {
                edges.add(c.ints(), c.ints(), c.ints(), c.longs(), c.memory(arena));
            }
            edges.rowSums(c.flags());
            edges.influence(c.longs(), c.longs(), c.doubles(), c.flags(), 1e-10, c.doubles());
            edges.cut(c.doubles(), c.flags(), c.next() / 128.0);
            edges.above(c.doubles(), c.flags(), c.next() / 128.0);
        }
    }
}
