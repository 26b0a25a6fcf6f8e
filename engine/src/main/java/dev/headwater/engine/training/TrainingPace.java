package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * How fast a model is read and features learn, tried on numbers that mean nothing.
 *
 * @param token seconds of the forward pass for a token
 * @param visit seconds of all layers' steps for a position, each time that it is learned from
 */
public record TrainingPace(double token, double visit) {
    private static final int READ = 1024;
    private static final int TURNS = 2;

    /** Takes a few seconds for a model of some hundred million parameters. */
    static TrainingPace of(LanguageModel model, TrainingOptions options) {
        return new TrainingPace(reading(model, options), learning(model, options));
    }

    private static double reading(LanguageModel model, TrainingOptions options) {
        int window = Math.min(options.settings().window(), model.config().maxPositions());
        Random random = new Random(1);
        List<int[]> windows = IntStream.range(0, Math.ceilDiv(READ, window))
                .mapToObj(_ -> random.ints(window, 0, model.config().vocab()).toArray())
                .toList();
        TrainingText text = new TrainingText(windows, windows, Set.of(), 1, "");
        ActivationReader reader = new ActivationReader(
                model, options.shape().input(), options.shape().output(), text);
        double best = Double.POSITIVE_INFINITY;
        for (int turn = 0; turn < TURNS; turn++) {
            long begun = System.nanoTime();
            reader.read(windows, (_, _, _, _) -> {});
            best = Math.min(best, (System.nanoTime() - begun) / 1e9);
        }
        return best / ((double) windows.size() * window);
    }

    private static double learning(LanguageModel model, TrainingOptions options) {
        TrainingShape shape = options.shape();
        int width = model.config().width();
        int layers = model.config().layers();
        int together = shape.crossLayer() ? layers : 1;
        int rows = options.settings().batch();
        List<LayerParameters> parameters = TrainingState.parameters(shape, width, 0, together, together);
        try (var _ = TensorScope.open()) {
            Random random = new Random(1);
            float[] numbers = new float[rows * width];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = (float) random.nextGaussian();
            }
            Tensor data = Tensor.ofFloats(numbers, rows, width);
            List<Tensor> all = new ArrayList<>();
            for (LayerParameters layer : parameters) {
                all.add(data);
                // Rows of the encoder in as many directions, so that few features are active.
                Tensor encoder = layer.encoder(layer.values);
                for (int first = 0; first < layer.features; first += rows) {
                    long some = Math.min(rows, layer.features - first);
                    Torch.copy(TorchShape.narrow(encoder, 0, first, some), TorchShape.narrow(data, 0, 0, some));
                }
                Torch.copy(
                        layer.encoderBias(layer.values),
                        Tensor.full(-3 * Math.sqrt(width), DType.F32, Device.CPU, layer.features));
            }
            Span span = new Span(shape, parameters);
            double best = Double.POSITIVE_INFINITY;
            for (int turn = 0; turn < TURNS; turn++) {
                long begun = System.nanoTime();
                try (var _ = TensorScope.open()) {
                    span.gradients(all, all, Long.MAX_VALUE);
                    int number = turn + 1;
                    parameters.forEach(layer -> layer.step(Span.scale(rows, width), 1, 1e-3, number));
                }
                best = Math.min(best, (System.nanoTime() - begun) / 1e9);
            }
            return best / rows * (shape.crossLayer() ? 1 : layers);
        } finally {
            parameters.forEach(LayerParameters::close);
        }
    }

    /**
     * What reading and learning take, without least squares and writing, in seconds.
     *
     * @param tokens to train on
     * @param plan   which says how often they are read
     */
    public double seconds(long tokens, TrainingOptions options, TrainingPlan plan) {
        double read = plan.turns() * (double) (tokens + options.settings().heldOut());
        return read * token + (double) tokens * options.settings().visits() * visit;
    }
}
