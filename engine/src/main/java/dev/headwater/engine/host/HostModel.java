package dev.headwater.engine.host;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.OutputTargets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A model with what its MLPs are taken apart into. */
final class HostModel extends Shared {
    private final ReplacementModel model;

    HostModel(ReplacementModel model) {
        this.model = model;
    }

    ReplacementModel model() {
        return model;
    }

    /** What features of a layer write to a layer, [n, d]. */
    HostTensor decoderRows(int layer, int target, int[] features) {
        var basis = model.basis();
        if (layer < 0 || layer >= basis.layers()) {
            throw new UsageException(
                    "there is no layer %d; the model's are 0 to %d".formatted(layer, basis.layers() - 1));
        }
        if (target < layer || target > basis.lastTarget(layer)) {
            throw new UsageException("features of layer %d write to layers %d to %d, not to %d"
                    .formatted(layer, layer, basis.lastTarget(layer), target));
        }
        for (int feature : features) {
            if (feature < 0 || feature >= basis.features()) {
                throw new UsageException("there is no feature %d; those of a layer are 0 to %d"
                        .formatted(feature, basis.features() - 1));
            }
        }
        try (var _ = model.use();
                var scope = TensorScope.open()) {
            Tensor rows = Tensor.empty(
                    DType.F32,
                    model.device(),
                    features.length,
                    model.model().config().width());
            basis.decoderRows(layer, target, features, null, null, rows);
            return HostTensor.of(TensorScope.release(onHost(rows)));
        }
    }

    /** What explaining a token explains: its unembedding less the mean over the vocabulary, [n, d]. */
    HostTensor directions(int[] tokens) {
        int width = model.model().config().width();
        float[] rows = new float[Math.multiplyExact(tokens.length, width)];
        try (var _ = model.use()) {
            for (int i = 0; i < tokens.length; i++) {
                float[] row = OutputTargets.Direction.between(model, List.of(tokens[i]), List.of())
                        .vector();
                System.arraycopy(row, 0, rows, i * width, width);
            }
        }
        return HostTensor.of(TensorScope.release(Tensor.ofFloats(rows, tokens.length, width)));
    }

    /** In the processor's memory. */
    static Tensor onHost(Tensor tensor) {
        return tensor.device().isCpu() ? tensor : Torch.to(tensor, Device.CPU);
    }

    @Override
    List<String> texts(int what) {
        if (what != What.INFO) {
            throw none("texts", what);
        }
        var basis = model.basis();
        return List.of(JsonNodeFactory.instance
                .objectNode()
                .put("model", model.modelReference())
                .put("transcoders", model.transcoderReference())
                .put("scan", model.scan())
                .put("layers", model.layers())
                .put("features", basis.features())
                .put("width", model.model().config().width())
                .put("vocabulary", model.vocabularySize())
                .put("cross_layer", basis.crossLayer())
                .put("neurons", basis.dense())
                .put("device", model.device().toString())
                .put("dtype", model.dtype().toString())
                .put("products", model.products().toString())
                .toString());
    }

    /** A CUDA device by its name, null for whichever there is. */
    static @Nullable Device device(String name) {
        return name.isEmpty() || name.equals("auto") ? null : Cuda.device(name);
    }

    @Override
    void free() {
        model.close();
    }
}
