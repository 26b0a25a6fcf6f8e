package dev.headwater.engine.transcoder;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.weights.NpzFile;
import dev.headwater.engine.weights.SafetensorsFile;
import dev.headwater.engine.weights.WeightFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The open files of a set, and its layers as they are stored there. */
final class SetFiles implements AutoCloseable {
    private static final Pattern LAYER = Pattern.compile("layer_(\\d{1,4})\\.safetensors");
    private static final Pattern ENCODER = Pattern.compile("W_enc_(\\d{1,4})\\.safetensors");

    /** A layer, its layout, and the file of everything but the decoder. */
    record StoredLayer(LayerTranscoder transcoder, LayerLayout layout, WeightFile file) {}

    private final List<WeightFile> open = new ArrayList<>();
    private final List<StoredLayer> layers = new ArrayList<>();

    private SetFiles() {}

    static SetFiles open(TranscoderConfig config, Function<String, Path> fetched) {
        SetFiles files = new SetFiles();
        try {
            if (!config.transcoders().isEmpty()) {
                files.openListed(config, config.files(fetched));
            } else if (config.kind() == Kind.PER_LAYER) {
                files.openPerLayer(config);
            } else {
                files.openCrossLayer(config);
            }
            files.requireAlike();
            return files;
        } catch (Throwable failure) {
            files.close();
            throw failure;
        }
    }

    List<StoredLayer> layers() {
        return layers;
    }

    private void openListed(TranscoderConfig config, List<Path> paths) {
        for (int layer = 0; layer < paths.size(); layer++) {
            WeightFile file = open(paths.get(layer));
            LayerLayout layout = layout(file, config);
            if (config.kind() == Kind.CROSS_LAYER && !layout.equals(LayerLayout.GEMMA_SCOPE_2)) {
                throw new HeadwaterException(
                        "%s has no tensor '%s', which each file listed under transcoders of a cross-layer set needs; sets of W_enc_i and W_dec_i files list none"
                                .formatted(file.path(), LayerLayout.GEMMA_SCOPE_2.encoder()));
            }
            add(layout, file, file, layer, paths.size(), config);
        }
    }

    /** The names tell the layouts apart: configs of GemmaScope-2 sets often do not. */
    private static LayerLayout layout(WeightFile file, TranscoderConfig config) {
        return switch (config.format()) {
            case CIRCUIT_TRACER -> layout(file);
            case SPARSIFY, SPARSIFY_CENTRED -> LayerLayout.SPARSIFY;
            case SAE_LENS -> LayerLayout.SAE_LENS;
        };
    }

    private static LayerLayout layout(WeightFile file) {
        return file instanceof NpzFile
                ? LayerLayout.GEMMA_SCOPE
                : file.has(LayerLayout.GEMMA_SCOPE_2.encoder()) ? LayerLayout.GEMMA_SCOPE_2 : LayerLayout.PER_LAYER;
    }

    private void openPerLayer(TranscoderConfig config) {
        int count = contiguous(config, LAYER, "layer_%d.safetensors");
        for (int layer = 0; layer < count; layer++) {
            WeightFile file = open(config.directory().resolve("layer_" + layer + ".safetensors"));
            add(layout(file, config), file, file, layer, count, config);
        }
    }

    private void openCrossLayer(TranscoderConfig config) {
        int count = contiguous(config, ENCODER, "W_enc_%d.safetensors");
        for (int layer = 0; layer < count; layer++) {
            WeightFile encoder = open(config.directory().resolve("W_enc_" + layer + ".safetensors"));
            WeightFile decoder = open(config.directory().resolve("W_dec_" + layer + ".safetensors"));
            add(LayerLayout.crossLayer(layer), encoder, decoder, layer, count, config);
        }
    }

    private void add(
            LayerLayout layout, WeightFile encoder, WeightFile decoder, int layer, int count, TranscoderConfig config) {
        layers.add(new StoredLayer(layout.read(encoder, decoder, layer, count, config), layout, encoder));
    }

    private WeightFile open(Path path) {
        WeightFile file =
                path.getFileName().toString().endsWith(".npz") ? NpzFile.open(path) : SafetensorsFile.open(path);
        open.add(file);
        return file;
    }

    /** Number of layers, which must run from 0 without a gap. */
    private static int contiguous(TranscoderConfig config, Pattern pattern, String name) {
        TreeSet<Integer> found = new TreeSet<>();
        try (Stream<Path> entries = Files.list(config.file().toAbsolutePath().getParent())) {
            entries.map(entry -> pattern.matcher(entry.getFileName().toString()))
                    .filter(Matcher::matches)
                    .forEach(match -> found.add(Integer.valueOf(match.group(1))));
        } catch (IOException failure) {
            throw new HeadwaterException(
                    "Cannot list %s: %s".formatted(config.directory(), failure.getMessage()), failure);
        }
        if (found.isEmpty()) {
            throw new HeadwaterException(
                    "%s holds no weights: for model_kind %s without a list of transcoders, %s is expected there"
                            .formatted(config.directory(), config.kind().modelKind(), name.formatted(0)));
        }
        if (found.last() != found.size() - 1) {
            int missing = 0;
            while (found.contains(missing)) {
                missing++;
            }
            throw new HeadwaterException("%s has %s but not %s; the download may be incomplete"
                    .formatted(config.directory(), name.formatted(found.last()), name.formatted(missing)));
        }
        return found.size();
    }

    private void requireAlike() {
        StoredLayer first = layers.getFirst();
        for (StoredLayer layer : layers) {
            LayerTranscoder a = first.transcoder();
            LayerTranscoder b = layer.transcoder();
            if (a.features() != b.features() || a.width() != b.width()) {
                throw new HeadwaterException(
                        "All layers of a set need the same size, but %s has %d features of width %d and %s has %d of width %d"
                                .formatted(
                                        first.file().path(),
                                        a.features(),
                                        a.width(),
                                        layer.file().path(),
                                        b.features(),
                                        b.width()));
            }
        }
    }

    @Override
    public void close() {
        open.forEach(WeightFile::close);
    }
}
