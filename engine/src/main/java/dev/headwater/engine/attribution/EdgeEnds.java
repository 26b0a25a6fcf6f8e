package dev.headwater.engine.attribution;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Node;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Some edges as sweeps see them: the sources among which they are, the targets, and which of both each edge connects. Tensors belong to the
 * scope in which this was made.
 *
 * @param target for each edge its place in {@code targets}
 * @param column for each edge its source's column
 */
record EdgeEnds(Sources sources, List<Target> targets, int[] target, int[] column) {
    Target of(int edge) {
        return targets.get(target[edge]);
    }

    static EdgeEnds of(
            LinearPrompt prompt,
            List<? extends Node> target,
            List<? extends Node> source,
            @Nullable OutputTargets known) {
        int count = prompt.active().count();
        int[] features = Stream.concat(target.stream(), source.stream())
                .filter(Node.Feature.class::isInstance)
                .distinct()
                .mapToInt(prompt::number)
                .distinct()
                .sorted()
                .toArray();
        ActiveFeatures chosen = prompt.active().some(features);
        Sources few = prompt.sources(chosen);
        TargetVectors vectors = new TargetVectors(prompt.model(), prompt.frozen(), chosen, prompt.trace());
        List<LogitTarget> outputs = target.stream()
                .filter(Node.Logit.class::isInstance)
                .map(node -> ((Node.Logit) node).target())
                .distinct()
                .toList();
        OutputTargets meaning = outputs.isEmpty()
                ? null
                : meaning(outputs, known, prompt.model().vocabularySize());
        if (meaning instanceof OutputTargets.Tokens) {
            vectors.tokens(
                    outputs.stream().mapToInt(LogitTarget::token).toArray(),
                    outputs.stream().mapToInt(LogitTarget::position).toArray(),
                    prompt.trace());
        } else if (meaning != null) {
            vectors.choose(meaning, prompt.trace());
        }
        List<Node> distinct = target.stream().<Node>map(node -> node).distinct().toList();
        int[] ends = distinct.stream()
                .mapToInt(node -> node instanceof Node.Logit logit
                        ? few.columns(0)
                                + place(
                                        outputs,
                                        logit.target(),
                                        meaning,
                                        prompt.model().vocabularySize())
                        : Arrays.binarySearch(features, prompt.number(node)))
                .toArray();
        Map<Node, Integer> place = new HashMap<>();
        distinct.forEach(node -> place.put(node, place.size()));
        Map<Node, Integer> columns = new HashMap<>();
        for (Node node : source) {
            columns.computeIfAbsent(node, _ -> {
                int number = prompt.number(node);
                return number < count ? Arrays.binarySearch(features, number) : number - count + features.length;
            });
        }
        return new EdgeEnds(
                few,
                vectors.of(ends, few.columns(0)),
                target.stream().mapToInt(place::get).toArray(),
                source.stream().mapToInt(columns::get).toArray());
    }

    /** Which of the outputs that {@code meaning} lists a target is. */
    private static int place(
            List<LogitTarget> outputs, LogitTarget target, @Nullable OutputTargets meaning, int vocabulary) {
        return meaning instanceof OutputTargets.Tokens ? outputs.indexOf(target) : target.token() - vocabulary;
    }

    private static final Pattern FEATURE = Pattern.compile("feature (\\d{1,9})/(\\d{1,9}) at position (\\d{1,9})");

    private static OutputTargets meaning(List<LogitTarget> outputs, @Nullable OutputTargets known, int vocabulary) {
        if (known instanceof OutputTargets.Directions || known instanceof OutputTargets.Features) {
            return known;
        }
        if (outputs.stream().allMatch(output -> output.token() < vocabulary)) {
            return new OutputTargets.Tokens(
                    outputs.stream().map(LogitTarget::token).toList());
        }
        FeatureRef[] features = new FeatureRef
                [1
                        + outputs.stream()
                                .mapToInt(output -> output.token() - vocabulary)
                                .max()
                                .orElseThrow()];
        for (LogitTarget output : outputs) {
            Matcher name = FEATURE.matcher(output.text());
            if (output.token() < vocabulary || !name.matches()) {
                throw new UsageException(
                        "the graph explains '" + output.text()
                                + "', and its file does not hold that direction; trace the prompt again with the same target option instead of giving the graph");
            }
            features[output.token() - vocabulary] = new FeatureRef(
                    Integer.parseInt(name.group(1)), Integer.parseInt(name.group(3)), Integer.parseInt(name.group(2)));
        }
        FeatureRef any =
                Arrays.stream(features).filter(Objects::nonNull).findFirst().orElseThrow();
        Arrays.setAll(features, i -> features[i] == null ? any : features[i]);
        return new OutputTargets.Features(List.of(features));
    }
}
