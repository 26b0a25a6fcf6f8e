package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.AtomicDirectory;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.transcoder.TranscoderConfig.ActivationName;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Writes a set of transcoders layer by layer, in the layout that {@link TranscoderSet} and the public circuit-tracing library read
 * (reference section 1.5): {@code layer_i.safetensors}, or {@code W_enc_i} and {@code W_dec_i.safetensors} of a cross-layer set,
 * with {@code config.yaml} and a README that says where the set is from. Its directory appears with {@link #commit}, whole;
 * closing without that leaves nothing behind. Holds one layer's tiles, no layer. For one thread.
 *
 * <p>That library (0.5.0) takes TopK for ReLU and leaves out a cross-layer set's skip; Headwater reads both.
 */
public final class TranscoderSetWriter implements AutoCloseable {
    /** Numbers of a matrix that are turned into the set's type at a time: 16 MiB of float32. */
    private static final long TILE = 4L << 20;

    /**
     * What all layers have in common.
     *
     * @param modelName the model that the set was trained on, as the hub names it or as a path
     * @param layers    L
     * @param features  F, of a layer
     * @param width     d, of the model's residual stream
     * @param dtype     of the matrices in the files: F32, BF16 or F16; vectors are F32
     */
    public record Description(
            String modelName,
            Kind kind,
            FeatureSite input,
            FeatureSite output,
            int layers,
            int features,
            int width,
            DType dtype) {
        public Description {
            if (!input.isInput() || output.isInput()) {
                throw new IllegalArgumentException("transcoders read at an input site and write at an output site, not "
                        + input.hookName() + " and " + output.hookName());
            }
            if (layers < 1 || features < 1 || width < 1) {
                throw new IllegalArgumentException(
                        "a set of %d layers, %d features and width %d".formatted(layers, features, width));
            }
            if (dtype != DType.F32 && dtype != DType.BF16 && dtype != DType.F16) {
                throw new IllegalArgumentException("sets are written in F32, BF16 or F16, not " + dtype);
            }
        }

        /** Layers that features of a layer write to. */
        private int targets(int layer) {
            return kind == Kind.PER_LAYER ? 1 : layers - layer;
        }

        /** Bytes of the matrices without skips. */
        private long bytes() {
            long rows = layers;
            for (int layer = 0; layer < layers; layer++) {
                rows += targets(layer);
            }
            return rows * features * width * dtype.bytes();
        }
    }

    /**
     * One layer.
     *
     * @param encoder     F32 [F, d], any device
     * @param encoderBias [F]
     * @param activation  what BatchTopK becomes for readers is {@link Activation.JumpRelu}
     * @param decoder     F32 [F, d], or for a cross-layer set [F, L - i, d]: what a feature writes to its own layer and each later one
     * @param decoderBias [d]
     * @param skip        F32 [d, d], S in x · S, or null for none
     */
    public record Layer(
            Tensor encoder,
            float[] encoderBias,
            Activation activation,
            Tensor decoder,
            float[] decoderBias,
            @Nullable Tensor skip) {}

    private final Description description;
    private final AtomicDirectory directory;
    private OptionalInt k = OptionalInt.empty();
    private int written;

    private TranscoderSetWriter(Description description, AtomicDirectory directory) {
        this.description = description;
        this.directory = directory;
    }

    /**
     * Begins a set.
     *
     * @param target a directory that does not exist yet
     * @throws UsageException     if the target exists
     * @throws HeadwaterException if it cannot be made, or the disk has no room for such a set
     */
    public static TranscoderSetWriter create(Path target, Description description) {
        AtomicDirectory directory = AtomicDirectory.create(target);
        try {
            long free = Files.getFileStore(directory.path()).getUsableSpace();
            if (description.bytes() > free) {
                throw new HeadwaterException("The set of transcoders needs %,d MiB, but the disk of %s has %,d MiB free"
                        .formatted(description.bytes() >> 20, target, free >> 20));
            }
            return new TranscoderSetWriter(description, directory);
        } catch (IOException failure) {
            directory.close();
            throw directory.failure(failure);
        } catch (RuntimeException | Error failure) {
            directory.close();
            throw failure;
        }
    }

    /**
     * Writes the next layer; the first is layer 0.
     *
     * @throws IllegalArgumentException if a shape is not the description's, or all layers are written
     * @throws UsageException           if the layout has no words for the activation: a ReLU before TopK, or another k than the
     *                                  layers before
     * @throws HeadwaterException       if a number is not finite in the set's type, or the disk is full
     */
    public void write(Layer layer) {
        int i = written;
        check(i, layer);
        if (i == 0 && layer.activation() instanceof Activation.TopK(int first, boolean _)) {
            k = OptionalInt.of(first);
        }
        LayerLayout names = description.kind() == Kind.PER_LAYER ? LayerLayout.PER_LAYER : LayerLayout.crossLayer(i);
        Map<String, Tensor> matrices = new LinkedHashMap<>();
        Map<String, float[]> vectors = new LinkedHashMap<>();
        matrices.put(names.encoder(), layer.encoder());
        vectors.put(names.encoderBias(), layer.encoderBias());
        vectors.put(names.decoderBias(), layer.decoderBias());
        if (layer.activation() instanceof Activation.JumpRelu(float[] threshold)) {
            vectors.put(names.threshold(), threshold);
        }
        try (var _ = TensorScope.open()) {
            if (layer.skip() != null && names.skip() != null) {
                matrices.put(names.skip(), names.skipTransposed() ? TorchShape.t(layer.skip()) : layer.skip());
            }
            if (description.kind() == Kind.PER_LAYER) {
                matrices.put(names.decoder(), layer.decoder());
                write("layer_" + i + ".safetensors", matrices, vectors);
            } else {
                write("W_enc_" + i + ".safetensors", matrices, vectors);
                write("W_dec_" + i + ".safetensors", Map.of(names.decoder(), layer.decoder()), Map.of());
            }
        }
        written++;
    }

    private void check(int i, Layer layer) {
        if (i == description.layers()) {
            throw new IllegalArgumentException("all %d layers are written".formatted(i));
        }
        long[] matrix = {description.features(), description.width()};
        long[] slices = {description.features(), description.targets(i), description.width()};
        require("encoder", layer.encoder(), matrix);
        require("decoder", layer.decoder(), description.kind() == Kind.PER_LAYER ? matrix : slices);
        if (layer.skip() != null) {
            require("skip", layer.skip(), description.width(), description.width());
        }
        require("encoder's bias", layer.encoderBias(), description.features());
        require("decoder's bias", layer.decoderBias(), description.width());
        switch (layer.activation()) {
            case Activation.Relu() -> {}
            case Activation.JumpRelu(float[] threshold) -> require("thresholds", threshold, description.features());
            case Activation.TopK(int _, boolean positive)
            when positive ->
                throw new UsageException(
                        "features with a ReLU before TopK cannot be written: the layout has no words for that; write TopK or JumpReLU");
            case Activation.TopK(int number, boolean _) -> {
                if (i > 0 && (k.isEmpty() || k.getAsInt() != number)) {
                    throw new UsageException("layer %d has k = %d and layer 0 has %s, and the layout has one k for all"
                            .formatted(i, number, k.isEmpty() ? "no TopK" : "k = " + k.getAsInt()));
                }
            }
        }
        if (k.isPresent() && !(layer.activation() instanceof Activation.TopK)) {
            throw new UsageException(
                    "layer %d has no TopK and layer 0 has one, and the layout has one activation for all".formatted(i));
        }
    }

    private static void require(String what, Tensor tensor, long... shape) {
        if (tensor.dtype() != DType.F32 || !Arrays.equals(tensor.shape(), shape)) {
            throw new IllegalArgumentException("the %s is F32 %s, not %s %s"
                    .formatted(what, Arrays.toString(shape), tensor.dtype(), Arrays.toString(tensor.shape())));
        }
    }

    private static void require(String what, float[] vector, int length) {
        if (vector.length != length) {
            throw new IllegalArgumentException("the %s has %d numbers, not %d".formatted(what, vector.length, length));
        }
    }

    private void write(String file, Map<String, Tensor> matrices, Map<String, float[]> vectors) {
        List<TensorInfo> infos = new ArrayList<>();
        matrices.forEach((name, matrix) -> infos.add(TensorInfo.of(name, description.dtype(), matrix.shape())));
        vectors.forEach((name, vector) -> infos.add(TensorInfo.of(name, DType.F32, vector.length)));
        try (var out = SafetensorsWriter.create(directory.path().resolve(file), infos, Map.of())) {
            matrices.forEach((name, matrix) -> write(out, name, matrix));
            vectors.forEach((name, vector) -> {
                for (float value : vector) {
                    if (!Float.isFinite(value)) {
                        throw notFinite(name);
                    }
                }
                out.write(name, vector);
            });
            out.commit();
        }
    }

    private void write(SafetensorsWriter out, String name, Tensor matrix) {
        long rows = matrix.size(0);
        long tile = Math.max(1, TILE * rows / matrix.numel());
        for (long row = 0; row < rows; row += tile) {
            try (var _ = TensorScope.open()) {
                Tensor some = Torch.to(TorchShape.narrow(matrix, 0, row, Math.min(tile, rows - row)), Device.CPU);
                Tensor stored = Torch.contiguous(Torch.to(some, description.dtype()));
                Tensor flat = TorchShape.reshape(Torch.to(stored, DType.F32), -1);
                // The difference from itself is 0 of all that are finite.
                if (TorchReduce.sum(Torch.sub(flat, flat), 0, false).item() != 0) {
                    throw notFinite(name);
                }
                out.write(name, stored.data());
            }
        }
    }

    private HeadwaterException notFinite(String name) {
        return new HeadwaterException(
                "Layer %d of the set of transcoders holds a NaN or an infinity in '%s', or a number too large for %s; nothing is written"
                        .formatted(written, name, description.dtype()));
    }

    /**
     * Finishes the set: config.yaml, the README, and its name.
     *
     * @param provenance what the README says in its table below the sizes, in this order: corpus and its hash, tokens, settings,
     *                   figures
     * @throws IllegalStateException if layers are missing
     * @throws UsageException        if the target has come to exist
     */
    public void commit(Map<String, String> provenance) {
        if (written != description.layers()) {
            throw new IllegalStateException("%d of %d layers are written".formatted(written, description.layers()));
        }
        try {
            Files.writeString(directory.path().resolve(TranscoderConfig.FILE), config());
            Files.writeString(
                    directory.path().resolve("README.md"), SetReadme.of(directory.name(), description, k, provenance));
        } catch (IOException failure) {
            throw directory.failure(failure);
        }
        directory.commit();
    }

    private String config() {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("model_name", description.modelName());
        keys.put("model_kind", description.kind().modelKind());
        keys.put("feature_input_hook", description.input().hookName());
        keys.put("feature_output_hook", description.output().hookName());
        if (k.isPresent()) { // a tensor k, which other sets have, keeps the public library from loading
            keys.put("activation", ActivationName.TOPK.key());
            keys.put("k", k.getAsInt());
        }
        keys.put("scan", directory.name());
        return ConfigText.of(keys);
    }

    @Override
    public void close() {
        directory.close();
    }
}
