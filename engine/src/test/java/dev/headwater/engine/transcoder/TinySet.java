package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Writes transcoder sets for tests: config.yaml and safetensors files of float32 tensors, changed at will before
 * writing.
 */
final class TinySet {
    static final String PER_LAYER = """
        model_name: tiny
        model_kind: transcoder_set
        feature_input_hook: mlp.hook_in
        feature_output_hook: mlp.hook_out
        """;
    static final String CROSS_LAYER = PER_LAYER.replace("transcoder_set", "cross_layer_transcoder");

    /** Elements of one tensor, of the given type and shape. */
    record Data(DType type, long[] shape, MemorySegment elements) {
        static Data of(float[] values, long... shape) {
            return new Data(DType.F32, shape, MemorySegment.ofArray(values));
        }

        static Data of(long... values) {
            return new Data(DType.I64, new long[] {values.length}, MemorySegment.ofArray(values));
        }
    }

    final Path directory;
    /** Text of config.yaml. */
    String config;
    /** File names, tensor names, tensors. */
    final Map<String, Map<String, Data>> files = new LinkedHashMap<>();

    TinySet(Path directory, String config) {
        this.directory = directory;
        this.config = config;
    }

    /** A sound per-layer set of random ReLU transcoders. */
    static TinySet perLayer(Path directory, int layers, int features, int width) {
        TinySet set = new TinySet(directory, PER_LAYER);
        Random random = new Random(7);
        for (int layer = 0; layer < layers; layer++) {
            set.put("layer_%d.safetensors".formatted(layer), "W_enc", random(random, features, width))
                    .put("layer_%d.safetensors".formatted(layer), "W_dec", random(random, features, width))
                    .put("layer_%d.safetensors".formatted(layer), "b_enc", random(random, features))
                    .put("layer_%d.safetensors".formatted(layer), "b_dec", random(random, width));
        }
        return set;
    }

    /** A sound cross-layer set of random ReLU transcoders. */
    static TinySet crossLayer(Path directory, int layers, int features, int width) {
        TinySet set = new TinySet(directory, CROSS_LAYER);
        Random random = new Random(8);
        for (int layer = 0; layer < layers; layer++) {
            set.put("W_enc_%d.safetensors".formatted(layer), "W_enc_" + layer, random(random, features, width))
                    .put("W_enc_%d.safetensors".formatted(layer), "b_enc_" + layer, random(random, features))
                    .put("W_enc_%d.safetensors".formatted(layer), "b_dec_" + layer, random(random, width))
                    .put(
                            "W_dec_%d.safetensors".formatted(layer),
                            "W_dec_" + layer,
                            random(random, features, layers - layer, width));
        }
        return set;
    }

    static Data random(Random random, long... shape) {
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Data.of(values, shape);
    }

    TinySet put(String file, String tensor, Data data) {
        files.computeIfAbsent(file, name -> new LinkedHashMap<>()).put(tensor, data);
        return this;
    }

    TinySet remove(String file, String tensor) {
        files.get(file).remove(tensor);
        return this;
    }

    TinySet config(String text) {
        config = text;
        return this;
    }

    /** Writes all files. */
    Path write() {
        try {
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("config.yaml"), config);
            for (var file : files.entrySet()) {
                Path path = directory.resolve(file.getKey());
                Files.createDirectories(path.getParent());
                var tensors = file.getValue();
                try (var out = SafetensorsWriter.create(
                        path,
                        tensors.entrySet().stream()
                                .map(tensor -> TensorInfo.of(
                                        tensor.getKey(),
                                        tensor.getValue().type(),
                                        tensor.getValue().shape()))
                                .toList(),
                        Map.of())) {
                    tensors.forEach((name, data) -> out.write(name, data.elements()));
                    out.commit();
                }
            }
            return directory;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
