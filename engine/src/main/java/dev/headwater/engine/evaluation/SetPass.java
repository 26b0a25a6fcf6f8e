package dev.headwater.engine.evaluation;

import dev.headwater.bindings.Tensor;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.transcoder.SparseActivations;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Goes along with one pass of the model, and says at outputs what a set of transcoders makes of the inputs that it came by. */
final class SetPass implements Hooks {
    private static final SparseActivations NONE = new SparseActivations(new int[0], new int[0], new float[0]);

    /** Hears of a layer's output. */
    @FunctionalInterface
    interface Listener {
        /**
         * @param output F32 [rows, d], the model's
         * @param said   F32 [rows, d], the set's
         * @param active features of this layer
         * @return what the pass goes on with
         */
        Tensor at(int layer, Tensor output, Tensor said, SparseActivations active);
    }

    private final TranscoderSet set;
    private final IntPredicate encoded;
    private final IntPredicate heard;
    private final Listener listener;
    private final List<SparseActivations> active = new ArrayList<>();
    private @Nullable Tensor input;

    /**
     * @param encoded layers whose features are wanted, at least those that write to layers that are heard of
     * @param heard   layers at which the listener is called
     */
    SetPass(TranscoderSet set, IntPredicate encoded, IntPredicate heard, Listener listener) {
        this.set = set;
        this.encoded = encoded;
        this.heard = heard;
        this.listener = listener;
    }

    @Override
    public Tensor at(FeatureSite site, int layer, Tensor value) {
        if (site == set.input()) {
            input = value;
            active.add(encoded.test(layer) ? set.encode(layer, value, 0) : NONE);
        }
        if (site != set.output() || !heard.test(layer)) {
            return value;
        }
        if (input == null) {
            throw new IllegalStateException("a layer's input comes before its output");
        }
        return listener.at(layer, value, set.reconstruct(layer, active, input), active.get(layer));
    }
}
