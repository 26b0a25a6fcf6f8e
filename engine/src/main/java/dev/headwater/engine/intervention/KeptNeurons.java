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
import java.util.Set;

/** Has some neurons of a prompt keep what the model computes of them, and sets all others to their means; the rest runs live. */
final class KeptNeurons implements Hooks {
    private final Neurons neurons;
    private final MeanActivations means;
    /** Which neurons stay, by layer 1 or 0 [P * F]. */
    private final float[][] stay;

    private final int positions;
    private Tensor input;

    /** @param kept numbers (layer * P + position) * F + neuron; those of zero positions stay in any case */
    private KeptNeurons(ReplacementModel model, Prompt prompt, long[] kept, MeanActivations means) {
        this.means = means;
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
                        new KeptNeurons(model, prompt, kept, means));
    }

    @Override
    public Tensor at(FeatureSite site, int layer, Tensor value) {
        if (site == neurons.input()) {
            input = value;
        }
        if (site != neurons.output()) {
            return value;
        }
        try (var scope = TensorScope.open()) {
            Tensor live = neurons.preActivations(layer, input);
            Tensor stays = Torch.to(Tensor.ofFloats(stay[layer], positions, neurons.features()), live.device());
            Tensor mixed = Torch.where(Torch.gt(stays, 0), live, means.layer(layer));
            return scope.keep(Torch.to(neurons.written(layer, mixed), DType.F32));
        }
    }
}
