package dev.headwater.engine.training;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.SparseActivations;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What a finished set leaves unexplained, computed by its own reading, row by row. */
final class SetFit {
    private SetFit() {}

    static double[] unexplained(ReplacementModel model, Path corpus, int window) {
        TranscoderSet set = model.transcoders();
        TrainingText text = TrainingText.read(
                new Corpus(List.of(corpus)), model.tokenizer(), window, Long.MAX_VALUE, 4096, 1, 0, Progress.NONE);
        int layers = model.layers();
        double[] error = new double[layers];
        double[][] sums = new double[layers][];
        double[] squares = new double[layers];
        long count = 0;
        for (int[] tokens : text.heldOut()) {
            try (var scope = TensorScope.open();
                    Trace trace = model.model()
                            .forward(
                                    tokens,
                                    new TraceRequest(
                                            Set.of(set.input(), set.output()), false, TraceRequest.Logits.NONE))) {
                List<SparseActivations> active = new ArrayList<>();
                List<Tensor> inputs = new ArrayList<>();
                for (int l = 0; l < layers; l++) {
                    inputs.add(trace.site(set.input(), l));
                    active.add(set.encode(l, inputs.get(l), 0));
                }
                List<Tensor> outputs = set.reconstruct(active, inputs);
                long[] used = text.rows(List.of(tokens));
                count += used.length;
                for (int l = 0; l < layers; l++) {
                    float[] made = outputs.get(l).toFloats();
                    float[] truth = trace.site(set.output(), l).toFloats();
                    int width = (int) outputs.get(l).size(1);
                    sums[l] = sums[l] == null ? new double[width] : sums[l];
                    for (long row : used) {
                        for (int j = 0; j < width; j++) {
                            int i = (int) row * width + j;
                            double away = made[i] - truth[i];
                            error[l] += away * away;
                            squares[l] += (double) truth[i] * truth[i];
                            sums[l][j] += truth[i];
                        }
                    }
                }
            }
        }
        double[] unexplained = new double[layers];
        for (int l = 0; l < layers; l++) {
            double ofMean = 0;
            for (double sum : sums[l]) {
                ofMean += sum / count * sum;
            }
            unexplained[l] = error[l] / (squares[l] - ofMean);
        }
        return unexplained;
    }
}
