package dev.headwater.cli.command;

import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.NativeException;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;

/**
 * The device that would make a graph.
 *
 * @param memory   bytes that it has, -1 if it is not here
 * @param working  bytes that an attribution takes of it for what can be made smaller
 * @param rate     of matrix products, operations a second
 * @param measured whether that is its own rate
 */
record PlanDevice(boolean cpu, long memory, long working, double rate, boolean measured) {
    /** What a present-day GPU does in float32; taken where there is none to measure. */
    private static final double GPU_RATE = 2e13;

    private static final int SIZE = 1024;

    /**
     * @param name as {@link Cuda#device} reads it; a GPU that this machine lacks can be asked for
     * @throws NativeException if native code can't be used at all
     */
    static PlanDevice of(String name) {
        try {
            Device device = Cuda.device(name);
            long memory =
                    device.type() == Device.Type.CUDA ? Cuda.memory(device).total() : MemoryBudget.hostMemory();
            return new PlanDevice(
                    device.isCpu(), memory, MemoryBudget.of(device).working(Place.DEVICE), rate(device), true);
        } catch (NativeException e) {
            if (name.startsWith("cuda")) {
                return new PlanDevice(false, -1, MemoryBudget.of(Device.CPU).working(Place.HOST), GPU_RATE, false);
            }
            throw e;
        }
    }

    /** The best of three products of square matrices. */
    private static double rate(Device device) {
        double best = Double.MAX_VALUE;
        try (var scope = TensorScope.open()) {
            Tensor a = Tensor.full(1, DType.F32, device, SIZE, SIZE);
            for (int i = 0; i < 3; i++) {
                Stopwatch watch = new Stopwatch();
                float _ = TorchReduce.sum(Torch.mm(a, a), 0, false).toFloats()[0];
                best = Math.min(best, watch.lap());
            }
        }
        return 2.0 * SIZE * SIZE * SIZE / best;
    }

    /** What the estimate's memory is to be compared with. */
    String memoryText() {
        return memory < 0
                ? "on a GPU (there is none here to compare with)"
                : "of this %s's %s".formatted(cpu ? "machine" : "GPU", Text.bytes(memory));
    }

    String rateText() {
        return "products run at %s GFLOP/s (%s)"
                .formatted(
                        Text.count(Math.round(rate / 1e9)),
                        measured ? "measured now" : "assumed, there is no such device here");
    }
}
