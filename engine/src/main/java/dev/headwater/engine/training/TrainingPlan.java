package dev.headwater.engine.training;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.model.ModelConfig;

/**
 * What training takes, before it is begun.
 *
 * @param layersAtOnce layers that fit into memory together; the others wait for another turn, which reads the text again
 * @param turns        how often the text is read
 * @param memory       bytes beside the model
 * @param disk         bytes while it is at work, beside the set itself
 * @param set          bytes of the set
 */
public record TrainingPlan(int layersAtOnce, int turns, long memory, long disk, long set) {
    /** Of the values, gradients and two means of a parameter. */
    private static final int BYTES = 4 * Float.BYTES;

    static TrainingPlan of(ModelConfig config, TrainingOptions options) {
        TrainingShape shape = options.shape();
        TrainingOptions.Settings settings = options.settings();
        int layers = config.layers();
        int width = config.width();
        long rows = (long) settings.buffer() + settings.window() + settings.heldOut() + settings.window();
        long working = 4L * settings.batch() * (shape.features() * 2L + 4L * width) + (8L << 20);
        if (shape.crossLayer()) {
            long all = working * layers + ActivationBuffer.bytes(layers, width, rows);
            for (int layer = 0; layer < layers; layer++) {
                all += BYTES * LayerParameters.numbers(shape, width, layers - layer);
            }
            require(all, settings.memory(), "All layers of a cross-layer set");
            return new TrainingPlan(layers, 1, all, all * 3 / 4, set(options, layers, width));
        }
        // What solves a layer's decoder, for two at a time.
        long solving = 2L * 8 * shape.features() * (shape.features() / 2 + 2L * width);
        long layer = BYTES * LayerParameters.numbers(shape, width, 1) + ActivationBuffer.bytes(1, width, rows);
        require(layer + working + solving, settings.memory(), "One layer");
        int atOnce = (int) Math.min(layers, (settings.memory() - working - solving) / layer);
        int turns = Math.ceilDiv(layers, atOnce);
        int even = Math.ceilDiv(layers, turns);
        long parameters = Float.BYTES * LayerParameters.numbers(shape, width, 1);
        return new TrainingPlan(
                even,
                turns,
                even * layer + working + solving,
                parameters * (3L * even + layers),
                set(options, layers, width));
    }

    private static void require(long needed, long bound, String what) {
        if (needed > bound) {
            throw new HeadwaterException(
                    "%s takes %,d MiB to train, more than the %,d MiB that may be taken; allow more memory, or take fewer features, a smaller buffer or smaller batches"
                            .formatted(what, needed >> 20, bound >> 20));
        }
    }

    private static long set(TrainingOptions options, int layers, int width) {
        long decoders = options.shape().crossLayer() ? layers * (layers + 1L) / 2 : layers;
        return (layers + decoders)
                * options.shape().features()
                * width
                * options.settings().dtype().bytes();
    }
}
