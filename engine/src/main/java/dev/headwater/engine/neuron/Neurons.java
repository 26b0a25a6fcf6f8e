package dev.headwater.engine.neuron;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.FloatProduct;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.model.Activation;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Linear;
import dev.headwater.engine.model.Mlp;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The neurons of a model's MLPs. A neuron's activation is what enters the down projection, act(g) · u with the gate g = Wg x and
 * u = Wu x, or act(z) with z = W x where there is no gate; it writes its column of the down projection.
 *
 * <p>Around one prompt it is made linear by holding act(g) / g fixed and giving each factor of the product half: the row that it
 * reads through is u·act(g)/(2g) · Wg[i] + act(g)/2 · Wu[i], or act(z)/z · W[i]. Then, but for biases, what comes in adds up to the
 * activation exactly (Arora et al., arXiv 2601.22594; the rule for gradients: arXiv 2508.21258).
 */
public final class Neurons implements FeatureBasis {
    /** As a reference to transcoders would be written, for a model's own neurons instead. */
    public static final String REFERENCE = "neurons";

    private final LanguageModel model;
    private final List<Layer> layers;

    /**
     * An MLP by its parts.
     *
     * @param in what the activation function is of [F, d]
     * @param up the other factor [F, d], null if there is none
     */
    private record Layer(Linear in, @Nullable Linear up, Linear down, Activation activation) {}

    /**
     * A layer's MLP made linear at some inputs.
     *
     * @param activation [P, F]
     * @param in         factor of the activation function's row [P, F]
     * @param up         factor of the other row [P, F], null if there is none
     */
    public record Linearised(
            Tensor activation, Tensor in, @Nullable Tensor up) {}

    /**
     * The neurons of a model, which must stay open.
     *
     * @throws HeadwaterException if its MLPs are mixtures of experts
     */
    public Neurons(LanguageModel model) {
        this.model = model;
        layers = IntStream.range(0, model.config().layers())
                .mapToObj(this::layer)
                .toList();
    }

    private Layer layer(int l) {
        return switch (model.layer(l).mlp()) {
            case Mlp.Gated(Linear gate, Linear up, Linear down, Activation activation) ->
                new Layer(gate, up, down, activation);
            case Mlp.Plain(Linear in, Linear out, Activation activation) -> new Layer(in, null, out, activation);
            default ->
                throw new HeadwaterException(model.directory() + " is a mixture of experts ("
                        + model.config().architecture() + "), whose neurons cannot be features; use transcoders");
        };
    }

    @Override
    public int layers() {
        return layers.size();
    }

    @Override
    public int features() {
        return Math.toIntExact(layers.getFirst().in.weight().size(0));
    }

    @Override
    public FeatureSite input() {
        return FeatureSite.MLP_IN;
    }

    @Override
    public FeatureSite output() {
        return FeatureSite.MLP_OUT;
    }

    @Override
    public boolean dense() {
        return true;
    }

    @Override
    public boolean crossLayer() {
        return false;
    }

    @Override
    public int lastTarget(int sourceLayer) {
        return sourceLayer;
    }

    @Override
    public boolean hasSkip(int layer) {
        return false;
    }

    @Override
    public @Nullable Tensor skip(int layer) {
        return null;
    }

    /** All neurons of a layer, [P, F]. */
    private Tensor all(int layer, Tensor x) {
        Layer mlp = layers.get(layer);
        try (var scope = TensorScope.open()) {
            Tensor inner = mlp.activation.apply(mlp.in.apply(x));
            return scope.keep(mlp.up == null ? inner : Torch.mul(inner, mlp.up.apply(x)));
        }
    }

    /**
     * A layer made linear around its inputs.
     *
     * @param x F32 [P, d] at {@link #input}
     */
    public Linearised linearised(int layer, Tensor x) {
        Layer mlp = layers.get(layer);
        try (var scope = TensorScope.open()) {
            Tensor gate = mlp.in.apply(x);
            return linearised(scope, mlp, gate, mlp.up == null ? null : mlp.up.apply(x));
        }
    }

