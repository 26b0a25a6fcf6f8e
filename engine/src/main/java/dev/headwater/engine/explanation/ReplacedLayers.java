package dev.headwater.engine.explanation;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.explanation.Answer.Outcome;
import dev.headwater.engine.explanation.Card.Layer;
import dev.headwater.engine.explanation.Card.Replaced;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** A prompt's runs with what features say in the place of MLPs. The first positions, where features count as 0, keep their MLPs. */
final class ReplacedLayers implements AutoCloseable {
    private static final SparseActivations SILENT = new SparseActivations(new int[0], new int[0], new float[0]);

    private final ReplacementModel model;
    private final FeatureBasis basis;
    private final int[] tokens;
    private final int answer;
    private final int zeros;
    private final Trace trace;
    private final float[] clean;

    /** @param answer token that is followed */
    ReplacedLayers(ReplacementModel model, int[] tokens, int answer) {
        this.model = model;
        this.tokens = tokens;
        this.answer = answer;
        basis = model.basis();
        zeros = model.zeroPositions(tokens);
        trace = model.model()
                .forward(
                        tokens,
                        new TraceRequest(Set.of(basis.input(), basis.output()), true, TraceRequest.Logits.LAST));
        clean = trace.logits().toFloats();
    }

    /** One layer replaced. */
    Layer one(int layer) {
        try (var _ = TensorScope.open()) {
            List<Tensor> inputs = IntStream.range(0, basis.layers())
                    .mapToObj(l -> trace.site(basis.input(), l))
                    .toList();
            List<SparseActivations> active = IntStream.range(0, basis.layers())
                    .mapToObj(l -> l <= layer && (l == layer || basis.crossLayer())
                            ? basis.encode(l, inputs.get(l), zeros)
                            : SILENT)
                    .toList();
            Tensor said = basis.reconstruct(active, inputs).get(layer);
            Tensor output = trace.site(basis.output(), layer);
            Replaced replaced = run(new Hooks() {
                @Override
                public Tensor attention(int at) {
                    return trace.attention(at);
                }

                @Override
                public Tensor at(FeatureSite site, int at, Tensor value) {
                    return site == basis.output() && at == layer ? instead(value, said) : value;
                }
            });
            return new Layer(layer, unexplained(output.toFloats(), said.toFloats()), replaced);
        }
    }

    /** All of them, whose features are those that fire when the layers below are replaced too. */
    Replaced all() {
        List<SparseActivations> active = new ArrayList<>();
        return run(new Hooks() {
            private Tensor input = trace.site(basis.input(), 0);

            @Override
            public Tensor attention(int at) {
                return trace.attention(at);
            }

            @Override
            public Tensor at(FeatureSite site, int at, Tensor value) {
                if (site == basis.input()) {
                    active.add(basis.encode(at, value, zeros));
                    input = value;
                }
                if (site != basis.output()) {
                    return value;
                }
                List<SparseActivations> some = new ArrayList<>(active);
                some.addAll(Collections.nCopies(basis.layers() - active.size(), SILENT));
                // What is beside the features reads the layer's own input, and other layers' outputs are not looked at.
                return instead(
                        value,
                        basis.reconstruct(some, Collections.nCopies(basis.layers(), input))
                                .get(at));
            }
        });
    }

    private Tensor instead(Tensor value, Tensor said) {
        Tensor result = Torch.clone(value);
        long rows = value.size(0) - zeros;
        Torch.copy(TorchShape.narrow(result, 0, zeros, rows), TorchShape.narrow(said, 0, zeros, rows));
        return result;
    }

    private Replaced run(Hooks hooks) {
        try (Trace run =
                model.model().forward(tokens, new TraceRequest(Set.of(), false, TraceRequest.Logits.LAST), hooks)) {
            float[] logits = run.logits().toFloats();
            Outcome outcome = Outcome.of(logits, answer);
            return new Replaced(outcome.probability(), outcome.margin(), divergence(clean, logits));
        }
    }

    private double unexplained(float[] output, float[] said) {
        int width = output.length / tokens.length;
        double missed = 0;
        double all = 0;
        for (int i = 0; i < width; i++) {
            double mean = 0;
            for (int p = zeros; p < tokens.length; p++) {
                mean += output[p * width + i] / (double) (tokens.length - zeros);
            }
            for (int p = zeros; p < tokens.length; p++) {
                double value = output[p * width + i];
                missed += (value - said[p * width + i]) * (value - said[p * width + i]);
                all += (value - mean) * (value - mean);
            }
        }
        return missed / all;
    }

    /** KL(a ‖ b) of the distributions that logits give. */
    static double divergence(float[] a, float[] b) {
        double ofA = logSum(a);
        double ofB = logSum(b);
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += Math.exp(a[i] - ofA) * (a[i] - ofA - b[i] + ofB);
        }
        return Math.max(0, sum);
    }

    private static double logSum(float[] logits) {
        double largest = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - largest);
        }
        return largest + Math.log(sum);
    }

    @Override
    public void close() {
        trace.close();
    }
}
