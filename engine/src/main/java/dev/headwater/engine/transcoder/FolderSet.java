package dev.headwater.engine.transcoder;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.transcoder.TranscoderConfig.ActivationName;
import dev.headwater.engine.transcoder.TranscoderConfig.Format;
import dev.headwater.engine.transcoder.TranscoderConfig.Kind;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Sets without {@code config.yaml}: a folder for each layer, with a {@code cfg.json} and weights, as two libraries write
 * them. EleutherAI's sparsify names the folder after the module ({@code layers.3.mlp}; {@code sae.safetensors}), SAELens
 * says in the file where its transcoder reads and writes ({@code sae_weights.safetensors}). What a file says that changes
 * the mathematics is done or refused by name; keys that nobody here knows are refused unless they say no.
 */
record FolderSet(Path folder, JsonNode cfg) {
    /** In each folder. */
    static final String FILE = "cfg.json";

    private static final int MAX_FOLDERS = 4096;
    private static final long MAX_BYTES = 1 << 20;
    private static final Pattern MODULE = Pattern.compile("(?:.*\\.)?(?:layers|h|blocks)\\.(\\d{1,4})\\.mlp");
    private static final Pattern HOOK = Pattern.compile("blocks\\.(\\d{1,4})\\.(.+)");
    private static final Set<String> SPARSIFY_TENSORS =
            Set.of("encoder.weight", "encoder.bias", "W_dec", "b_dec", "W_skip");
    private static final Set<String> SAE_LENS_TENSORS =
            Set.of("W_enc", "b_enc", "W_dec", "b_dec", "threshold", "W_skip");

    /** Keys of sparsify that say how it was trained, or what the tensors say too. */
    private static final Set<String> SPARSIFY_KEYS =
            Set.of("expansion_factor", "normalize_decoder", "num_latents", "multi_topk", "d_in");
    /** Keys of SAELens of that kind. */
    private static final Set<String> SAE_LENS_KEYS = Set.of("d_in", "d_sae", "d_out", "dtype", "device");
    /** Ways of SAELens to bring activations to one scale that are in the weights once they are saved. */
    private static final Set<String> FOLDED = Set.of("none", "expected_average_only_in", "covariance_whitening");

    /** A layer by what its folder says. */
    private record Layer(
            int number,
            FeatureSite input,
            FeatureSite output,
            ActivationName activation,
            OptionalInt k,
            Optional<String> model,
            Format format,
            String weights) {}

