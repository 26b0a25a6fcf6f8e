package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.transcoder.TranscoderConfig.ActivationName;
import dev.headwater.engine.transcoder.TranscoderConfig.Format;
import dev.headwater.engine.weights.TensorInfo;
import dev.headwater.engine.weights.WeightFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * How the tensors of one layer are named and turned in one of the published layouts.
 *
 * @param encoderTransposed the encoder is [d, F], not [F, d]
 * @param allTargets        a cross-layer decoder is [F, L, d] with the layers before its own unused, not [F, L-i, d]
 * @param skip              null if the layout has none
 * @param skipTransposed    the skip is x · Wᵀ, not x · W
 */
record LayerLayout(
        String encoder,
        boolean encoderTransposed,
        String encoderBias,
        String decoder,
        boolean allTargets,
        String decoderBias,
        String threshold,
        @Nullable String skip,
        boolean skipTransposed) {
    /** {@code layer_i.safetensors}. */
    static final LayerLayout PER_LAYER = new LayerLayout(
            "W_enc", false, "b_enc", "W_dec", false, "b_dec", "activation_function.threshold", "W_skip", true);
    /** EleutherAI's {@code sae.safetensors}. */
    static final LayerLayout SPARSIFY = new LayerLayout(
            "encoder.weight", false, "encoder.bias", "W_dec", false, "b_dec", "threshold", "W_skip", true);
    /** SAELens' {@code sae_weights.safetensors}. */
    static final LayerLayout SAE_LENS =
            new LayerLayout("W_enc", true, "b_enc", "W_dec", false, "b_dec", "threshold", "W_skip", true);
    /** GemmaScope's {@code params.npz}. */
    static final LayerLayout GEMMA_SCOPE =
            new LayerLayout("W_enc", true, "b_enc", "W_dec", false, "b_dec", "threshold", null, false);
    /** GemmaScope-2's {@code params.safetensors}. */
    static final LayerLayout GEMMA_SCOPE_2 = new LayerLayout(
            "w_enc", true, "b_enc", "w_dec", true, "b_dec", "threshold", "affine_skip_connection", false);
    /** Active features of a position as a tensor with one number, in any layout. */
    static final String K = "k";

    private static final int MAX_WIDTH = 1 << 20;
    private static final List<String> MATRIX_TYPES = List.of("F32", "BF16", "F16", "F64");

    /** {@code W_enc_i.safetensors} and {@code W_dec_i.safetensors}. */
    static LayerLayout crossLayer(int layer) {
        return new LayerLayout(
                "W_enc_" + layer,
                false,
                "b_enc_" + layer,
                "W_dec_" + layer,
                false,
                "b_dec_" + layer,
                "threshold_" + layer,
                "W_skip_" + layer,
                false);
    }

    /**
     * Checks every tensor of a layer against the others and reads the vectors.
     *
     * @param encoders the file with all tensors but the decoder
     * @param decoders the file with the decoder, often the same
     * @param layers   number of layers of the set
     */
    LayerTranscoder read(WeightFile encoders, WeightFile decoders, int layer, int layers, TranscoderConfig config) {
        float[] encoderBias = vector(encoders, encoderBias(), -1);
        float[] decoderBias = vector(encoders, decoderBias(), -1);
        int features = encoderBias.length;
        int width = decoderBias.length;
        if (features == 0 || width == 0 || width > MAX_WIDTH) {
            throw new HeadwaterException(
                    "%s: '%s' and '%s' say that the transcoder has %d features of width %d, which cannot be"
                            .formatted(encoders.path(), encoderBias(), decoderBias(), features, width));
        }
        if (encoderTransposed) {
            matrix(encoders, encoder, width, features);
        } else {
            matrix(encoders, encoder, features, width);
        }
        WeightMatrix encoderRows = encoderTransposed
                ? WeightMatrix.transposed(encoders, encoder, features, width)
                : WeightMatrix.stored(encoders, encoder, features, width);
        return new LayerTranscoder(
                encoderRows,
                encoderBias,
                activation(encoders, features, config),
                decoder(decoders, features, width, layer, layers, config),
                decoderBias,
                skip(encoders, width),
                config.format() == Format.SPARSIFY_CENTRED);
    }

    private WeightMatrix decoder(
            WeightFile file, int features, int width, int layer, int layers, TranscoderConfig config) {
        if (config.kind() == TranscoderConfig.Kind.PER_LAYER) {
            matrix(file, decoder, features, width);
            return WeightMatrix.stored(file, decoder, features, width);
        }
        int slices = allTargets ? layers : layers - layer;
        matrix(file, decoder, features, slices, width);
        return WeightMatrix.slices(file, decoder, features, slices, width, allTargets ? layer : 0);
    }

    private Optional<WeightMatrix> skip(WeightFile file, int width) {
        if (skip == null || !file.has(skip)) {
            return Optional.empty();
        }
        matrix(file, skip, width, width);
        return Optional.of(
                skipTransposed
                        ? WeightMatrix.transposed(file, skip, width, width)
                        : WeightMatrix.stored(file, skip, width, width));
    }

    /** Thresholds and k speak for themselves; what config.yaml states must not contradict them. */
    private Activation activation(WeightFile file, int features, TranscoderConfig config) {
        boolean hasThresholds = file.has(threshold);
        file.names().stream()
                .filter(name -> name.contains("threshold") && !name.equals(threshold))
                .findFirst()
                .ifPresent(name -> {
                    throw new HeadwaterException("%s holds '%s', but thresholds of this layout are called '%s'"
                            .formatted(file.path(), name, threshold));
                });
        ActivationName name = config.activation()
                .orElse(
                        hasThresholds
                                ? ActivationName.JUMP_RELU
                                : file.has(K) ? ActivationName.TOPK : ActivationName.RELU);
        if (hasThresholds != (name == ActivationName.JUMP_RELU)) {
            throw new HeadwaterException("%s says activation %s, but %s %s"
                    .formatted(
                            config.file(),
                            name.key(),
                            file.path(),
                            hasThresholds
                                    ? "holds thresholds, which make it jump_relu"
                                    : "holds no '" + threshold + "'"));
        }
        return switch (name) {
            case RELU -> new Activation.Relu();
            case JUMP_RELU -> {
                float[] thresholds = vector(file, threshold, features);
                if (config.format() == Format.SAE_LENS) {
                    notNegative(thresholds);
                }
                yield new Activation.JumpRelu(thresholds);
            }
            case TOPK -> new Activation.TopK(k(file, features, config), config.format() != Format.CIRCUIT_TRACER);
        };
    }

    /** Where a ReLU is in front of the threshold, what is below 0 stays out whatever the threshold. */
    private static void notNegative(float[] thresholds) {
        for (int i = 0; i < thresholds.length; i++) {
            thresholds[i] = Math.max(thresholds[i], 0);
        }
    }

    private static int k(WeightFile file, int features, TranscoderConfig config) {
        OptionalInt known = config.k().isPresent() ? config.k() : config.assumedK();
        if (known.isEmpty() && !file.has(K)) {
            throw new HeadwaterException(
                    "%s says activation topk, but gives no k, and %s has no tensor '%s'; write the number into the file, as in \"k: 128\""
                            .formatted(config.file(), file.path(), K));
        }
        long k = file.has(K) && config.k().isEmpty() ? number(file) : known.getAsInt();
        if (k < 1 || k > features) {
            throw new HeadwaterException(
                    "k = %d is not between 1 and the %d features of %s".formatted(k, features, file.path()));
        }
        return (int) k;
    }

    private static long number(WeightFile file) {
        TensorInfo info = file.info(K);
        if (info.elements() != 1 || info.dtype() == DType.BOOL) {
            throw new HeadwaterException("%s: tensor '%s' is not one number".formatted(file.path(), info));
        }
        if (info.dtype().isFloating()) {
            return (long) file.floats(K)[0];
        }
        MemorySegment data = file.data(K);
        return switch (info.dtype()) {
            case I64 -> data.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
            case I32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
            case I16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0);
            case U8 -> data.get(ValueLayout.JAVA_BYTE, 0) & 0xFF;
            default -> data.get(ValueLayout.JAVA_BYTE, 0);
        };
    }

    /** @param length expected, or -1 for any */
    private static float[] vector(WeightFile file, String name, long length) {
        TensorInfo info = file.info(name);
        if (info.rank() != 1 || length >= 0 && info.size(0) != length) {
            throw shape(file, info, length < 0 ? "a vector" : "[" + length + "]");
        }
        return file.finiteFloats(name);
    }

    private static void matrix(WeightFile file, String name, long... shape) {
        TensorInfo info = file.info(name);
        if (!Arrays.equals(info.shape(), shape)) {
            throw shape(file, info, Arrays.toString(shape) + ", as the biases have it");
        }
        if (!MATRIX_TYPES.contains(info.type())) {
            throw new HeadwaterException("%s: tensor '%s' holds %s, but %s is needed here"
                    .formatted(file.path(), name, info.type(), String.join(", ", MATRIX_TYPES)));
        }
    }

    private static HeadwaterException shape(WeightFile file, TensorInfo info, String expected) {
        return new HeadwaterException("%s: tensor '%s' has shape %s, not %s"
                .formatted(file.path(), info.name(), Arrays.toString(info.shape()), expected));
    }
}
