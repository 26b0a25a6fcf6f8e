package dev.headwater.engine.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.evaluation.Evaluation.Layer;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.SparseActivations;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** The definitions once more, window by window in float64, with nothing shared. */
final class PlainEvaluation {
    private static final TraceRequest SITES =
            new TraceRequest(Set.of(FeatureSite.values()), false, TraceRequest.Logits.NONE);

    final ReplacementModel model;
    final TranscoderSet set;
    final List<int[]> windows;
    final long positions;
    /** By layer, for all positions of all windows. */
    final List<List<float[]>> outputs = new ArrayList<>();

    final List<List<float[]>> said = new ArrayList<>();
    final List<List<SparseActivations>> active = new ArrayList<>();

    PlainEvaluation(ReplacementModel model, List<int[]> windows) {
        this.model = model;
        set = model.transcoders();
        this.windows = windows;
        positions = windows.stream().mapToLong(window -> window.length - 1).sum();
        for (int layer = 0; layer < model.layers(); layer++) {
            outputs.add(new ArrayList<>());
            said.add(new ArrayList<>());
            active.add(new ArrayList<>());
        }
        for (int[] window : windows) {
            try (Trace trace = model.model().forward(window, SITES);
                    var _ = TensorScope.open()) {
                List<Tensor> inputs = IntStream.range(0, model.layers())
                        .mapToObj(layer -> trace.site(set.input(), layer))
                        .toList();
                List<SparseActivations> features = IntStream.range(0, model.layers())
                        .mapToObj(layer -> set.encode(layer, inputs.get(layer), 0))
                        .toList();
                List<Tensor> made = set.reconstruct(features, inputs);
                for (int layer = 0; layer < model.layers(); layer++) {
                    rows(trace.site(set.output(), layer), outputs.get(layer));
                    rows(made.get(layer), said.get(layer));
                    active.get(layer).add(features.get(layer));
                }
            }
        }
    }

    private void rows(Tensor tensor, List<float[]> into) {
        float[] all = tensor.toFloats();
        int width = (int) tensor.size(1);
        for (int row = 0; row < tensor.size(0); row++) {
            into.add(Arrays.copyOfRange(all, row * width, (row + 1) * width));
        }
    }

    private List<Integer> judged() {
        List<Integer> judged = new ArrayList<>();
        int row = 0;
        for (int[] window : windows) {
            for (int p = 0; p < window.length; p++, row++) {
                if (p > 0) {
                    judged.add(row);
                }
            }
        }
        return judged;
    }

    private static double length(float[] row) {
        double sum = 0;
        for (float value : row) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }

    private double[] mean(int layer, List<Integer> rows) {
        double[] mean = new double[set.width()];
        for (int row : rows) {
            for (int i = 0; i < mean.length; i++) {
                mean[i] += outputs.get(layer).get(row)[i] / (double) rows.size();
            }
        }
        return mean;
    }

    private double unexplained(int layer, List<Integer> rows) {
        double[] mean = mean(layer, rows);
        double missed = 0;
        double all = 0;
        for (int row : rows) {
            for (int i = 0; i < mean.length; i++) {
                double value = outputs.get(layer).get(row)[i];
                missed += Math.pow(value - said.get(layer).get(row)[i], 2);
                all += Math.pow(value - mean[i], 2);
            }
        }
        return missed / all;
    }

    void check(Layer layer, String where) {
        int l = layer.layer();
        List<Integer> judged = judged();
        assertEquals(unexplained(l, judged), layer.fvu(), 1e-6 * layer.fvu(), where);
        assertEquals(
                unexplained(l, IntStream.range(0, outputs.get(l).size()).boxed().toList()),
                layer.fvuWithFirst(),
                1e-6 * layer.fvuWithFirst(),
                where);
        double[] lengths = judged.stream()
                .mapToDouble(row -> length(outputs.get(l).get(row)))
                .sorted()
                .toArray();
        double limit = 10 * lengths[lengths.length / 2];
        List<Integer> usual = judged.stream()
                .filter(row -> length(outputs.get(l).get(row)) <= limit)
                .toList();
        assertEquals(judged.size() - usual.size(), layer.outliers(), where);
        assertEquals(unexplained(l, usual), layer.fvuNoOutliers(), 1e-6 * layer.fvu(), where);
        int[] fired = new int[set.features()];
        for (SparseActivations window : active.get(l)) {
            for (int i = 0; i < window.count(); i++) {
                fired[window.feature()[i]] += window.position()[i] > 0 ? 1 : 0;
            }
        }
        assertEquals((double) Arrays.stream(fired).sum() / positions, layer.l0(), 1e-9, where);
        assertEquals(Arrays.stream(fired).filter(n -> n == 0).count(), layer.dead(), where);
        assertEquals(Arrays.stream(fired).filter(n -> n > 0.1 * positions).count(), layer.dense(), where);
    }

    /** All layers for -1. The features of layers below are those of this pass. */
    double replaced(int wanted) {
        return loss(new Hooks() {
            private final List<SparseActivations> features = new ArrayList<>();
            private final List<float[]> inputs = new ArrayList<>();

            @Override
            public Tensor at(FeatureSite site, int layer, Tensor value) {
                if (layer == 0 && site == set.input()) {
                    features.clear();
                    inputs.clear();
                }
                if (site == set.input()) {
                    inputs.add(value.toFloats());
                    features.add(set.encode(layer, value, 0));
                }
                if (site != set.output() || wanted >= 0 && layer != wanted) {
                    return value;
                }
                List<SparseActivations> some = new ArrayList<>(features);
                List<Tensor> at = new ArrayList<>();
                inputs.forEach(input -> at.add(Tensor.ofFloats(input, value.shape())));
                while (some.size() < model.layers()) {
                    some.add(new SparseActivations(new int[0], new int[0], new float[0]));
                    at.add(value);
                }
                return afterFirst(value, set.reconstruct(some, at).get(layer));
            }
        });
    }

    double ablated(int wanted, boolean toMean) {
        return loss(new Hooks() {
            @Override
            public Tensor at(FeatureSite site, int layer, Tensor value) {
                if (site != set.output() || wanted >= 0 && layer != wanted) {
                    return value;
                }
                double[] mean = mean(layer, judged());
                float[] row = new float[mean.length];
                for (int i = 0; i < row.length; i++) {
                    row[i] = toMean ? (float) mean[i] : 0;
                }
                return afterFirst(
                        value, Torch.contiguous(TorchShape.expand(Tensor.ofFloats(row, 1, row.length), value.shape())));
            }
        });
    }

    private static Tensor afterFirst(Tensor own, Tensor other) {
        long rest = own.size(0) - 1;
        return TorchShape.cat(List.of(TorchShape.narrow(own, 0, 0, 1), TorchShape.narrow(other, 0, 1, rest)), 0);
    }

    double loss(Hooks hooks) {
        double sum = 0;
        long count = 0;
        for (int[] window : windows) {
            try (var _ = TensorScope.open();
                    Trace trace = model.model()
                            .forward(window, new TraceRequest(Set.of(), false, TraceRequest.Logits.ALL), hooks)) {
                float[] logits = trace.logits().toFloats();
                int vocabulary = logits.length / window.length;
                for (int p = 1; p + 1 < window.length; p++, count++) {
                    double all = 0;
                    for (int v = 0; v < vocabulary; v++) {
                        all += Math.exp(logits[p * vocabulary + v]);
                    }
                    sum += Math.log(all) - logits[p * vocabulary + window[p + 1]];
                }
            }
        }
        return sum / count;
    }
}