    /** The set in a directory, if its folders are one. */
    static Optional<TranscoderConfig> read(Path directory) {
        List<FolderSet> folders = new ArrayList<>();
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path folder : entries.sorted().limit(MAX_FOLDERS).toList()) {
                if (Files.isRegularFile(folder.resolve(FILE))) {
                    folders.add(new FolderSet(folder, BoundedJson.read(folder.resolve(FILE), MAX_BYTES)));
                }
            }
        } catch (IOException e) {
            throw new HeadwaterException("Cannot list %s: %s".formatted(directory, e.getMessage()), e);
        }
        return folders.isEmpty() ? Optional.empty() : Optional.of(of(directory, folders));
    }

    private static TranscoderConfig of(Path directory, List<FolderSet> folders) {
        TreeMap<Integer, Layer> layers = new TreeMap<>();
        for (FolderSet folder : folders) {
            Layer layer = folder.cfg.has("architecture") ? folder.ofSaeLens() : folder.ofSparsify();
            if (layers.putIfAbsent(layer.number, layer) != null) {
                throw new HeadwaterException(
                        "%s has two folders for layer %d: name one set".formatted(directory, layer.number));
            }
        }
        Layer first = layers.firstEntry().getValue();
        if (layers.lastKey() != layers.size() - 1) {
            int missing = 0;
            while (layers.containsKey(missing)) {
                missing++;
            }
            throw new HeadwaterException(
                    "%s has a transcoder for layer %d but none for layer %d, and a set needs one for each"
                            .formatted(directory, layers.lastKey(), missing));
        }
        for (Layer layer : layers.values()) {
            if (layer.input != first.input
                    || layer.output != first.output
                    || layer.activation != first.activation
                    || !layer.k.equals(first.k)
                    || layer.format != first.format) {
                throw new HeadwaterException(
                        "%s: layers %d and %d differ in where they read and write, in activation, k or format, and all of a set need to be alike"
                                .formatted(directory, first.number, layer.number));
            }
        }
        return new TranscoderConfig(
                directory.resolve(FILE),
                Kind.PER_LAYER,
                first.input,
                first.output,
                first.model.or(() -> trainedOn(directory)),
                Optional.of(first.activation),
                first.k,
                layers.values().stream().map(Layer::weights).toList(),
                Optional.empty(),
                Optional.empty(),
                first.format);
    }

    /** sparsify keeps what it was run with beside the folders. */
    private static Optional<String> trainedOn(Path directory) {
        Path file = directory.resolve("config.json");
        return Files.isRegularFile(file)
                ? Optional.ofNullable(
                        BoundedJson.read(file, MAX_BYTES).path("model").textValue())
                : Optional.empty();
    }

    private Layer ofSparsify() {
        Matcher module = MODULE.matcher(folder.getFileName().toString());
        if (!module.matches()) {
            throw refused("is for the module '%s', and Headwater replaces MLPs (layers.N.mlp)"
                    .formatted(ErrorText.of(folder.getFileName().toString())));
        }
        boolean skips = cfg.path("skip_connection").asBoolean();
        boolean transcodes = cfg.path("transcode").asBoolean();
        if (!transcodes && (cfg.has("transcode") || !skips)) {
            throw refused("is an autoencoder, which reads and writes the same place, and no transcoder");
        }
        requireKnown(SPARSIFY_KEYS, "activation", "k", "skip_connection", "transcode");
        if (!cfg.path("activation").asText("topk").equals("topk")) {
            throw refused("has the activation '%s', and topk is read"
                    .formatted(ErrorText.of(cfg.path("activation").asText())));
        }
        if (!cfg.path("k").isInt() || cfg.path("k").intValue() < 1) {
            throw refused("has no positive integer k");
        }
        requireTensors("sae.safetensors", SPARSIFY_TENSORS, skips);
        return new Layer(
                Integer.parseInt(module.group(1)),
                FeatureSite.MLP_IN,
                FeatureSite.MLP_OUT,
                ActivationName.TOPK,
                OptionalInt.of(cfg.path("k").intValue()),
                Optional.empty(),
                transcodes ? Format.SPARSIFY : Format.SPARSIFY_CENTRED,
                folder.getFileName() + "/sae.safetensors");
    }

    private Layer ofSaeLens() {
        String architecture = cfg.path("architecture").asText();
        boolean skips = architecture.contains("skip");
        ActivationName activation = switch (architecture) {
            case "transcoder", "skip_transcoder" -> ActivationName.RELU;
            case "jumprelu_transcoder", "jumprelu_skip_transcoder" -> ActivationName.JUMP_RELU;
            default ->
                throw refused(
                        "has the architecture '%s', and of SAELens transcoder, skip_transcoder, jumprelu_transcoder and jumprelu_skip_transcoder are read"
                                .formatted(ErrorText.of(architecture)));
        };
        requireKnown(
                SAE_LENS_KEYS,
                "architecture",
                "apply_b_dec_to_input",
                "normalize_activations",
                "reshape_activations",
                "metadata");
        if (cfg.path("apply_b_dec_to_input").asBoolean()) {
            throw refused("says apply_b_dec_to_input, which SAELens itself refuses for transcoders");
        }
        requireOneOf("normalize_activations", FOLDED);
        requireOneOf("reshape_activations", Set.of("none"));
        if (!cfg.path("d_in").equals(cfg.path("d_out"))) {
            throw refused("reads %s numbers and writes %s, and both need to be the model's width"
                    .formatted(cfg.path("d_in"), cfg.path("d_out")));
        }
        JsonNode metadata = cfg.path("metadata");
        Matcher input = hook(metadata, "hook_name");
        Matcher output = hook(metadata, "hook_name_out");
        if (!input.group(1).equals(output.group(1))) {
            throw refused("reads at layer %s and writes at layer %s".formatted(input.group(1), output.group(1)));
        }
        requireTensors("sae_weights.safetensors", SAE_LENS_TENSORS, skips);
        return new Layer(
                Integer.parseInt(input.group(1)),
                site(input, true),
                site(output, false),
                activation,
                OptionalInt.empty(),
                Optional.ofNullable(metadata.path("model_name").textValue()),
                Format.SAE_LENS,
                folder.getFileName() + "/sae_weights.safetensors");
    }

    private void requireOneOf(String key, Set<String> values) {
        String value = cfg.path(key).asText("none");
        if (!values.contains(value)) {
            throw refused("says %s: %s, which Headwater does not do".formatted(key, ErrorText.of(value)));
        }
    }

    private Matcher hook(JsonNode metadata, String key) {
        Matcher matcher = HOOK.matcher(metadata.path(key).asText());
        if (!matcher.matches()) {
            throw refused("has no %s of the form blocks.N.name under metadata, which says where it reads and writes"
                    .formatted(key));
        }
        return matcher;
    }

    private FeatureSite site(Matcher hook, boolean input) {
        return FeatureSite.ofHookName(hook.group(2))
                .filter(site -> site.isInput() == input)
                .orElseThrow(() -> refused("%s at %s, which is not one of %s"
                        .formatted(
                                input ? "reads" : "writes",
                                ErrorText.of(hook.group(2)),
                                FeatureSite.hookNames(input))));
    }

    /** A key that is not known may ask for anything, unless it says no. */
    private void requireKnown(Set<String> irrelevant, String... used) {
        Set<String> known = new HashSet<>(irrelevant);
        known.addAll(List.of(used));
        cfg.properties().forEach(entry -> {
            JsonNode value = entry.getValue();
            boolean no = value.isNull()
                    || value.isBoolean() && !value.booleanValue()
                    || value.isEmpty() && value.isContainerNode();
            if (!known.contains(entry.getKey()) && !no) {
                throw refused(
                        "has the key '%s', which Headwater does not know".formatted(ErrorText.of(entry.getKey())));
            }
        });
    }

    private void requireTensors(String name, Set<String> known, boolean skips) {
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file)) {
            return; // weights may still have to be fetched
        }
        try (SafetensorsFile weights = SafetensorsFile.open(file)) {
            weights.names().stream()
                    .filter(tensor -> !known.contains(tensor))
                    .findFirst()
                    .ifPresent(tensor -> {
                        throw refused("comes with the tensor '%s', which Headwater does not know"
                                .formatted(ErrorText.of(tensor)));
                    });
            if (weights.has("W_skip") != skips) {
                throw refused(
                        skips
                                ? "says that there is a skip connection, and there is no tensor 'W_skip'"
                                : "says that there is no skip connection, and there is a tensor 'W_skip'");
            }
        }
    }

    private HeadwaterException refused(String why) {
        return new HeadwaterException(folder.resolve(FILE) + " " + why);
    }
}
