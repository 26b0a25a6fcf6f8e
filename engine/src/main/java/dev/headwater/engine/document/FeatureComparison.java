package dev.headwater.engine.document;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Two graphs side by side: which features take part in both, wherever in the prompt, and how strongly; which output
 * tokens.
 *
 * @param features those of both graphs first, each group by its largest difference in activation
 */
public record FeatureComparison(List<Feature> features, List<Output> outputs, int shared, int onlyLeft, int onlyRight) {
    /** @param feature the files' number for the feature */
    public record Feature(String layer, long feature, List<Occurrence> left, List<Occurrence> right) {}

    /** A node: {@code activation} and cumulative {@code influence} are null where the file has none. */
    @JsonInclude(JsonInclude.Include.ALWAYS)
    public record Occurrence(
            String id,
            int position,
            @Nullable Double activation,
            @Nullable Double influence) {}

    /** @param left probability in the left graph, null if the token is no output there */
    public record Output(
            String token, @Nullable Double left, @Nullable Double right) {}

    private record Key(String layer, long feature) {}

    /** Of two graphs, read with their links or without. */
    public static FeatureComparison of(GraphDocument left, GraphDocument right) {
        Map<Key, Feature> features = new LinkedHashMap<>();
        occurrences(left, features, true);
        occurrences(right, features, false);
        List<Feature> sorted = features.values().stream()
                .sorted(Comparator.<Feature>comparingInt(
                                f -> f.left().isEmpty() || f.right().isEmpty() ? 1 : 0)
                        .thenComparingDouble(f -> -difference(f)))
                .toList();

        Map<Key, Output> outputs = new LinkedHashMap<>();
        left.nodes().stream()
                .filter(node -> node.kind() == DocumentNode.Kind.LOGIT)
                .forEach(node -> outputs.put(output(left, node), new Output(node.label(), node.probability(), null)));
        right.nodes().stream()
                .filter(node -> node.kind() == DocumentNode.Kind.LOGIT)
                .forEach(node -> outputs.merge(
                        output(right, node),
                        new Output(node.label(), null, node.probability()),
                        (l, r) -> new Output(l.token(), l.left(), r.right())));

        return new FeatureComparison(
                sorted,
                List.copyOf(outputs.values()),
                count(sorted, f -> !f.left().isEmpty() && !f.right().isEmpty()),
                count(sorted, f -> f.right().isEmpty()),
                count(sorted, f -> f.left().isEmpty()));
    }

    private static void occurrences(GraphDocument graph, Map<Key, Feature> features, boolean left) {
        for (DocumentNode node : graph.nodes()) {
            if (node.isFeature()) {
                Feature feature = features.computeIfAbsent(
                        new Key(Integer.toString(node.layer()), node.number()),
                        key -> new Feature(key.layer(), key.feature(), new ArrayList<>(), new ArrayList<>()));
                (left ? feature.left() : feature.right())
                        .add(new Occurrence(
                                node.id(), node.position(), orNull(node.activation()), orNull(node.influence())));
            }
        }
    }

    /** What makes two outputs the same: their token, and their place where there are outputs at several. */
    private static Key output(GraphDocument graph, DocumentNode output) {
        boolean several = graph.nodes().stream()
                .anyMatch(node -> node.kind() == DocumentNode.Kind.LOGIT && node.position() != output.position());
        return new Key(several ? Integer.toString(output.position()) : "", output.number());
    }

    private static double difference(Feature feature) {
        return Math.abs(strongest(feature.left()) - strongest(feature.right()));
    }

    private static double strongest(List<Occurrence> occurrences) {
        return occurrences.stream()
                .mapToDouble(o -> o.activation() == null ? 0 : o.activation())
                .max()
                .orElse(0);
    }

    private static @Nullable Double orNull(double value) {
        return Double.isNaN(value) ? null : value;
    }

    private static int count(List<Feature> features, Predicate<Feature> which) {
        return (int) features.stream().filter(which).count();
    }
}