    private static Linearised linearised(TensorScope scope, Layer mlp, Tensor gate, @Nullable Tensor up) {
        Tensor activated = mlp.activation.apply(gate);
        Tensor ratio = ratio(mlp.activation, gate, activated);
        if (up == null) {
            return new Linearised(scope.keep(activated), scope.keep(ratio), null);
        }
        return new Linearised(
                scope.keep(Torch.mul(activated, up)),
                scope.keep(Torch.mul(Torch.mul(up, ratio), 0.5)),
                scope.keep(Torch.mul(activated, 0.5)));
    }

    /** act(z) / z, continued to 0. */
    private static Tensor ratio(Activation activation, Tensor z, Tensor activated) {
        return switch (activation) {
            case SILU -> Torch.sigmoid(z);
            case QUICK_GELU -> Torch.sigmoid(Torch.mul(z, 1.702));
            case RELU -> Torch.to(Torch.gt(z, 0), DType.F32);
            case GELU, GELU_TANH -> {
                Tensor half = Tensor.full(0.5, DType.F32, z.device(), z.shape());
                yield Torch.where(Torch.eq(z, 0), half, Torch.div(activated, z));
            }
        };
    }

    /**
     * Gradients with respect to the output of a layer as gradients with respect to its neurons.
     *
     * @param gradients F32 [n, d]
     * @return [n, F]
     */
    public Tensor toNeurons(int layer, Tensor gradients) {
        try (var scope = TensorScope.open()) {
            return scope.keep(
                    FloatProduct.mm(gradients, Torch.to(layers.get(layer).down.weight(), DType.F32)));
        }
    }

    /**
     * Gradients with respect to the neurons of a layer as gradients with respect to its input.
     *
     * @param gradients F32 [n, P, F]
     * @return [n · P, d]
     */
    public Tensor toInput(int layer, Linearised at, Tensor gradients) {
        Layer mlp = layers.get(layer);
        try (var scope = TensorScope.open()) {
            Tensor input = back(mlp.in, Torch.mul(gradients, at.in));
            return scope.keep(
                    mlp.up == null || at.up == null
                            ? input
                            : Torch.add(input, back(mlp.up, Torch.mul(gradients, at.up))));
        }
    }

    private static Tensor back(Linear linear, Tensor gradients) {
        Tensor rows = TorchShape.reshape(gradients, -1, gradients.size(-1));
        return FloatProduct.mm(rows, Torch.to(linear.weight(), DType.F32));
    }

    @Override
    public SparseActivations encode(int layer, Tensor x, int firstRow) {
        int features = features();
        float[] values;
        try (var _ = TensorScope.open()) {
            values = all(layer, x).toFloats();
        }
        int count = 0;
        for (int i = firstRow * features; i < values.length; i++) {
            count += values[i] != 0 ? 1 : 0;
        }
        int[] position = new int[count];
        int[] feature = new int[count];
        float[] value = new float[count];
        for (int i = firstRow * features, at = 0; i < values.length; i++) {
            if (values[i] != 0) {
                position[at] = i / features;
                feature[at] = i % features;
                value[at++] = values[i];
            }
        }
        return new SparseActivations(position, feature, value);
    }

    @Override
    public float[] activations(int layer, Tensor x, int[] feature) {
        Layer mlp = layers.get(layer);
        try (var scope = TensorScope.open()) {
            Tensor inner = mlp.activation.apply(some(mlp.in, feature).apply(x));
            return (mlp.up == null
                            ? inner
                            : Torch.mul(inner, some(mlp.up, feature).apply(x)))
                    .toFloats();
        }
    }

    @Override
    public Tensor preActivations(int layer, Tensor x) {
        return all(layer, x);
    }

    @Override
    public float[] preActivations(int layer, Tensor x, int[] position, int[] feature) {
        Layer mlp = layers.get(layer);
        try (var scope = TensorScope.open()) {
            Tensor inputs = TorchShape.indexSelect(x, 0, index(position));
            return linearised(
                            scope,
                            mlp,
                            each(mlp.in, feature, inputs),
                            mlp.up == null ? null : each(mlp.up, feature, inputs))
                    .activation()
                    .toFloats();
        }
    }

