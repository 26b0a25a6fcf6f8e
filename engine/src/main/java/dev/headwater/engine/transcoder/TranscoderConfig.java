package dev.headwater.engine.transcoder;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedYaml;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.hub.KnownModels;
import dev.headwater.engine.model.FeatureSite;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * What {@code config.yaml} of a transcoder set says. A key that is neither read nor known to say nothing is refused,
 * unless its value asks for nothing; sizes follow from the tensors.
 *
 * @param file        the file itself, for messages
 * @param modelName   the model that the set was trained on, as the hub names it
 * @param input       where features read
 * @param output      where features write
 * @param activation  stated activation; if absent it follows from the tensors
 * @param k           active features a position, for TopK
 * @param transcoders files by layer, relative to the directory or {@code hf://} references; empty if they go by their
 *      usual names
 * @param scan        name under which feature evidence is published
 * @param format      whose files they are
 */
public record TranscoderConfig(
        Path file,
        Kind kind,
        FeatureSite input,
        FeatureSite output,
        Optional<String> modelName,
        Optional<ActivationName> activation,
        OptionalInt k,
        List<String> transcoders,
        Optional<String> scan,
        Optional<String> revision,
        Format format) {
    /** The file's name. */
    public static final String FILE = "config.yaml";

    /** Where {@link #read} looks, as patterns for paths in a set's directory. */
    public static final List<String> FILES = List.of(FILE, "*/" + FolderSet.FILE);

    private static final int MAX_LAYERS = 1024;

    /** Keys that are read here. */
    static final Set<String> USED = Set.of(
            "model_name",
            "model_kind",
            "feature_input_hook",
            "feature_output_hook",
            "transcoders",
            "activation",
            "k",
            "scan",
            "revision",
            "special_load_fn");

    /** Keys that change no number: where a set is from, how it was trained and is loaded, and sizes, which the tensors have. */
    static final Set<String> IRRELEVANT = Set.of(
            "repo_id",
            "architecture",
            "hidden_dim",
            "feature_dim",
            "d_acts",
            "file_pattern",
            "subfolder",
            "name",
            "title",
            "description",
            "comment",
            "notes",
            "version",
            "license",
            "author",
            "authors",
            "date",
            "created",
            "url",
            "homepage",
            "paper",
            "citation",
            "tags",
            "neuronpedia_id",
            "neuronpedia_url",
            "base_model",
            "model_revision",
            "circuit_tracer_version",
            "transformers_version",
            "d_model",
            "d_transcoder",
            "d_sae",
            "d_features",
            "n_features",
            "num_features",
            "n_layers",
            "num_layers",
            "layers",
            "dtype",
            "device",
            "lazy_encoder",
            "lazy_decoder",
            "dataset",
            "dataset_path",
            "context_size",
            "training_tokens",
            "seed",
            "l0",
            "mean_l0",
            "metrics",
            "features");

    /** Libraries that write sets, as far as their files mean different things. */
    public enum Format {
        /** {@code config.yaml}, the public circuit-tracing library's. */
        CIRCUIT_TRACER,
        /** EleutherAI's sparsify: a folder for each module, {@code cfg.json} and {@code sae.safetensors}. */
        SPARSIFY,
        /** The same before February 2025, when transcoders read their input less the decoder's bias. */
        SPARSIFY_CENTRED,
        /** SAELens: a folder for each layer, {@code cfg.json} and {@code sae_weights.safetensors}. */
        SAE_LENS
    }

    /** What a set replaces. */
    public enum Kind {
        /** Features of a layer write to that layer. */
        PER_LAYER("transcoder_set"),
        /** Features of a layer write to that layer and every later one. */
        CROSS_LAYER("cross_layer_transcoder");

        private final String modelKind;

        Kind(String modelKind) {
            this.modelKind = modelKind;
        }

        /** The {@code model_kind} in config.yaml. */
        public String modelKind() {
            return modelKind;
        }
    }

    /** Values of {@code activation} in config.yaml. */
    public enum ActivationName {
        RELU("relu"),
        JUMP_RELU("jump_relu"),
        TOPK("topk");

        private final String key;

        ActivationName(String key) {
            this.key = key;
        }

        /** {@return its name in a configuration file} */
        public String key() {
            return key;
        }
    }

    /** The k of a published TopK set whose config.yaml says none, if it is a listed one. */
    public OptionalInt assumedK() {
        return activation.filter(ActivationName.TOPK::equals).isPresent() && k.isEmpty()
                ? KnownModels.topK(file)
                : OptionalInt.empty();
    }

    /** @throws HeadwaterException if the directory or the file is missing, or a key is missing or means nothing here */
    public static TranscoderConfig read(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new HeadwaterException(
                    Files.exists(directory)
                            ? directory + " is a file, but the directory of a transcoder set is needed here"
                            : "There is no transcoder set " + directory);
        }
        Path file = directory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return FolderSet.read(directory)
                    .orElseThrow(() -> new HeadwaterException(
                            "%s is no transcoder set: it has neither a %s nor folders with a %s for each layer"
                                    .formatted(directory, FILE, FolderSet.FILE)));
        }
        return of(file, BoundedYaml.read(file));
    }

    /** @param file the file that the keys come from, for messages */
    static TranscoderConfig of(Path file, Map<String, Object> keys) {
        Keys in = new Keys(file, keys);
        in.requireKnown();
        in.text("special_load_fn").ifPresent(name -> {
            // The tensors' own names say which layout it is; a loader that nobody knows can mean anything.
            if (!List.of("gemma-scope", "gemma-scope-2").contains(name)) {
                throw in.unknown("special_load_fn", name, "gemma-scope, gemma-scope-2");
            }
        });
        return new TranscoderConfig(
                file,
                in.kind(),
                in.site("feature_input_hook", true),
                in.site("feature_output_hook", false),
                in.text("model_name"),
                in.activation(),
                in.k(),
                in.transcoders(),
                in.scan(),
                in.text("revision"),
                Format.CIRCUIT_TRACER);
    }

    /** {@return the folder that the configuration lies in, against which its paths are resolved} */
    public Path directory() {
        return file.resolveSibling("");
    }

    /**
     * The files of {@link #transcoders}, by layer.
     *
     * @param fetched gives the local file of an {@code hf://} reference
     * @throws HeadwaterException if a path leaves the directory or there is no such file
     */
    List<Path> files(Function<String, Path> fetched) {
        return IntStream.range(0, transcoders.size())
                .mapToObj(layer -> file(layer, fetched))
                .toList();
    }

    private Path file(int layer, Function<String, Path> fetched) {
        String entry = transcoders.get(layer);
        Path path;
        if (entry.startsWith("hf://")) {
            path = fetched.apply(entry);
        } else {
            path = directory().resolve(relative(entry));
        }
        if (!Files.isRegularFile(path)) {
            throw new HeadwaterException(
                    "%s lists %s for layer %d, but there is no such file".formatted(file, entry, layer));
        }
        return path;
    }

    /**
     * Links are followed, since the hub's cache is made of them, but the path itself must stay in the directory. Only a set
     * that its owner put together here may name files elsewhere, by their whole paths.
     */
    private Path relative(String entry) {
        try {
            Path path = Path.of(entry).normalize();
            if (path.isAbsolute() && !isFromHub()) {
                return path;
            }
            if (!path.isAbsolute() && !path.startsWith("..") && !path.toString().isEmpty()) {
                return path;
            }
        } catch (InvalidPathException unusable) {
            // falls through to the same sentence
        }
        throw new HeadwaterException(
                "%s lists '%s', which is not a path inside the set's directory".formatted(file, ErrorText.of(entry)));
    }

    /** Whether it lies in a cache of the hub, where {@code models--org--name} holds a repository. */
    private boolean isFromHub() {
        return StreamSupport.stream(file.toAbsolutePath().spliterator(), false)
                .anyMatch(part -> part.toString().startsWith("models--"));
    }

    /** The keys of one file, and its name for the messages. */
    private record Keys(Path file, Map<String, Object> values) {
        Optional<String> text(String key) {
            return switch (values.get(key)) {
                case null -> Optional.empty();
                case String text -> Optional.of(text);
                case Number number -> Optional.of(number.toString()); // an unquoted revision may look like one
                default -> throw new HeadwaterException("%s: %s is not a text".formatted(file, key));
            };
        }

        void requireKnown() {
            values.forEach((key, value) -> {
                boolean asksForNothing = value == null
                        || value.equals(false)
                        || value.equals("")
                        || value instanceof Collection<?> list && list.isEmpty()
                        || value instanceof Map<?, ?> map && map.isEmpty();
                if (!asksForNothing && !key.startsWith("_") && !USED.contains(key) && !IRRELEVANT.contains(key)) {
                    throw new HeadwaterException(
                            "%s: Headwater does not know what '%s' means; remove it if it changes no number of the transcoders"
                                    .formatted(file, ErrorText.of(key)));
                }
            });
        }

        private String required(String key, String allowed) {
            return text(key)
                    .orElseThrow(() -> new HeadwaterException(
                            "%s has no %s; it should be one of %s".formatted(file, key, allowed)));
        }

        HeadwaterException unknown(String key, String value, String allowed) {
            return new HeadwaterException(
                    "%s: %s '%s' is not one of %s".formatted(file, key, ErrorText.of(value), allowed));
        }

        Kind kind() {
            String allowed = Arrays.stream(Kind.values()).map(Kind::modelKind).collect(Collectors.joining(", "));
            String value = required("model_kind", allowed);
            return Arrays.stream(Kind.values())
                    .filter(kind -> kind.modelKind.equals(value))
                    .findFirst()
                    .orElseThrow(() -> unknown("model_kind", value, allowed));
        }

        FeatureSite site(String key, boolean input) {
            String allowed = FeatureSite.hookNames(input);
            String value = required(key, allowed);
            return FeatureSite.ofHookName(value)
                    .filter(site -> site.isInput() == input)
                    .orElseThrow(() -> unknown(key, value, allowed));
        }

        Optional<ActivationName> activation() {
            return text("activation").map(value -> switch (value.toLowerCase(Locale.ROOT)) {
                case "relu" -> ActivationName.RELU;
                case "jump_relu", "jumprelu" -> ActivationName.JUMP_RELU;
                case "topk", "top_k" -> ActivationName.TOPK;
                default -> throw unknown("activation", value, "relu, jump_relu, topk");
            });
        }

        OptionalInt k() {
            return switch (values.get("k")) {
                case null -> OptionalInt.empty();
                case Integer k when k > 0 -> OptionalInt.of(k);
                default -> throw new HeadwaterException("%s: k is not a positive integer".formatted(file));
            };
        }

        List<String> transcoders() {
            return switch (values.get("transcoders")) {
                case null -> List.of();
                case List<?> list
                when !list.isEmpty()
                        && list.size() <= MAX_LAYERS
                        && list.stream().allMatch(String.class::isInstance) ->
                    list.stream().map(String.class::cast).toList();
                default ->
                    throw new HeadwaterException("%s: transcoders is not a list of paths, one a layer (at most %d)"
                            .formatted(file, MAX_LAYERS));
            };
        }

        /** Some sets name one scan for each layer. */
        Optional<String> scan() {
            return values.get("scan") instanceof List<?> list
                    ? Optional.of(list.stream().map(String::valueOf).distinct().collect(Collectors.joining(",")))
                    : text("scan");
        }
    }
}
