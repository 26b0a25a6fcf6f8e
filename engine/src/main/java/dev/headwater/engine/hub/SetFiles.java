package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedYaml;
import dev.headwater.engine.hub.Reference.Remote;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** What belongs to a set of transcoders, as its {@code config.yaml} has it. */
public final class SetFiles {
    private SetFiles() {}

    /** Files that belong to something, all in one repository. */
    record Part(Remote repository, Predicate<String> wanted, String described) {}

    /** Where a set's weights are, as its {@code config.yaml} has it. */
    static List<Part> of(Reference set, Path config) {
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
     * @param config the set's directory with {@code config.yaml}
     */
    public static Remote first(Remote set, Path config) {
        Path file = config.resolve("config.yaml");
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
