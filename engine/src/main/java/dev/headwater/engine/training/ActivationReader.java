package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import java.util.List;
import java.util.Set;

/** Runs a model over windows for what it computes at two sites. Equal windows in equal company give equal bits. */
record ActivationReader(LanguageModel model, FeatureSite input, FeatureSite output, TrainingText text) {
    /** Rows of a forward pass, about: enough for full speed of the products with the weights. */
    private static final int ROWS = 2048;

    /** Takes activations, in the order of the computation. */
    @FunctionalInterface
    interface Sink {
        /**
         * @param first number of the first row, counted over all windows
         * @param rows  F32 [n, d]; borrowed for the call
         */
        void take(boolean output, int layer, int first, Tensor rows);
    }

    /** @return rows that were read */
    int read(List<int[]> windows, Sink sink) {
        int together = Math.max(1, ROWS / text.length());
        int first = 0;
        for (int from = 0; from < windows.size(); from += together) {
            List<int[]> some = windows.subList(from, Math.min(windows.size(), from + together));
            long[] rows = text.rows(some);
            int begin = first;
            if (rows.length > 0) {
                run(some, rows, (out, layer, _, all) -> sink.take(out, layer, begin, all));
            }
            first += rows.length;
        }
        return first;
    }

    private void run(List<int[]> windows, long[] rows, Sink sink) {
        Hooks hooks = new Hooks() {
            @Override
            public Tensor at(FeatureSite site, int layer, Tensor value) {
                if (site == input || site == output) {
                    try (var _ = TensorScope.open()) {
                        Tensor chosen = Tensor.empty(DType.F32, value.device(), rows.length, value.size(1));
                        Kernels.gatherRows(Torch.contiguous(value), rows, null, null, chosen);
                        sink.take(site == output, layer, 0, chosen);
                    }
                }
                return value;
            }
        };
        model.forward(windows, new TraceRequest(Set.of(), false, TraceRequest.Logits.NONE), hooks)
                .forEach(Trace::close);
    }
}
