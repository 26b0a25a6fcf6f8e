package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.transcoder.SetFiles.StoredLayer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A transcoder for every layer of a model: per-layer, or cross-layer with features that also write to later layers. L
 * layers of F features, width d, P positions.
 *
 * <p>Weights stay on disk, mapped in whatever type and layout they have; encoding reads a layer's encoder once, in
 * tiles, and everything else reads the rows of the features asked for. All arithmetic and all results are float32, on
 * the device that the set was opened for; results belong to the innermost {@link TensorScope}, else to the caller, and
 * do not depend on the files. Usable from any thread; closing it unmaps the files.
 */
public final class TranscoderSet implements FeatureBasis {
    private final TranscoderConfig config;
    private final Device device;
    private final SetFiles files;
    private final List<LayerTranscoder> layers;
    private final SetMatrices matrices;

    private TranscoderSet(TranscoderConfig config, Device device, SetFiles files) {
        this.config = config;
        this.device = device;
        this.files = files;
        this.layers = files.layers().stream().map(StoredLayer::transcoder).toList();
        matrices = new SetMatrices(device);
    }

    /** Opens a set whose files all lie in its directory. */
    public static TranscoderSet open(Path directory, Device device) {
        return open(directory, device, reference -> {
            throw new HeadwaterException(
                    "%s refers to %s, which has to be fetched first".formatted(directory, reference));
        });
    }

    /**
     * Opens a set and checks every tensor's shape and type against the others; reads vectors, no matrix.
     *
     * @param directory with {@code config.yaml}
     * @param fetched   gives the local file of an {@code hf://org/repo/path?revision=} reference listed in config.yaml
     * @throws HeadwaterException if the configuration, a file or a tensor is missing or does not fit
     */
    public static TranscoderSet open(Path directory, Device device, Function<String, Path> fetched) {
        TranscoderConfig config = TranscoderConfig.read(directory);
        return new TranscoderSet(config, device, SetFiles.open(config, fetched));
    }

    /** {@return what the set's files say of it} */
    public TranscoderConfig config() {
        return config;
    }

    /** {@return per-layer or cross-layer} */
    public TranscoderConfig.Kind kind() {
        return config.kind();
    }

    @Override
    public int layers() {
        return layers.size();
    }

    @Override
    public int features() {
        return layers.getFirst().features();
    }

    /** d, width of the model's residual stream. */
    public int width() {
        return layers.getFirst().width();
    }

    @Override
    public FeatureSite input() {
        return config.input();
    }

    @Override
    public FeatureSite output() {
        return config.output();
    }

    /** {@return where the weights lie} */
    public Device device() {
        return device;
    }

    /** {@return the activation of a layer's features, with its thresholds} */
    public Activation activation(int layer) {
        return layer(layer).activation();
    }

    @Override
    public int lastTarget(int sourceLayer) {
        return sourceLayer + layer(sourceLayer).targets() - 1;
    }

    /** @throws HeadwaterException if a model of so many layers and such a width is not what the set was trained on */
    public void requireMatches(int modelLayers, int modelWidth) {
        if (modelLayers != layers() || modelWidth != width()) {
            throw new HeadwaterException(
                    "The transcoder set %s is for a model of %d layers and width %d%s, but this model has %d layers and width %d"
                            .formatted(
                                    config.directory(),
                                    layers(),
                                    width(),
                                    config.modelName()
                                            .map(name -> " (" + name + ")")
                                            .orElse(""),
                                    modelLayers,
                                    modelWidth));
        }
    }

    /**
     * The active features of a layer.
     *
     * @param x        F32 [P, d] at the input site
     * @param firstRow positions before it (the zero position) get none
     * @throws HeadwaterException if the encoder or x holds a NaN or an infinity
     */
    @Override
    public SparseActivations encode(int layer, Tensor x, int firstRow) {
        requireInput(x);
        try (var _ = TensorScope.open()) {
            return SparseEncoder.encode(
                    layer(layer), matrices.encoder(layer(layer), layer), read(layer, x), firstRow, SparseEncoder.TILE);
        }
    }

    /**
     * All pre-activations x · W_encᵀ + b_enc of a layer [P, F], for few positions or small sets: see {@link #encode}.
     */
    @Override
    public Tensor preActivations(int layer, Tensor x) {
        requireInput(x);
        LayerTranscoder transcoder = layer(layer);
        try (var scope = TensorScope.open()) {
            Tensor weights = Torch.to(Torch.to(transcoder.encoder().view(0, features()), device), DType.F32);
            return scope.keep(Torch.linear(read(layer, x), weights, matrices.vector(transcoder.encoderBias())));
        }
    }

