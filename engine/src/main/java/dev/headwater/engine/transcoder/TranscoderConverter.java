package dev.headwater.engine.transcoder;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.AtomicDirectory;
import dev.headwater.engine.transcoder.SetFiles.StoredLayer;
import dev.headwater.engine.transcoder.TranscoderConfig.ActivationName;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import dev.headwater.engine.weights.WeightFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;

/**
 * Rewrites a set so that the rows of a feature lie together: {@code layer_i.safetensors} for a per-layer set,
 * {@code W_enc_i.safetensors} and {@code W_dec_i.safetensors} for a cross-layer one, with a config.yaml. Every number keeps
 * its type and bits; memory is bounded whatever the size of the set.
 */
public final class TranscoderConverter {
    /** Bytes of a matrix that are turned at a time. */
    private static final long TILE = 32L << 20;

    /** A tensor of the new set and where it comes from: a vector's name in a file, or a matrix. */
    private sealed interface Source {
        record Vector(WeightFile file, String name) implements Source {}

        record Matrix(WeightMatrix matrix) implements Source {}
    }

    private final TranscoderSet set;
    private final Path directory;
    private final Progress progress;
    private long bytes;

    private TranscoderConverter(TranscoderSet set, Path directory, Progress progress) {
        this.set = set;
        this.directory = directory;
        this.progress = progress;
    }

    /**
     * @param target   a directory that does not exist yet; it appears when all is written
     * @param progress hears bytes
     * @throws UsageException      if the target exists
     * @throws HeadwaterException  if it cannot be written; nothing is left behind then
     */
    public static void convert(TranscoderSet set, Path target, Progress progress) {
        requireSayable(set);
        try (AtomicDirectory whole = AtomicDirectory.create(target)) {
            try {
                new TranscoderConverter(set, whole.path(), progress).write();
            } catch (IOException failure) {
                throw whole.failure(failure);
            }
            whole.commit();
        }
    }

    /** The layout that is written has no words for some things that other libraries' sets do. */
    private static void requireSayable(TranscoderSet set) {
        boolean reads = set.config().format() == TranscoderConfig.Format.SPARSIFY_CENTRED
                || set.activation(0) instanceof Activation.TopK(int _, boolean positive) && positive;
        if (reads) {
            throw new UsageException(
                    "%s has features that the target's layout cannot describe (a ReLU before TopK, or an input less the decoder's bias); the rows of a feature lie together in it already"
                            .formatted(set.config().directory()));
        }
    }

    private void write() throws IOException {
        long total = 0;
        for (int layer = 0; layer < set.layers(); layer++) {
            for (var file : files(layer).values()) {
                total += file.entrySet().stream()
                        .mapToLong(tensor ->
                                info(tensor.getKey(), tensor.getValue()).bytes())
                        .sum();
            }
        }
        long free = Files.getFileStore(directory).getUsableSpace();
        if (total > free) {
            throw new HeadwaterException("The converted set needs %,d MiB, but the disk of %s has %,d MiB free"
                    .formatted(total >> 20, directory.getParent(), free >> 20));
        }
        progress.phase("Converting transcoders", total);
        for (int layer = 0; layer < set.layers(); layer++) {
            Map<String, String> metadata = set.stored().get(layer).file().metadata();
            for (var file : files(layer).entrySet()) {
                write(directory.resolve(file.getKey()), file.getValue(), metadata);
            }
        }
        Files.writeString(directory.resolve("config.yaml"), config());
    }

