package dev.headwater.engine.evaluation;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.model.WindowPass;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The model's loss on the beginning of a text, with MLP outputs as they are, replaced or ablated. */
final class LossRuns {
    /** Logits that are kept at once: 256 MiB, but for a window that has more. */
    private static final long MOST_LOGITS = 64L << 20;

    private final ReplacementModel model;
    private final TranscoderSet set;
    private final List<LayerTally> tallies;
    private final Progress progress;
    private final List<WindowRows> batches;
    private final long predictions;
    private int done;

    LossRuns(
            ReplacementModel model,
            TranscoderSet set,
            List<int[]> windows,
            List<LayerTally> tallies,
            Evaluation.Options options,
            Progress progress) {
        this.model = model;
        this.set = set;
        this.tallies = tallies;
        this.progress = progress;
        List<int[]> some = new ArrayList<>();
        long tokens = 0;
        long counted = 0;
        for (int[] window : windows) {
            if (tokens >= options.lossTokens()) {
                break;
            }
            int predicted = window.length - 1 - model.zeroPositions(window);
            if (predicted > 0) {
                some.add(window);
                tokens += window.length;
                counted += predicted;
            }
        }
        predictions = counted;
        batches = WindowRows.batches(model, some, Math.min(WindowRows.MOST, MOST_LOGITS / model.vocabularySize()));
        int runs = 4 + (options.layerLosses() ? 3 * model.layers() : 0);
        if (counted > 0) {
            progress.phase("losses", (long) runs * batches.size());
        }
    }

    /** Tokens whose loss is taken. */
    long predictions() {
        return predictions;
    }

    /** With all layers changed; null if no tokens are wanted. */
    Evaluation.@Nullable Losses all() {
        return predictions == 0 ? null : new Evaluation.Losses(loss(_ -> Hooks.NONE), changed(_ -> true, _ -> true));
    }

    /** With one layer changed. */
    Evaluation.Changed one(int layer) {
        return changed(at -> at == layer || set.crossLayer() && at < layer, at -> at == layer);
    }

    /**
     * @param encoded layers whose features are needed
     * @param where   layers that are changed
     */
    private Evaluation.Changed changed(IntPredicate encoded, IntPredicate where) {
        double replaced = loss(
                batch -> new SetPass(set, encoded, where, (layer, output, said, active) -> batch.where(said, output)));
        double zero = loss(batch -> new Ablation(batch, where) {
            @Override
            Tensor instead(int layer, Tensor output) {
                return Tensor.zeros(DType.F32, output.device(), 1, output.size(1));
            }
        });
        double mean = loss(batch -> new Ablation(batch, where) {
            @Override
            Tensor instead(int layer, Tensor output) {
                return Torch.to(Tensor.ofFloats(tallies.get(layer).mean(), 1, output.size(1)), output.device());
            }
        });
        return new Evaluation.Changed(replaced, zero, mean);
    }

    /** Puts one row in the place of all outputs of some layers. */
    private abstract class Ablation implements Hooks {
        private final WindowRows batch;
        private final IntPredicate where;

        Ablation(WindowRows batch, IntPredicate where) {
            this.batch = batch;
            this.where = where;
        }

        /** F32 [1, d]. */
        abstract Tensor instead(int layer, Tensor output);

        @Override
        public Tensor at(FeatureSite site, int layer, Tensor value) {
            return site == set.output() && where.test(layer) ? batch.where(instead(layer, value), value) : value;
        }
    }

    private double loss(Function<WindowRows, Hooks> hooks) {
        double sum = 0;
        for (WindowRows batch : batches) {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            try (var _ = TensorScope.open()) {
                List<Trace> traces = new WindowPass(model.model(), batch.windows(), 0)
                        .run(hooks.apply(batch), TraceRequest.Logits.ALL);
                try {
                    for (int i = 0; i < traces.size(); i++) {
                        sum += CrossEntropy.sum(
                                traces.get(i).logits(), batch.windows().get(i), batch.zeros()[i]);
                    }
                } finally {
                    traces.forEach(Trace::close);
                }
            }
            progress.advance(++done);
        }
        return sum / predictions;
    }
}