    @Override
    public Tensor encoderRows(int layer, int[] feature, int[] position, Tensor x) {
        Layer mlp = layers.get(layer);
        try (var scope = TensorScope.open()) {
            Tensor inputs = TorchShape.indexSelect(x, 0, index(position));
            Linearised at = linearised(
                    scope, mlp, each(mlp.in, feature, inputs), mlp.up == null ? null : each(mlp.up, feature, inputs));
            Tensor rows = Torch.mul(some(mlp.in, feature).weight(), at.in);
            return scope.keep(
                    mlp.up == null || at.up == null
                            ? rows
                            : Torch.add(rows, Torch.mul(some(mlp.up, feature).weight(), at.up)));
        }
    }

    private Tensor index(int[] numbers) {
        return Torch.to(Tensor.ofInts(numbers, numbers.length), model.device());
    }

    /** The rows of some neurons, float32. */
    private Linear some(Linear linear, int[] feature) {
        Tensor rows = index(feature);
        return new Linear(
                Torch.to(TorchShape.indexSelect(linear.weight(), 0, rows), DType.F32),
                linear.bias() == null ? null : TorchShape.indexSelect(linear.bias(), 0, rows));
    }

    /** Each neuron at an input of its own: [n, 1] of inputs [n, d]. */
    private Tensor each(Linear linear, int[] feature, Tensor inputs) {
        Linear rows = some(linear, feature);
        Tensor products = TorchReduce.sum(Torch.mul(rows.weight(), inputs), 1, true);
        return rows.bias() == null ? products : Torch.add(products, TorchShape.unsqueeze(rows.bias(), 1));
    }

    @Override
    public void decoderRows(
            int sourceLayer,
            int targetLayer,
            int[] feature,
            float @Nullable [] scale,
            @Nullable Tensor gain,
            Tensor out) {
        if (targetLayer != sourceLayer) {
            throw new IllegalArgumentException(
                    "neurons of layer " + sourceLayer + " do not write to layer " + targetLayer);
        }
        try (var _ = TensorScope.open()) {
            Tensor down = TorchShape.t(layers.get(sourceLayer).down.weight());
            Tensor rows = Torch.to(TorchShape.indexSelect(down, 0, index(feature)), DType.F32);
            if (scale != null) {
                rows = Torch.mul(rows, Torch.to(Tensor.ofFloats(scale, scale.length, 1), model.device()));
            }
            Torch.copy(out, gain == null ? rows : Torch.mul(rows, gain));
        }
    }

    /** The model's weights are in memory, or will be when the model needs them. */
    @Override
    public void willNeedDecoderRows(int sourceLayer, int targetLayer, int[] feature) {}

    @Override
    public List<Tensor> reconstruct(List<SparseActivations> activations, List<Tensor> x) {
        List<Tensor> outputs = new ArrayList<>();
        int features = features();
        for (int layer = 0; layer < layers(); layer++) {
            SparseActivations some = activations.get(layer);
            int positions = Math.toIntExact(x.get(layer).size(0));
            float[] dense = new float[Math.multiplyExact(positions, features)];
            for (int i = 0; i < some.count(); i++) {
                dense[some.position()[i] * features + some.feature()[i]] = some.value()[i];
            }
            try (var scope = TensorScope.open()) {
                Tensor values = Torch.to(Tensor.ofFloats(dense, positions, features), model.device());
                outputs.add(scope.keep(written(layer, values)));
            }
        }
        return outputs;
    }

    /**
     * The output of a layer's MLP, whose neurons have these activations.
     *
     * @param activations F32 [P, F]
     * @return [P, d]
     */
    public Tensor written(int layer, Tensor activations) {
        Linear down = layers.get(layer).down;
        try (var scope = TensorScope.open()) {
            return scope.keep(FloatProduct.linear(activations, Torch.to(down.weight(), DType.F32), down.bias()));
        }
    }

    /** Where the arithmetic is done. */
    public Device device() {
        return model.device();
    }

    /** The model is not this one's to close. */
    @Override
    public void close() {}

    @Override
    public String toString() {
        return "neurons of " + model.directory();
    }
}
