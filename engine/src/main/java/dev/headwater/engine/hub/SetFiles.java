package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.BoundedYaml;
import dev.headwater.engine.hub.Reference.Remote;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What belongs to a set of transcoders: as its {@code config.yaml} has it, or where there is none, in each folder with a
 * {@code cfg.json} the weights beside that, which is how other libraries write sets.
 */
public final class SetFiles {
    /** What says which files a set has. */
    static final List<String> CONFIGURATION = List.of("config.yaml", "*/cfg.json");

    /** The same, and where the records about features lie in the files that a set has of them. */
    static final List<String> WITH_INDEX = List.of("config.yaml", "*/cfg.json", "features/index.json.gz");

    private static final String CONFIG = "config.yaml";
    private static final String FOLDER_CONFIG = "cfg.json";
    private static final List<String> FOLDER_WEIGHTS = List.of("sae.safetensors", "sae_weights.safetensors");

    private SetFiles() {}

    /** Whether a file of a repository says that a set is in the folder that the reference names. */
    static boolean isConfiguration(Remote set, String path) {
        String inside = set.path().isEmpty()
                ? path
                : path.startsWith(set.path() + "/") ? path.substring(set.path().length() + 1) : "";
        return inside.equals(CONFIG) || inside.matches("[^/]+/" + Pattern.quote(FOLDER_CONFIG));
    }

    /** Whether a directory has a set in it. */
    static boolean isSet(Path directory) {
        return Files.exists(directory.resolve(CONFIG)) || !folders(directory).isEmpty();
    }

    /** The folders of a directory that have a layer in them. */
    private static List<String> folders(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.filter(entry -> Files.exists(entry.resolve(FOLDER_CONFIG)))
                    .map(entry -> entry.getFileName().toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of(); // no directory, so no set
        }
    }

    /** Files that belong to something, all in one repository. */
    record Part(Remote repository, Predicate<String> wanted, String described) {}

    /**
     * Where a set's weights are.
     *
     * @param directory with its configuration
     */
    static List<Part> of(Reference set, Path directory) {
        Path config = directory.resolve(CONFIG);
        if (!Files.exists(config)) {
            List<String> weights =
                    FOLDER_WEIGHTS.stream().map(name -> "*/" + name).toList();
            return set instanceof Remote remote
                    ? List.of(new Part(remote, glob(weights), String.join(", ", weights)))
                    : List.of();
        }
        Map<String, Object> keys = BoundedYaml.read(config);
        Map<Remote, Set<String>> elsewhere = new LinkedHashMap<>();
        Set<String> here = new LinkedHashSet<>();
        for (String path : listed(keys, config)) {
            if (path.startsWith("hf://") && Reference.parse(path) instanceof Remote other) {
                elsewhere
                        .computeIfAbsent(
                                new Remote(other.repository(), "", other.revision()), _ -> new LinkedHashSet<>())
                        .add(other.path());
            } else {
                here.add(path);
            }
        }
        List<Part> parts = new ArrayList<>();
        elsewhere.forEach(
                (repository, paths) -> parts.add(new Part(repository, paths::contains, String.join(", ", paths))));
        if (set instanceof Remote remote && elsewhere.isEmpty() && here.isEmpty()) {
            String pattern = isCrossLayer(keys) ? "*.safetensors" : "layer_*.safetensors";
            parts.add(new Part(remote, glob(List.of(pattern)), pattern));
        } else if (set instanceof Remote remote && !here.isEmpty()) {
            parts.add(new Part(remote, here::contains, String.join(", ", here)));
        }
        return parts;
    }

    private static List<String> listed(Map<String, Object> keys, Path config) {
        List<String> paths = new ArrayList<>();
        for (Object entry : keys.get("transcoders") instanceof List<?> list ? list : List.of()) {
            if (!(entry instanceof String path)) {
                throw new HeadwaterException(config + " lists transcoders that are not paths.");
            }
            paths.add(path);
        }
        return paths;
    }

    private static boolean isCrossLayer(Map<String, Object> keys) {
        return "cross_layer_transcoder".equals(keys.get("model_kind"));
    }

    /**
     * The first file with weights of a repository's set: the one that its {@code config.yaml} lists first, or that
     * usually is.
     *
     * @param directory the set's, with its configuration
     */
    public static Remote first(Remote set, Path directory) {
        Path file = directory.resolve(CONFIG);
        if (!Files.exists(file)) {
            String folder = folders(directory).getFirst();
            boolean ofSaeLens = BoundedJson.read(directory.resolve(folder).resolve(FOLDER_CONFIG))
                    .has("architecture");
            return set.at(inside(set, folder + "/" + FOLDER_WEIGHTS.get(ofSaeLens ? 1 : 0)));
        }
        Map<String, Object> keys = BoundedYaml.read(file);
        String first = listed(keys, file).stream()
                .findFirst()
                .orElse(isCrossLayer(keys) ? "W_enc_0.safetensors" : "layer_0.safetensors");
        return first.startsWith("hf://") && Reference.parse(first) instanceof Remote other
                ? other
                : set.at(inside(set, first));
    }

    static Predicate<String> glob(List<String> patterns) {
        List<PathMatcher> matchers = patterns.stream()
                .map(pattern -> FileSystems.getDefault().getPathMatcher("glob:" + pattern))
                .toList();
        return path -> matchers.stream().anyMatch(matcher -> matcher.matches(Path.of(path)));
    }

    static String inside(Remote reference, String name) {
        return reference.path().isEmpty() ? name : reference.path() + "/" + name;
    }
}
