package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.hub.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The evidence that comes with a set of transcoders: with the bundled ones, in the folder {@code features} of a set on
 * this machine, or in that of a repository, whose records are fetched one by one when they are asked for.
 */
public final class SetEvidence {
    /** The folder in a set. */
    static final String FOLDER = "features";

    private SetEvidence() {}

    /** By the set's reference; empty if nothing comes with it, or what comes with it is damaged. */
    public static Optional<FeatureEvidence> of(String transcoders) {
        try {
            return switch (Reference.parse(transcoders)) {
                case Reference.Bundled bundled ->
                    BundledFeatures.of(bundled.name()).map(evidence -> evidence);
                case Reference.Local local ->
                    folder(local.directory()).map(folder -> orNothing(FeatureFiles.open(folder)));
                case Reference.Remote remote -> PublishedFeatures.open(remote).map(SetEvidence::orNothing);
            };
        } catch (HeadwaterException e) {
            return Optional.empty();
        }
    }

    /** Names of features for a set by its reference: kept ones of a bundled set, otherwise from the evidence. */
    public static GraphJson.Labels labels(String transcoders) {
        try {
            return switch (Reference.parse(transcoders)) {
                case Reference.Bundled _ -> BundledLabels.of(transcoders);
                case Reference.Local local ->
                    folder(local.directory())
                            .flatMap(folder -> of(transcoders).map(evidence -> LabelFile.over(folder, evidence)))
                            .orElse(GraphJson.Labels.NONE);
                case Reference.Remote _ ->
                    of(transcoders)
                            .<GraphJson.Labels>map(evidence -> new FetchedLabels(new FeatureLabels(evidence)))
                            .orElse(GraphJson.Labels.NONE);
            };
        } catch (UsageException e) {
            return GraphJson.Labels.NONE; // what other programs' graphs call a set need not be a reference
        }
    }

    /** Names of a graph's features, of neurons by what they write. */
    public static GraphJson.Labels labels(ReplacementModel model, AttributionGraph graph, Pruning pruned) {
        return model.basis().dense() ? NeuronLabels.of(model, graph, pruned) : labels(model.transcoderReference());
    }

    private static Optional<Path> folder(Path set) {
        Path folder = set.resolve(FOLDER);
        return Files.isRegularFile(folder.resolve(FeatureFiles.INDEX)) ? Optional.of(folder) : Optional.empty();
    }

    /**
     * Where the files about a set lie in a directory that somebody names: {@code <scan>/features}, {@code <scan>},
     * {@code features}, or the directory itself.
     */
    public static Optional<Path> in(Path directory, String scan) {
        Path ofScan = directory.resolve(folders(scan)).normalize();
        List<Path> places = ofScan.startsWith(directory.normalize())
                ? List.of(ofScan.resolve(FOLDER), ofScan, directory.resolve(FOLDER), directory)
                : List.of(directory.resolve(FOLDER), directory);
        return places.stream()
                .filter(place -> Files.isRegularFile(place.resolve(FeatureFiles.INDEX)))
                .findFirst();
    }

    /** A scan's folders on the disk: {@code org/name//folder} has an empty one in it, which files don't. */
    public static String folders(String scan) {
        return scan.replaceAll("/{2,}", "/").replaceAll("^/|/$", "");
    }

    /** What nobody asked for by name must not end a command if it is damaged. */
    private static FeatureEvidence orNothing(FeatureEvidence evidence) {
        return (layer, feature) -> {
            try {
                return evidence.record(layer, feature);
            } catch (HeadwaterException e) {
                return Optional.<JsonNode>empty();
            }
        };
    }
}
