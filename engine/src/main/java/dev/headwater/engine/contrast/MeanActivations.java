package dev.headwater.engine.contrast;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * The mean activation of every neuron over a {@link Contrast} at each position of a prompt, and the mean of the token vectors there.
 * L layers of F neurons, width d, P positions. Held on the model's device until it is closed.
 */
public final class MeanActivations implements AutoCloseable {
    /** Tokens of prompts that go through the model together. */
    private static final int MOST_TOKENS = 1024;

    private final ReplacementModel model;
    private final Neurons neurons;
    private final Alignment alignment;
    private final MemoryBudget.Reservation reserved;
    /** F32 [P, F] by layer. */
    private final List<Tensor> means = new ArrayList<>();
    /** F32 [P, d]. */
    private final Tensor tokens;

    private MeanActivations(ReplacementModel model, Alignment alignment) {
        this.model = model;
        neurons = neurons(model);
        this.alignment = alignment;
        reserved = model.memory()
                .reserve(
                        "means over the contrast",
                        Place.DEVICE,
                        bytes(
                                alignment.positions(),
                                model.layers(),
                                neurons.features(),
                                model.model().config().width()));
        try {
            tokens = zeros(alignment.positions(), model.model().config().width());
        } catch (RuntimeException | Error e) {
            reserved.close();
            throw e;
        }
    }

    /** Bytes that the means take. */
    public static long bytes(long positions, long layers, long features, long width) {
        return positions * (layers * features + width) * Float.BYTES;
    }

    /**
     * The neurons of a model whose features these are.
     *
     * @throws UsageException if it has transcoders: those of their features that fire in the other prompts alone have no place in a
     *      graph
     */
    @SuppressWarnings("exports")
    public static Neurons neurons(ReplacementModel model) {
        if (model.basis() instanceof Neurons neurons) {
            return neurons;
        }
        throw new UsageException(
                "a contrast needs a model's own neurons as features (--neurons): transcoders' features that fire in the contrast alone would have no node");
    }

    /**
     * Runs the contrast's prompts through the model.
     *
     * @throws UsageException if the model's features are not its neurons, or the prompts cannot be aligned
     * @throws dev.headwater.engine.HeadwaterException if there is no memory for the means
     */
    public static MeanActivations of(ReplacementModel model, Prompt prompt, Contrast contrast, Progress progress) {
        neurons(model);
        return of(model, Alignment.of(prompt, contrast, model.zeroPositions(prompt.tokens())), progress);
    }

    /** As above, of a prompt that is aligned. */
    public static MeanActivations of(ReplacementModel model, Alignment alignment, Progress progress) {
        try (var _ = model.use()) {
            MeanActivations result = new MeanActivations(model, alignment);
            try {
                result.run(progress);
                return result;
            } catch (RuntimeException | Error e) {
                result.close();
                throw e;
            }
        }
    }

    private void run(Progress progress) {
        int positions = alignment.positions();
        for (int layer = 0; layer < model.layers(); layer++) {
            means.add(zeros(positions, neurons.features()));
        }
        int[] meeting = new int[positions];
        alignment.places().forEach(places -> {
            for (int p = 0; p < positions; p++) {
                meeting[p] += places.get(p) < 0 ? 0 : 1;
            }
        });
        List<Prompt> prompts = alignment.contrast().prompts();
        for (int first = 0, end; first < prompts.size(); first = end) {
            if (progress.cancelled()) {
                throw new CancellationException("the contrast was cancelled");
            }
            end = first;
            for (int sum = 0; end < prompts.size() && (end == first || sum <= MOST_TOKENS); end++) {
                sum += prompts.get(end).length();
            }
            add(first, end, meeting);
        }
    }

    private Tensor zeros(long... shape) {
        try (var scope = TensorScope.open()) {
            return TensorScope.release(Tensor.zeros(DType.F32, model.device(), shape));
        }
    }

