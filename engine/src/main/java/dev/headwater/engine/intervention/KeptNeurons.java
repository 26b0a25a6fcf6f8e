package dev.headwater.engine.intervention;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.neuron.Neurons;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Has some neurons of a prompt keep what the model computes of them, and sets all others to their means or to 0; the rest runs live, but
 * for attention patterns, which may be held.
 */
final class KeptNeurons implements Hooks {
    private final Neurons neurons;
    private final @Nullable MeanActivations means;
    private final @Nullable Trace attention;
    /** Which neurons stay, by layer 1 or 0 [P * F]. */
    private final float[][] stay;

    private final int positions;
    private @Nullable Tensor input;

    /**
     * @param kept      numbers (layer * P + position) * F + neuron; those of zero positions stay in any case
     * @param means     of the others, null for 0
     * @param attention of the pass whose patterns are held, null to have them live
     */
    KeptNeurons(
            ReplacementModel model,
            Prompt prompt,
            long[] kept,
            @Nullable MeanActivations means,
            @Nullable Trace attention) {
        this.means = means;
        this.attention = attention;
        neurons = MeanActivations.neurons(model);
        positions = prompt.length();
        int layerSize = Math.multiplyExact(positions, neurons.features());
        stay = new float[model.layers()][layerSize];
        for (float[] layer : stay) {
            Arrays.fill(layer, 0, model.zeroPositions(prompt.tokens()) * neurons.features(), 1);
        }
        for (long number : kept) {
            stay[(int) (number / layerSize)][(int) (number % layerSize)] = 1;
        }
    }

    /** The prompt's pass, with the logits of its last position; the caller closes it. */
    static Trace run(ReplacementModel model, Prompt prompt, long[] kept, MeanActivations means) {
        return model.model()
                .forward(
                        prompt.tokens(),
                        new TraceRequest(Set.of(), false, TraceRequest.Logits.LAST),
                        new KeptNeurons(model, prompt, kept, means, null));
    }

    /** Numbers of distinct neurons past the zero positions, in the order in which they come. */
    static long[] random(ReplacementModel model, Prompt prompt, int most, Random random) {
        long features = model.basis().features();
        int zeros = model.zeroPositions(prompt.tokens());
        long there = (prompt.length() - zeros) * features;
        long all = model.layers() * there;
        if (all == 0) {
            return new long[0];
        }
        return random.longs(0, all)
                .distinct()
                .limit(Math.min(most, all))
                .map(i -> (i / there * prompt.length() + zeros) * features + i % there)
                .toArray();
    }

    @Override
    public @Nullable Tensor attention(int layer) {
        return attention == null ? null : attention.attention(layer);
    }

    @Override
    public Tensor at(FeatureSite site, int layer, Tensor value) {
        if (site == neurons.input()) {
            input = value;
        }
        if (site != neurons.output()) {
            return value;
        }
        if (input == null) {
            throw new IllegalStateException("a layer's input comes before its output");
        }
        try (var scope = TensorScope.open()) {
            Tensor live = neurons.preActivations(layer, input);
            Tensor stays = Torch.to(Tensor.ofFloats(stay[layer], positions, neurons.features()), live.device());
            Tensor mixed =
                    means == null ? Torch.mul(live, stays) : Torch.where(Torch.gt(stays, 0), live, means.layer(layer));
            return scope.keep(Torch.to(neurons.written(layer, mixed), DType.F32));
        }
    }
}
