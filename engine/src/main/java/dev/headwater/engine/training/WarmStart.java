package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.transcoder.Activation;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.List;
import java.util.stream.IntStream;

/** Features that begin as those of a set that there is, for a model that was trained on from the set's. */
record WarmStart(TranscoderSet set) {
    /** @throws UsageException if the set has another shape, or features of another kind, than what is to be trained */
    void require(TrainingShape shape, ModelConfig config) {
        set.requireMatches(config.layers(), config.width());
        Activation activation = set.activation(0);
        boolean thresholds = shape.kind() == FeatureKind.BATCHTOPK || shape.kind() == FeatureKind.JUMPRELU;
        if (set.features() != shape.features()
                || set.crossLayer() != shape.crossLayer()
                || set.input() != shape.input()
                || set.output() != shape.output()
                || set.hasSkip(0) != shape.skip()
                || activation instanceof Activation.JumpRelu != thresholds) {
            throw new UsageException(
                    "The set %s has %,d %s features %s a skip that read %s, write %s and have %s; what goes on from it has as many of that sort"
                            .formatted(
                                    set.config().directory(),
                                    set.features(),
                                    set.crossLayer() ? "cross-layer" : "per-layer",
                                    set.hasSkip(0) ? "with" : "without",
                                    set.input().hookName(),
                                    set.output().hookName(),
                                    switch (activation) {
                                        case Activation.Relu() -> "ReLU";
                                        case Activation.JumpRelu(float[] _) -> "JumpReLU (batchtopk, jumprelu)";
                                        case Activation.TopK(int k, boolean _) -> "TopK with k = " + k;
                                    }));
        }
    }

    /**
     * Takes a layer over, in the scale of what it is to be trained on.
     *
     * @param number   of the layer
     * @param scalings of the layers that it writes to, its own first
     */
    void begin(int number, LayerParameters layer, List<Scaling> scalings) {
        Scaling own = scalings.getFirst();
        int[] all = IntStream.range(0, layer.features).toArray();
        try (var _ = TensorScope.open()) {
            Tensor mean = Tensor.ofFloats(own.inputMean(), 1, layer.width);
            Tensor encoder = Torch.to(set.encoderRows(number, all), Device.CPU);
            Torch.copy(layer.encoder(layer.values), Torch.div(encoder, own.inputFactor()));
            Tensor shift = TorchShape.reshape(Torch.mm(mean, Torch.contiguous(TorchShape.t(encoder))), layer.features);
            Torch.copy(
                    layer.encoderBias(layer.values), Torch.add(Torch.to(set.encoderBias(number), Device.CPU), shift));
            for (int t = 0; t < layer.targets; t++) {
                Tensor rows = Tensor.empty(DType.F32, Device.CPU, layer.features, layer.width);
                set.decoderRows(number, number + t, all, null, null, rows);
                Torch.copy(
                        layer.decoder(layer.values, t),
                        Torch.mul(rows, scalings.get(t).outputFactor()));
            }
            Tensor bias = Torch.sub(
                    Torch.to(set.decoderBias(number), Device.CPU), Tensor.ofFloats(own.outputMean(), layer.width));
            Tensor skip = set.skip(number);
            if (skip != null) {
                Tensor there = Torch.contiguous(Torch.to(skip, Device.CPU));
                bias = Torch.add(bias, TorchShape.reshape(Torch.mm(mean, there), layer.width));
                Torch.copy(layer.skip(layer.values), Torch.mul(there, own.outputFactor() / own.inputFactor()));
            }
            Torch.copy(layer.decoderBias(layer.values), Torch.mul(bias, own.outputFactor()));
        }
    }

    /** Thresholds as the set has them; those of BatchTopK are one, the mean. */
    void thresholds(int number, FeatureKind kind, LayerParameters layer) {
        if (!(set.activation(number) instanceof Activation.JumpRelu(float[] threshold))) {
            return;
        }
        if (kind == FeatureKind.BATCHTOPK) {
            double sum = 0;
            for (double each : threshold) {
                sum += each;
            }
            layer.cut = Math.max(0, sum / threshold.length);
            return;
        }
        float[] logarithms = new float[threshold.length];
        for (int f = 0; f < logarithms.length; f++) {
            logarithms[f] = (float) Math.log(Math.max(1e-3, threshold[f]));
        }
        try (var _ = TensorScope.open()) {
            Torch.copy(layer.thresholds(layer.values), Tensor.ofFloats(logarithms, logarithms.length));
        }
    }
}
