package dev.headwater.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.DType;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.weights.Checkpoint;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.LongStream;

/** Model directories that differ from a golden one, or are made up. */
final class ModelDirectories {
    private ModelDirectories() {}

    /** Declared type and shape, and bytes. */
    record Data(DType dtype, long[] shape, byte[] bytes) {
        static Data random(Random random, double scale, long... shape) {
            int count = Math.toIntExact(LongStream.of(shape).reduce(1, Math::multiplyExact));
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = (float) (random.nextGaussian() * scale);
            }
            return floats(values, shape);
        }

        static Data floats(float[] values, long... shape) {
            return new Data(DType.F32, shape, MemorySegment.ofArray(values).toArray(JAVA_BYTE));
        }
    }

    static Map<String, Data> weights(GoldenCase golden) {
        Map<String, Data> weights = new LinkedHashMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(golden.modelDirectory())) {
            for (String name : checkpoint.names()) {
                TensorInfo info = checkpoint.info(name);
                weights.put(
                        name,
                        new Data(
                                info.dtype(),
                                info.shape(),
                                checkpoint.data(name).toArray(JAVA_BYTE)));
            }
        }
        return weights;
    }

    static ObjectNode config(GoldenCase golden) {
        return (ObjectNode) BoundedJson.read(golden.modelDirectory().resolve("config.json"));
    }

    static Path write(Path directory, ObjectNode config, Map<String, Data> weights) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("config.json"), config.toString());
        List<TensorInfo> infos = weights.entrySet().stream()
                .map(e -> TensorInfo.of(
                        e.getKey(), e.getValue().dtype(), e.getValue().shape()))
                .toList();
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(directory.resolve("model.safetensors"), infos, Map.of())) {
            weights.forEach((name, data) -> writer.write(name, MemorySegment.ofArray(data.bytes())));
            writer.commit();
        }
        return directory;
    }

    /** A golden model with its configuration and weights changed. */
    static Path changed(
            Path directory, GoldenCase golden, Consumer<ObjectNode> config, Consumer<Map<String, Data>> weights)
            throws IOException {
        ObjectNode node = config(golden);
        config.accept(node);
        Map<String, Data> tensors = weights(golden);
        weights.accept(tensors);
        return write(directory, node, tensors);
    }
}