    /** Pre-activations of chosen features at chosen positions, reading the rows of those features only. */
    @Override
    public float[] preActivations(int layer, Tensor x, int[] position, int[] feature) {
        requireInput(x);
        LayerTranscoder transcoder = layer(layer);
        try (var scope = TensorScope.open()) {
            Tensor rows = encoderRows(layer, feature);
            Tensor inputs = TorchShape.indexSelect(
                    read(layer, x), 0, Torch.to(Tensor.ofInts(position, position.length), device));
            float[] products =
                    TorchReduce.sum(Torch.mul(rows, inputs), 1, false).toFloats();
            for (int i = 0; i < products.length; i++) {
                products[i] += transcoder.encoderBias()[feature[i]];
            }
            return products;
        }
    }

    /** What features of a layer read through: rows of W_enc [n, d]. */
    public Tensor encoderRows(int layer, int[] feature) {
        Shipment shipment = new Shipment(device);
        Supplier<Tensor> rows = matrices.encoderRows(layer(layer), layer, feature, shipment);
        shipment.send();
        return rows.get();
    }

    /**
     * What features of a layer write to a layer, rows of W_dec: out[i] = scale[i] · gain · W_dec[feature[i]].
     *
     * @param targetLayer from sourceLayer to {@link #lastTarget}
     * @param scale       n numbers, activations for instance, or null
     * @param gain        F32 [d] or null
     * @param out         F32 [n, d], overwritten
     */
    @Override
    public void decoderRows(
            int sourceLayer,
            int targetLayer,
            int[] feature,
            float @Nullable [] scale,
            @Nullable Tensor gain,
            Tensor out) {
        layer(sourceLayer).decoder(sourceLayer, targetLayer).gather(feature, scale, gain, out);
    }

    @Override
    public void willNeedDecoderRows(int sourceLayer, int targetLayer, int[] feature) {
        layer(sourceLayer).decoder(sourceLayer, targetLayer).willNeed(feature);
    }

    @Override
    public Tensor encoderRows(int layer, int[] feature, int[] position, Tensor x) {
        return encoderRows(layer, feature);
    }

    @Override
    public Supplier<Tensor> encoderRows(int layer, int[] feature, int[] position, Tensor x, Shipment shipment) {
        return matrices.encoderRows(layer(layer), layer, feature, shipment);
    }

    @Override
    public @Nullable ResidentRows residentDecoder(int sourceLayer, int targetLayer) {
        return matrices.residentDecoder(layer(sourceLayer), sourceLayer, targetLayer);
    }

    @Override
    public Residency residency(long room) {
        return SetMatrices.residency(layers, room);
    }

    @Override
    public void keep(Residency residency) {
        matrices.keep(residency);
    }

    @Override
    public boolean dense() {
        return false;
    }

    @Override
    public boolean crossLayer() {
        return kind() == TranscoderConfig.Kind.CROSS_LAYER;
    }

    @Override
    public float[] activations(int layer, Tensor x, int[] feature) {
        // Which features are among a position's largest can only be told from all of them.
        return activation(layer) instanceof Activation.TopK
                ? encode(layer, x, 0).of(feature, (int) x.size(0))
                : activated(layer, x, feature);
    }

    private float[] activated(int layer, Tensor x, int[] feature) {
        float[] values;
        try (var _ = TensorScope.open()) {
            Tensor index = Torch.to(Tensor.ofInts(feature, feature.length), x.device());
            Tensor bias = TorchShape.indexSelect(encoderBias(layer), 0, index);
            values = Torch.linear(read(layer, x), encoderRows(layer, feature), bias)
                    .toFloats();
        }
        float[] threshold = activation(layer) instanceof Activation.JumpRelu(float[] all) ? all : null;
        for (int i = 0; i < values.length; i++) {
            float least = threshold == null ? 0 : threshold[feature[i % feature.length]];
            values[i] = values[i] > least ? values[i] : 0;
        }
        return values;
    }

    /** What features of a layer read of an input: all of it, or in some sets what is left without b_dec. */
    private Tensor read(int layer, Tensor x) {
        return layer(layer).centred() ? Torch.sub(x, bias(layer)) : x;
    }

    /** b_enc [F]. */
    public Tensor encoderBias(int layer) {
        return matrices.vector(layer(layer).encoderBias());
    }

