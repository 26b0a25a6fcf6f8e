package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.transcoder.Activation;
import dev.headwater.engine.transcoder.TranscoderSetWriter;
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
import org.jspecify.annotations.Nullable;

/**
 * A trained layer in the model's own scale: what {@link Scaling} does to activations goes into encoder, decoder and biases. Kept in a file
 * until all layers are there.
 */
final class LayerExport {
    private static final String THRESHOLD = "threshold";
    private static final String SKIP = "skip";

    private LayerExport() {}

    /**
     * @param scalings of the layers that it writes to, its own first
     */
    static void write(Path file, LayerParameters layer, List<Scaling> scalings, TrainingShape shape) {
        boolean crossLayer = shape.crossLayer();
        Scaling own = scalings.getFirst();
        try (var _ = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            Tensor encoder = Torch.mul(layer.encoder(layer.values), own.inputFactor());
            tensors.put("encoder", encoder);
            tensors.put(
                    "encoderBias",
                    Torch.sub(layer.encoderBias(layer.values), product(own.inputMean(), TorchShape.t(encoder))));
            List<Tensor> decoders = new ArrayList<>();
            for (int t = 0; t < layer.targets; t++) {
                decoders.add(Torch.div(
                        layer.decoder(layer.values, t), scalings.get(t).outputFactor()));
            }
            tensors.put("decoder", crossLayer ? TorchShape.stack(decoders, 1) : decoders.getFirst());
            Tensor bias = Torch.add(
                    Torch.div(layer.decoderBias(layer.values), own.outputFactor()),
                    Tensor.ofFloats(own.outputMean(), layer.width));
            if (layer.hasSkip()) {
                Tensor skip = Torch.mul(layer.skip(layer.values), own.inputFactor() / own.outputFactor());
                tensors.put(SKIP, skip);
                bias = Torch.sub(bias, product(own.inputMean(), skip));
            }
            tensors.put("decoderBias", bias);
            if (shape.kind() == FeatureKind.JUMPRELU) {
                tensors.put(THRESHOLD, Torch.exp(layer.thresholds(layer.values)));
            } else if (shape.kind() == FeatureKind.BATCHTOPK) {
                tensors.put(THRESHOLD, Tensor.full(layer.cut, DType.F32, encoder.device(), layer.features));
            }
            List<TensorInfo> infos = tensors.entrySet().stream()
                    .map(each -> TensorInfo.of(
                            each.getKey(), DType.F32, each.getValue().shape()))
                    .toList();
            try (var out = SafetensorsWriter.create(file, infos, Map.of())) {
                tensors.forEach((name, tensor) ->
                        out.write(name, Torch.contiguous(tensor).data()));
                out.commit();
            }
        }
    }

    private static Tensor product(float[] row, Tensor matrix) {
        return TorchShape.reshape(Torch.mm(Tensor.ofFloats(row, 1, row.length), Torch.contiguous(matrix)), -1);
    }

    /** As the writer of sets takes it; what is made belongs to the innermost scope. */
    static TranscoderSetWriter.Layer read(Path file, TrainingShape shape) {
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            float[] threshold = in.names().contains(THRESHOLD) ? floats(in, THRESHOLD) : null;
            return new TranscoderSetWriter.Layer(
                    tensor(in, "encoder"),
                    floats(in, "encoderBias"),
                    activation(shape, threshold),
                    tensor(in, "decoder"),
                    floats(in, "decoderBias"),
                    in.names().contains(SKIP) ? tensor(in, SKIP) : null);
        }
    }

    private static Activation activation(TrainingShape shape, float @Nullable [] threshold) {
        if (threshold != null) {
            return new Activation.JumpRelu(threshold);
        }
        return shape.kind() == FeatureKind.TOPK ? new Activation.TopK(shape.active()) : new Activation.Relu();
    }

    private static float[] floats(SafetensorsFile in, String name) {
        return in.unaligned(name).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    private static Tensor tensor(SafetensorsFile in, String name) {
        MemorySegment data = in.unaligned(name);
        Tensor tensor = Tensor.empty(DType.F32, Device.CPU, in.info(name).shape());
        tensor.data().copyFrom(data);
        return tensor;
    }
}
