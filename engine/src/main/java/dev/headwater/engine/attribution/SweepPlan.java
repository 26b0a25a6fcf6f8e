package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.NativeArena;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.graph.EdgeRows;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Rows that are wanted of one prompt's edge matrix: where each value goes, and the memory that it goes to. Belongs to
 * the scope in which
 * it was made, but for the memory, which {@link #finish} hands on or {@link #abandon} frees.
 */
final class SweepPlan {
    final FrozenPrompt prompt;
    final List<Target> targets;
    /** First value of a target's run of features or errors of a layer, or of tokens; by target number. */
    final long[][] featureBase;

    final long[][] errorBase;
    final long[] tokenBase;
    /** F32, the values of all runs, on the device. */
    final Tensor out;

    private final EdgeRows.Layout layout;
    private final NativeArena arena = NativeArena.open();
    private final MemorySegment values;
    private final Tensor host;

    SweepPlan(FrozenPrompt prompt, List<Target> targets) {
        this.prompt = prompt;
        this.targets = targets;
        Sources sources = prompt.sources();
        int layers = prompt.model().layers();
        layout = new EdgeRows.Layout(sources.columns(prompt.outputs()));
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
        values = arena.allocate(size * Float.BYTES, 64);
        host = Tensor.borrow(values, DType.F32, size);
        out = prompt.model().device().isCpu()
                ? host
                : Tensor.zeros(DType.F32, prompt.model().device(), size);
    }

    /** The rows, now that all values are there; the caller closes them. */
    EdgeRows finish() {
        if (out != host) {
            Torch.copy(host, out);
        }
        return layout.adopt(values, arena);
    }

    void abandon() {
        arena.close();
    }
}
