package dev.headwater.engine.features;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The strongest connections of a feature in both directions, whatever the prompt; see {@link Connection}.
 *
 * @param layer   of the feature
 * @param feature its number there
 * @param by      what they are ordered by
 * @param inputs  from features of earlier layers
 * @param outputs to features of later layers
 */
public record FeatureConnections(
        int layer, int feature, Connection.By by, List<Connection> inputs, List<Connection> outputs) {

    /**
     * Looks through all features of the set, by their virtual weights. Reads every decoder and encoder on the way.
     *
     * @param statistics a directory that {@link FeatureBuild} made with connections; its ERA and TWERA are added where it has them. Null
     *                   for none
     * @param most       in each direction
     * @throws UsageException     if the set has no such feature, or features are a model's own neurons
     * @throws HeadwaterException if a file of the statistics is damaged, or of another set
     */
    public static FeatureConnections byWeight(
            ReplacementModel model, @Nullable Path statistics, int layer, int feature, int most) {
        int features = model.transcoders().features();
        if (layer < 0 || layer >= model.layers() || feature < 0 || feature >= features) {
            throw new UsageException("There is no feature %d/%d: the set has layers 0 to %d with features 0 to %d"
                    .formatted(layer, feature, model.layers() - 1, features - 1));
        }
        try (var _ = model.use()) {
            VirtualWeights weights = new VirtualWeights(model);
            List<Connection> inputs = new ArrayList<>();
            for (int source = 0; source < layer; source++) {
                inputs = strongest(inputs, source, weights.from(source, layer, feature), most);
            }
            List<Connection> outputs = new ArrayList<>();
            for (int target = layer + 1; target < model.layers(); target++) {
                outputs = strongest(outputs, target, weights.to(target, layer, feature), most);
            }
            if (statistics == null) {
                return new FeatureConnections(layer, feature, Connection.By.WEIGHT, inputs, outputs);
            }
            FeatureConnections kept = of(
                            statistics, model.layers(), layer, feature, Connection.By.TWERA, Integer.MAX_VALUE)
                    .orElseThrow(() -> new HeadwaterException(
                            "There are no connections in %s; gather them with features build --connections"
                                    .formatted(statistics)));
            return new FeatureConnections(
                    layer,
                    feature,
                    Connection.By.WEIGHT,
                    completed(inputs, kept.inputs),
                    completed(outputs, kept.outputs));
        }
    }

    private static List<Connection> strongest(List<Connection> known, int layer, float[] weights, int most) {
        List<Connection> all = new ArrayList<>(known);
        for (int i = 0; i < weights.length; i++) {
            all.add(new Connection(layer, i, weights[i], null, null));
        }
        return Connection.strongest(all, Connection.By.WEIGHT, most);
    }

    private static List<Connection> completed(List<Connection> byWeight, List<Connection> kept) {
        Map<List<Integer>, Connection> known = new HashMap<>();
        kept.forEach(one -> known.put(List.of(one.layer(), one.feature()), one));
        return byWeight.stream()
                .map(one -> {
                    Connection other = known.get(List.of(one.layer(), one.feature()));
                    return other == null
                            ? one
                            : new Connection(one.layer(), one.feature(), one.weight(), other.era(), other.twera());
                })
                .toList();
    }

    /**
     * What a text has kept of a feature's connections. Inputs are the feature's own strongest; outputs are those of later features among
     * whose strongest inputs it is.
     *
     * @param directory of a set's feature files
     * @param layers    of the model
     * @param most      in each direction
     * @return empty if the files have no connections of that layer or the layers above
     * @throws UsageException     if the layer has no such feature
     * @throws HeadwaterException if a file is damaged
     */
    public static Optional<FeatureConnections> of(
            Path directory, int layers, int layer, int feature, Connection.By by, int most) {
        if (layer < 0 || layer >= layers || feature < 0) {
            throw new UsageException(
                    "There is no feature %d/%d: the model has layers 0 to %d".formatted(layer, feature, layers - 1));
        }
        Optional<ConnectionFile> own = ConnectionFile.open(directory, layer);
        if (own.isEmpty()) {
            return Optional.empty();
        }
        if (feature >= own.get().features()) {
            throw new UsageException("There is no feature %d/%d: the set has features 0 to %d"
                    .formatted(layer, feature, own.get().features() - 1));
        }
        List<Connection> outputs = new ArrayList<>();
        for (int target = layer + 1; target < layers; target++) {
            ConnectionFile.open(directory, target).ifPresent(file -> outputs.addAll(file.outputs(layer, feature)));
        }
        return Optional.of(new FeatureConnections(
                layer,
                feature,
                by,
                Connection.strongest(own.get().inputs(feature), by, most),
                Connection.strongest(outputs, by, most)));
    }
}