    /** The new files of a layer, by name, and their tensors. */
    private Map<String, Map<String, Source>> files(int layer) {
        StoredLayer stored = set.stored().get(layer);
        LayerTranscoder transcoder = stored.transcoder();
        LayerLayout from = stored.layout();
        boolean perLayer = set.kind() == Kind.PER_LAYER;
        LayerLayout to = perLayer ? LayerLayout.PER_LAYER : LayerLayout.crossLayer(layer);
        Map<String, Source> tensors = new LinkedHashMap<>();
        tensors.put(to.encoder(), new Source.Matrix(transcoder.encoder()));
        copy(stored.file(), from.encoderBias(), tensors, to.encoderBias());
        copy(stored.file(), from.decoderBias(), tensors, to.decoderBias());
        copy(stored.file(), from.threshold(), tensors, to.threshold());
        copy(stored.file(), LayerLayout.K, tensors, LayerLayout.K);
        transcoder
                .skip()
                .ifPresent(skip ->
                        tensors.put(to.skip(), new Source.Matrix(to.skipTransposed() ? skip.transpose() : skip)));
        Source decoder = new Source.Matrix(transcoder.decoder());
        Map<String, Map<String, Source>> files = new LinkedHashMap<>();
        if (perLayer) {
            tensors.put(to.decoder(), decoder);
            files.put("layer_" + layer + ".safetensors", tensors);
        } else {
            files.put("W_enc_" + layer + ".safetensors", tensors);
            files.put("W_dec_" + layer + ".safetensors", Map.of(to.decoder(), decoder));
        }
        return files;
    }

    private static void copy(WeightFile file, String name, Map<String, Source> tensors, String newName) {
        if (file.has(name)) {
            tensors.put(newName, new Source.Vector(file, name));
        }
    }

    private TensorInfo info(String name, Source source) {
        return switch (source) {
            case Source.Vector(WeightFile file, String old) ->
                TensorInfo.of(name, file.info(old).dtype(), file.info(old).shape());
            case Source.Matrix(WeightMatrix matrix) -> {
                boolean slices = set.kind() == Kind.CROSS_LAYER && name.startsWith("W_dec");
                yield slices
                        ? TensorInfo.of(
                                name, matrix.dtype(), matrix.rows(), matrix.columns() / set.width(), set.width())
                        : TensorInfo.of(name, matrix.dtype(), matrix.rows(), matrix.columns());
            }
        };
    }

    private void write(Path path, Map<String, Source> tensors, Map<String, String> metadata) {
        List<TensorInfo> infos = tensors.entrySet().stream()
                .map(tensor -> info(tensor.getKey(), tensor.getValue()))
                .toList();
        try (var out = SafetensorsWriter.create(path, infos, metadata)) {
            tensors.forEach((name, source) -> {
                switch (source) {
                    case Source.Vector(WeightFile file, String old) -> {
                        out.write(name, file.unaligned(old));
                        advance(file.info(old).bytes());
                    }
                    case Source.Matrix(WeightMatrix matrix) -> write(out, name, matrix);
                }
            });
            out.commit();
        }
    }

    private void write(SafetensorsWriter out, String name, WeightMatrix matrix) {
        long tile = Math.max(1, TILE / (matrix.columns() * matrix.dtype().bytes()));
        for (long row = 0; row < matrix.rows(); row += tile) {
            try (var scope = TensorScope.open()) {
                Tensor rows = Torch.contiguous(matrix.view(row, Math.min(tile, matrix.rows() - row)));
                out.write(name, rows.data());
                advance(rows.data().byteSize());
            }
        }
    }

    private void advance(long written) {
        bytes += written;
        progress.advance(bytes);
        if (progress.cancelled()) {
            throw new CancellationException("conversion cancelled");
        }
    }

    private String config() {
        TranscoderConfig config = set.config();
        Map<String, Object> keys = new LinkedHashMap<>();
        config.modelName().ifPresent(name -> keys.put("model_name", name));
        keys.put("model_kind", config.kind().modelKind());
        keys.put("feature_input_hook", config.input().hookName());
        keys.put("feature_output_hook", config.output().hookName());
        config.activation().ifPresent(activation -> keys.put("activation", activation.key()));
        config.k().ifPresent(k -> keys.put("k", k));
        if (set.activation(0) instanceof Activation.TopK(int k, boolean _)) {
            // Readers that do not look for a tensor k find it here, if it is one for all layers.
            keys.putIfAbsent("activation", ActivationName.TOPK.key());
            if (Stream.iterate(0, layer -> layer + 1)
                    .limit(set.layers())
                    .allMatch(layer -> set.activation(layer).equals(set.activation(0)))) {
                keys.putIfAbsent("k", k);
            }
        }
        config.scan().ifPresent(scan -> keys.put("scan", scan));
        config.revision().ifPresent(revision -> keys.put("revision", revision));
        return ConfigText.of(keys);
    }
}
