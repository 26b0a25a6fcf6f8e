package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.graph.EdgeBuffer;
import dev.headwater.engine.graph.EdgeLayout;
import dev.headwater.engine.graph.EdgeRows;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rows that are wanted of one prompt's edge matrix: where each value goes, and the memory that it goes to. Belongs to
 * the scope in which it was made, but for the memory, which {@link #finish} hands on or {@link #abandon} frees.
 */
final class SweepPlan {
    final FrozenPrompt prompt;
    final List<Target> targets;
    /** First value of a target's run of features or errors of a layer, or of tokens; by target number. */
    final long[][] featureBase;

    final long[][] errorBase;
    final long[] tokenBase;
    /** F32, the values of all runs. */
    final Tensor out;

    private final EdgeBuffer buffer;
    private final MemoryBudget.Reservation reserved;
    private final MemoryBudget.@Nullable Reservation onDevice;

    /** @param device where the values are put together */
    SweepPlan(FrozenPrompt prompt, List<Target> targets, MemoryBudget memory, Device device) {
        this.prompt = prompt;
        this.targets = targets;
        Sources sources = prompt.sources();
        int layers = prompt.model().layers();
        var layout = new EdgeLayout(sources.columns(prompt.outputs()));
        featureBase = new long[layers][targets.size()];
        errorBase = new long[layers][targets.size()];
        tokenBase = new long[targets.size()];
        for (int t = 0; t < targets.size(); t++) {
            int layer = targets.get(t).layer();
            int count = targets.get(t).position() + 1;
            for (int l = 0; l < layer; l++) {
                featureBase[l][t] = layout.run(sources.firstFeature(l), sources.featuresUpTo(l, count));
            }
            for (int l = 0; l < layer; l++) {
                errorBase[l][t] = layout.run(sources.firstError(l), count);
            }
            tokenBase[t] = layout.run(sources.firstToken(), count);
            layout.endRow();
        }
        long size = Math.max(1, layout.size());
        reserved = memory.reserve("edges", Place.HOST, size * Float.BYTES);
        try {
            buffer = layout.buffer();
            onDevice = device.isCpu() ? null : memory.reserve("edges of a round", Place.DEVICE, size * Float.BYTES);
        } catch (RuntimeException | Error e) {
            reserved.close();
            throw e;
        }
        out = device.isCpu() ? buffer.values() : Tensor.zeros(DType.F32, device, size);
    }

    /** The rows, now that all values are there; the caller closes them. */
    EdgeRows finish() {
        if (onDevice != null) {
            Torch.copy(buffer.values(), out);
            onDevice.close();
        }
        return buffer.finish(reserved::close);
    }

    void abandon() {
        buffer.close();
        reserved.close();
        if (onDevice != null) {
            onDevice.close();
        }
    }
}