    /** b_dec [d]. */
    public Tensor decoderBias(int layer) {
        return matrices.vector(layer(layer).decoderBias());
    }

    @Override
    public boolean hasSkip(int layer) {
        return layer(layer).skip().isPresent();
    }

    /**
     * The affine skip S [d, d], turned so that it adds x · S to the output, or null if the layer has none. In the files
     * it is W_skipᵀ (per-layer sets), W_skip_i (cross-layer sets) or affine_skip_connection (GemmaScope-2). Read anew
     * on each call.
     */
    @Override
    public @Nullable Tensor skip(int layer) {
        return layer(layer).skip().map(matrix -> matrix.copy(device)).orElse(null);
    }

    /**
     * The set's own output at every layer: activations · W_dec over all layers that write there, plus b_dec, plus the
     * skip.
     *
     * @param activations by layer
     * @param x           F32 [P, d] at the input site, by layer
     * @return F32 [P, d] at the output site, by layer
     */
    @Override
    public List<Tensor> reconstruct(List<SparseActivations> activations, List<Tensor> x) {
        if (activations.size() != layers() || x.size() != layers()) {
            throw new IllegalArgumentException(
                    "a set of %d layers reconstructs as many, not %d activations and %d inputs"
                            .formatted(layers(), activations.size(), x.size()));
        }
        long positions = x.getFirst().size(0);
        try (var scope = TensorScope.open()) {
            // One row a position holds all layers side by side, as a cross-layer feature's decoder row does.
            Tensor all = Tensor.zeros(DType.F32, device, positions, (long) layers() * width());
            for (int layer = 0; layer < layers(); layer++) {
                requireInput(x.get(layer));
                WeightMatrix decoder = layer(layer).decoder();
                Reconstruction.add(
                        activations.get(layer),
                        decoder,
                        matrices.residentDecoder(layer(layer), layer, layer),
                        TorchShape.narrow(all, 1, (long) layer * width(), decoder.columns()));
            }
            List<Tensor> outputs = new ArrayList<>(layers());
            for (int layer = 0; layer < layers(); layer++) {
                Tensor written = TorchShape.narrow(all, 1, (long) layer * width(), width());
                outputs.add(scope.keep(Reconstruction.finished(bias(layer), skip(layer), written, x.get(layer))));
            }
            Reconstruction.requireFinite(outputs, 0, config.directory());
            return outputs;
        }
    }

    /**
     * The set's own output at one layer, as {@link #reconstruct(List, List)} has it, for a pass that has come as far.
     *
     * @param below activations of the layers up to this one; of a per-layer set only the last are looked at
     * @param x     F32 [P, d] at this layer's input site
     * @return F32 [P, d]
     */
    public Tensor reconstruct(int layer, List<SparseActivations> below, Tensor x) {
        requireInput(x);
        try (var scope = TensorScope.open()) {
            Tensor written = Tensor.zeros(DType.F32, device, x.size(0), width());
            for (int source = crossLayer() ? 0 : layer; source <= layer; source++) {
                LayerTranscoder from = layer(source);
                Reconstruction.add(
                        below.get(source),
                        from.decoder(source, layer),
                        matrices.residentDecoder(from, source, layer),
                        written);
            }
            Tensor output = Reconstruction.finished(bias(layer), skip(layer), written, x);
            Reconstruction.requireFinite(List.of(output), layer, config.directory());
            return scope.keep(output);
        }
    }

    private Tensor bias(int layer) {
        return matrices.decoderBias(layer(layer), layer);
    }

    private void requireInput(Tensor x) {
        if (x.rank() != 2
                || x.size(1) != width()
                || x.dtype() != DType.F32
                || !x.device().equals(device)) {
            throw new IllegalArgumentException("transcoders read F32 [positions, %d] on %s, not %s %s on %s"
                    .formatted(width(), device, x.dtype(), Arrays.toString(x.shape()), x.device()));
        }
    }

    private LayerTranscoder layer(int layer) {
        if (layer < 0 || layer >= layers.size()) {
            throw new IllegalArgumentException("layer %d of %d".formatted(layer, layers.size()));
        }
        return layers.get(layer);
    }

    List<StoredLayer> stored() {
        return files.layers();
    }

    @Override
    public void close() {
        matrices.close();
        files.close();
    }

    @Override
    public String toString() {
        return "%s: %s of %d layers, %d features, width %d"
                .formatted(config.directory(), config.kind().modelKind(), layers(), features(), width());
    }
}
