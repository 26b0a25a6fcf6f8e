package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.weights.SafetensorsFile;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Some layers in training between two rounds: all that the rest depends on, but for activations, which the text gives again.
 *
 * @param first    number of the first of them
 * @param scalings by layer
 * @param layers   by layer
 */
record TrainingState(int first, List<Scaling> scalings, List<LayerParameters> layers, Clock clock)
        implements AutoCloseable {
    /** Of the file; another one is refused. */
    private static final String VERSION = "1";

    /** How far it is. */
    static final class Clock {
        /** Rounds that are done. */
        int round;
        /** Steps that are done. */
        long step;
        /** Nanoseconds of work. */
        long nanos;
        /** Learning is over: the budget is spent. */
        boolean over;
    }

    TrainingState(int first, List<Scaling> scalings, List<LayerParameters> layers) {
        this(first, scalings, layers, new Clock());
    }

    static List<LayerParameters> parameters(TrainingShape shape, int width, int first, int end, int modelLayers) {
        return IntStream.range(first, end)
                .mapToObj(layer -> new LayerParameters(shape, width, shape.crossLayer() ? modelLayers - layer : 1))
                .toList();
    }

    void write(Path file) {
        List<TensorInfo> infos = new ArrayList<>();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("version", VERSION);
        facts.put("first", Integer.toString(first));
        facts.put("layers", Integer.toString(layers.size()));
        facts.put("round", Integer.toString(clock.round));
        facts.put("step", Long.toString(clock.step));
        facts.put("nanos", Long.toString(clock.nanos));
        facts.put("over", Boolean.toString(clock.over));
        for (int l = 0; l < layers.size(); l++) {
            LayerParameters layer = layers.get(l);
            for (String name : List.of("values", "mean", "square")) {
                infos.add(TensorInfo.of(l + "." + name, DType.F32, layer.values.numel()));
            }
            infos.add(TensorInfo.of(l + ".silent", DType.I32, layer.features));
            infos.add(TensorInfo.of(l + ".input", DType.F32, layer.width));
            infos.add(TensorInfo.of(l + ".output", DType.F32, layer.width));
            facts.put(l + ".input", Float.toString(scalings.get(l).inputFactor()));
            facts.put(l + ".output", Float.toString(scalings.get(l).outputFactor()));
            facts.put(l + ".penalty", Double.toString(layer.penalty));
            facts.put(l + ".cut", Double.toString(layer.cut));
        }
        try (var out = SafetensorsWriter.create(file, infos, facts)) {
            for (int l = 0; l < layers.size(); l++) {
                LayerParameters layer = layers.get(l);
                out.write(l + ".values", layer.values.data());
                out.write(l + ".mean", layer.mean.data());
                out.write(l + ".square", layer.square.data());
                out.write(l + ".silent", MemorySegment.ofArray(layer.silent));
                out.write(l + ".input", scalings.get(l).inputMean());
                out.write(l + ".output", scalings.get(l).outputMean());
            }
            out.commit();
        }
    }

    /** @throws HeadwaterException if it is damaged, of another version or of other layers */
    static TrainingState read(Path file, TrainingShape shape, int width, int first, int end, int modelLayers) {
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            Map<String, String> facts = in.metadata();
            if (!VERSION.equals(facts.get("version"))) {
                throw new HeadwaterException(
                        "The checkpoint %s is of another version of Headwater; finish it with that one, or delete its directory to begin anew"
                                .formatted(file));
            }
            if (Integer.parseInt(fact(facts, "first", file)) != first
                    || Integer.parseInt(fact(facts, "layers", file)) != end - first) {
                throw new HeadwaterException(
                        "The checkpoint %s is of other layers than are to be trained next; delete its directory to begin anew"
                                .formatted(file));
            }
            List<Scaling> scalings = new ArrayList<>();
            TrainingState state = new TrainingState(first, scalings, parameters(shape, width, first, end, modelLayers));
            try {
                state.fill(in, facts, file);
            } catch (RuntimeException | Error failure) {
                state.close();
                throw failure;
            }
            return state;
        } catch (NumberFormatException malformed) {
            throw new HeadwaterException(
                    "The checkpoint %s is damaged; delete its directory to begin anew".formatted(file), malformed);
        }
    }

    private void fill(SafetensorsFile in, Map<String, String> facts, Path file) {
        clock.round = Integer.parseInt(fact(facts, "round", file));
        clock.step = Long.parseLong(fact(facts, "step", file));
        clock.nanos = Long.parseLong(fact(facts, "nanos", file));
        clock.over = Boolean.parseBoolean(fact(facts, "over", file));
        for (int l = 0; l < layers.size(); l++) {
            LayerParameters layer = layers.get(l);
            copy(in, l + ".values", layer.values);
            copy(in, l + ".mean", layer.mean);
            copy(in, l + ".square", layer.square);
            MemorySegment silent = part(in, l + ".silent", (long) layer.features * Integer.BYTES);
            MemorySegment.copy(silent, ValueLayout.JAVA_INT_UNALIGNED, 0, layer.silent, 0, layer.features);
            layer.penalty = Double.parseDouble(fact(facts, l + ".penalty", file));
            layer.cut = Double.parseDouble(fact(facts, l + ".cut", file));
            scalings.add(new Scaling(
                    floats(in, l + ".input", layer.width),
                    Float.parseFloat(fact(facts, l + ".input", file)),
                    floats(in, l + ".output", layer.width),
                    Float.parseFloat(fact(facts, l + ".output", file))));
        }
    }

    private static String fact(Map<String, String> facts, String name, Path file) {
        String value = facts.get(name);
        if (value == null) {
            throw new HeadwaterException(
                    "The checkpoint %s is damaged (it does not say '%s'); delete its directory to begin anew"
                            .formatted(file, name));
        }
        return value;
    }

    private static void copy(SafetensorsFile in, String name, Tensor to) {
        to.data().copyFrom(part(in, name, to.numel() * Float.BYTES));
    }

    private static float[] floats(SafetensorsFile in, String name, int count) {
        return part(in, name, (long) count * Float.BYTES).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    private static MemorySegment part(SafetensorsFile in, String name, long bytes) {
        MemorySegment data = in.unaligned(name);
        if (data.byteSize() != bytes) {
            throw new HeadwaterException(
                    "The checkpoint %s has %d bytes of '%s' where %d are needed; delete its directory to begin anew"
                            .formatted(in.path(), data.byteSize(), name, bytes));
        }
        return data;
    }

    @Override
    public void close() {
        layers.forEach(LayerParameters::close);
    }
}