    /** Adds the shares of some of the contrast's prompts. */
    private void add(int first, int end, int[] meeting) {
        List<Trace> traces = model.model()
                .forward(
                        alignment.contrast().prompts().subList(first, end).stream()
                                .map(Prompt::tokens)
                                .toList(),
                        new TraceRequest(Set.of(neurons.input()), false, TraceRequest.Logits.NONE));
        try {
            for (int i = 0; i < traces.size(); i++) {
                Trace trace = traces.get(i);
                int[] places = alignment.places().get(first + i).stream()
                        .mapToInt(Integer::intValue)
                        .toArray();
                float[] share = new float[places.length];
                for (int p = 0; p < places.length; p++) {
                    share[p] = places[p] < 0 ? 0 : 1f / meeting[p];
                    places[p] = Math.max(places[p], 0);
                }
                try (var _ = TensorScope.open()) {
                    Tensor index = Torch.to(Tensor.ofInts(places, places.length), model.device());
                    Tensor shares = Torch.to(Tensor.ofFloats(share, share.length, 1), model.device());
                    for (int layer = 0; layer < means.size(); layer++) {
                        try (var _ = TensorScope.open()) {
                            Tensor x = TorchShape.indexSelect(trace.site(neurons.input(), layer), 0, index);
                            add(means.get(layer), Torch.mul(neurons.preActivations(layer, x), shares));
                        }
                    }
                    add(tokens, Torch.mul(TorchShape.indexSelect(vectors(trace.tokens()), 0, index), shares));
                }
            }
        } finally {
            traces.forEach(Trace::close);
        }
    }

    private static void add(Tensor sum, Tensor more) {
        Torch.copy(sum, Torch.add(sum, more));
    }

    /** As {@link Trace#tokenVectors}. */
    private Tensor vectors(int[] ids) {
        Tensor index = Torch.to(Tensor.ofInts(ids, ids.length), model.device());
        Tensor rows = Torch.to(TorchShape.embedding(model.model().embedding(), index), DType.F32);
        double scale = model.model().config().embeddingScale();
        return scale == 1 ? rows : Torch.mul(rows, (float) scale);
    }

    /** {@return which positions of which prompts the means are of} */
    public Alignment alignment() {
        return alignment;
    }

    /** F32 [P, F]; closed with this. */
    public Tensor layer(int layer) {
        return means.get(layer);
    }

    /** The means of some neurons, each at its position. */
    public float[] of(int layer, int[] position, int[] feature) {
        float[] all = means.get(layer).toFloats();
        float[] some = new float[position.length];
        for (int i = 0; i < some.length; i++) {
            some[i] = all[position[i] * neurons.features() + feature[i]];
        }
        return some;
    }

    /**
     * How far a layer's activations lie from the mean.
     *
     * @param activations F32 [P, F]
     * @return the same, in the innermost open scope
     */
    public Tensor differences(int layer, Tensor activations) {
        return sameAtTheStart(Torch.sub(activations, means.get(layer)));
    }

    /** The neurons with how far their activations lie from the mean. */
    public ActiveFeatures differences(ActiveFeatures active) {
        float[] difference = active.activation().clone();
        for (int layer = 0, from = 0, to; layer < means.size(); layer++, from = to) {
            to = from;
            while (to < active.count() && active.layer()[to] == layer) {
                to++;
            }
            float[] mean = to == from
                    ? new float[0]
                    : of(
                            layer,
                            Arrays.copyOfRange(active.position(), from, to),
                            Arrays.copyOfRange(active.feature(), from, to));
            for (int i = from; i < to; i++) {
                difference[i] -= mean[i - from];
            }
        }
        return new ActiveFeatures(active.layer(), active.position(), active.feature(), difference);
    }

    /**
     * How far token vectors lie from the mean.
     *
     * @param vectors F32 [P, d]
     * @return the same, in the innermost open scope
     */
    public Tensor tokenDifferences(Tensor vectors) {
        return sameAtTheStart(Torch.sub(vectors, tokens));
    }

    /**
     * What chosen neurons leave of how far a layer's output lies from its mean: what the others write with how far they lie from
     * theirs.
     *
     * @param output F32 [P, d]
     * @param chosen with their activations
     * @return the same, in the innermost open scope
     */
    public Tensor rest(int layer, Tensor output, SparseActivations chosen) {
        try (var scope = TensorScope.open()) {
            float[] values = means.get(layer).toFloats();
            for (int i = 0; i < chosen.count(); i++) {
                values[chosen.position()[i] * neurons.features() + chosen.feature()[i]] = chosen.value()[i];
            }
            Tensor known = Torch.to(Tensor.ofFloats(values, alignment.positions(), neurons.features()), model.device());
            return scope.keep(sameAtTheStart(Torch.sub(output, neurons.written(layer, known))));
        }
    }

    /** Rounding apart, nothing differs where all prompts are the same. */
    private Tensor sameAtTheStart(Tensor differences) {
        if (alignment.shared() > 0) {
            Torch.zeroInPlace(TorchShape.narrow(differences, 0, 0, alignment.shared()));
        }
        return differences;
    }

    @Override
    public void close() {
        means.forEach(Tensor::close);
        tokens.close();
        reserved.close();
    }
}
