package dev.headwater.engine.transcoder;

import dev.headwater.engine.transcoder.TinySet.Data;
import dev.headwater.engine.weights.SafetensorsFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Rewrites a cross-layer set of float32 files in GemmaScope-2's layout. */
final class GemmaScope2 {
    private GemmaScope2() {}

    /** @param skip the same for all layers, or null; parts of the decoder that no layer uses are NaN */
    static Path crossLayer(Path source, Path target, float[] skip) {
        int layers = 0;
        while (Files.exists(source.resolve("W_enc_%d.safetensors".formatted(layers)))) {
            layers++;
        }
        TranscoderConfig config = TranscoderConfig.read(source);
        StringBuilder text = new StringBuilder(
                """
            model_kind: cross_layer_transcoder
            feature_input_hook: %s
            feature_output_hook: %s
            special_load_fn: gemma-scope-2
            transcoders:
            """.formatted(config.input().hookName(), config.output().hookName()));
        TinySet set = new TinySet(target, "");
        for (int layer = 0; layer < layers; layer++) {
            String file = "params_layer_%d.safetensors".formatted(layer);
            text.append("- ").append(file).append('\n');
            try (var encoder = SafetensorsFile.open(source.resolve("W_enc_%d.safetensors".formatted(layer)));
                    var decoder = SafetensorsFile.open(source.resolve("W_dec_%d.safetensors".formatted(layer)))) {
                int features = (int) encoder.info("W_enc_" + layer).size(0);
                int width = (int) encoder.info("W_enc_" + layer).size(1);
                float[] rows = encoder.floats("W_enc_" + layer);
                float[] turned = new float[rows.length];
                for (int i = 0; i < rows.length; i++) {
                    turned[i % width * features + i / width] = rows[i];
                }
                float[] all = new float[features * layers * width];
                Arrays.fill(all, Float.NaN);
                float[] part = decoder.floats("W_dec_" + layer);
                int run = (layers - layer) * width;
                for (int f = 0; f < features; f++) {
                    System.arraycopy(part, f * run, all, (f * layers + layer) * width, run);
                }
                set.put(file, "w_enc", Data.of(turned, width, features))
                        .put(file, "w_dec", Data.of(all, features, layers, width))
                        .put(file, "b_enc", Data.of(encoder.floats("b_enc_" + layer), features))
                        .put(file, "b_dec", Data.of(encoder.floats("b_dec_" + layer), width));
                if (encoder.has("threshold_" + layer)) {
                    set.put(file, "threshold", Data.of(encoder.floats("threshold_" + layer), features));
                }
                if (skip != null) {
                    set.put(file, "affine_skip_connection", Data.of(skip, width, width));
                }
            }
        }
        return set.config(text.toString()).write();
    }
}
