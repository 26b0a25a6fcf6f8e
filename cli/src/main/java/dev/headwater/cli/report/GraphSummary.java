package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Collectors;

/**
 * What is worth saying of a graph in one screen.
 *
 * @param targets        the outputs that the graph explains, most probable first
 * @param active         features that fire on the prompt
 * @param selected       those of them that are nodes
 * @param nodes          of the whole graph
 * @param edges          of the whole graph, zeros left out
 * @param prunedNodes    of the graph as it is written for front ends
 * @param prunedEdges    likewise
 * @param features       the selected features with the most influence, in that order
 * @param files          what was written, by kind
 * @param seconds        time of each phase, in order
 * @param peaks          bytes that each part of the work had reserved at most; none of a graph that is read
 */
public record GraphSummary(
        Provenance provenance,
        Prompt prompt,
        List<Target> targets,
        int active,
        int selected,
        int nodes,
        long edges,
        int prunedNodes,
        long prunedEdges,
        double nodeThreshold,
        double edgeThreshold,
        Scores scores,
        List<Feature> features,
        Map<String, Path> files,
        Map<String, Double> seconds,
        Map<String, Long> peaks) {
    /**
     * What the graph explains.
     *
     * @param token  of the vocabulary, -1 for a feature or a direction
     * @param shown  the same for people
     * @param weight a token's probability; of others what they count for
     * @param position after which it stands
     */
    record Target(int token, String text, String shown, double weight, int position) {
        boolean isToken() {
            return token >= 0;
        }

        private static Target of(LogitTarget target, int vocabulary, IntFunction<String> quoted) {
            boolean token = target.token() < vocabulary;
            return new Target(
                    token ? target.token() : -1,
                    target.text(),
                    token ? quoted.apply(target.token()) : target.text(),
                    target.probability(),
                    target.position());
        }
    }

    /**
     * An influential feature.
     *
     * @param token      text of the token at its position
     * @param influence  its share of the influence of all nodes
     * @param rank       its place among all nodes but outputs, from 1
     * @param cumulative share of the influence that it and all nodes before it have
     */
    record Feature(
            int layer,
            int position,
            int feature,
            String token,
            float activation,
            double influence,
            int rank,
            double cumulative,
            String label) {}

    /**
     * Without a tokenizer, as a graph's file has none.
     *
     * @param count how many influential features to name
     */
    public static GraphSummary of(
            AttributionGraph graph,
            Pruning pruning,
            GraphJson.Labels labels,
            int count,
            Map<String, Path> files,
            Map<String, Double> seconds,
            Map<String, Long> peaks) {
        Map<Integer, String> texts = graph.targets().stream()
                .collect(Collectors.toMap(LogitTarget::token, LogitTarget::text, (one, _) -> one));
        return of(graph, pruning, labels, count, files, seconds, peaks, token -> {
            String text = texts.get(token);
            return text != null && text.indexOf('\uFFFD') < 0 ? "\"" + text + "\"" : "part of a character #" + token;
        });
    }

    /**
     * @param count  how many influential features to name
     * @param quoted what a token is called
     */
    public static GraphSummary of(
            AttributionGraph graph,
            Pruning pruning,
            GraphJson.Labels labels,
            int count,
            Map<String, Path> files,
            Map<String, Double> seconds,
            Map<String, Long> peaks,
            IntFunction<String> quoted) {
        double[] influence = pruning.influence().node();
        double all = Arrays.stream(influence).sum();
        double[] cumulative = pruning.influence().cumulativeShares();
        List<Feature> features = new ArrayList<>();
        int rank = 0;
        for (int i : pruning.influence().ranking()) {
            if (features.size() == count) {
                break;
            }
            rank++;
            if (graph.node(i) instanceof Node.Feature f && influence[i] > 0) {
                features.add(new Feature(
                        f.layer(),
                        f.position(),
                        f.feature(),
                        graph.prompt().texts().get(f.position()),
                        f.activation(),
                        influence[i] / all,
                        rank,
                        cumulative[i],
                        labels.of(f.layer(), f.feature(), graph.distance(i))));
            }
        }
        return new GraphSummary(
                graph.provenance(),
                graph.prompt(),
                graph.targets().stream()
                        .map(target -> Target.of(target, graph.vocabularySize(), quoted))
                        .toList(),
                graph.active().count(),
                graph.featureCount(),
                graph.size(),
                graph.edges().nonZeros(),
                pruning.nodeCount(),
                pruning.edgeCount(),
                pruning.nodeThreshold(),
                pruning.edgeThreshold(),
                Scores.of(graph, pruning.influence()),
                features,
                files,
                seconds,
                peaks);
    }

    /** How float32 products were computed; "" where the graph does not say. */
    String products() {
        return provenance.settings().getOrDefault("products", "").toString();
    }

    /** The summary as one JSON object, for machines. */
    public void writeJson(PrintStream out) {
        try {
            JsonGenerator json = BoundedJson.factory().createGenerator(out).useDefaultPrettyPrinter();
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            try (json) {
                write(json);
            }
            out.println();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("model", provenance.model());
        json.writeArrayFieldStart("transcoders");
        for (String transcoder : provenance.transcoders()) {
            json.writeString(transcoder);
        }
        json.writeEndArray();
        json.writeStringField("device", provenance.device());
        json.writeStringField("dtype", provenance.dtype());
        json.writeStringField("products", products());
        json.writeStringField("prompt", prompt.text());
        json.writeArrayFieldStart("tokens");
        for (int i = 0; i < prompt.length(); i++) {
            json.writeStartObject();
            json.writeNumberField("id", prompt.tokens()[i]);
            json.writeStringField("text", prompt.texts().get(i));
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("targets");
        for (Target target : targets) {
            json.writeStartObject();
            if (target.isToken()) {
                json.writeNumberField("token", target.token());
            }
            json.writeStringField("text", target.text());
            // A direction or a feature is no next token, and its weight no probability.
            json.writeNumberField(target.isToken() ? "probability" : "weight", target.weight());
            json.writeNumberField("position", target.position());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeNumberField("active_features", active);
        json.writeNumberField("selected_features", selected);
        json.writeNumberField("nodes", nodes);
        json.writeNumberField("edges", edges);
        json.writeObjectFieldStart("pruned");
        json.writeNumberField("node_threshold", nodeThreshold);
        json.writeNumberField("edge_threshold", edgeThreshold);
        json.writeNumberField("nodes", prunedNodes);
        json.writeNumberField("edges", prunedEdges);
        json.writeEndObject();
        json.writeNumberField("replacement_score", scores.replacement());
        json.writeNumberField("completeness_score", scores.completeness());
        json.writeArrayFieldStart("features");
        for (Feature feature : features) {
            json.writeStartObject();
            json.writeNumberField("layer", feature.layer);
            json.writeNumberField("position", feature.position);
            json.writeNumberField("feature", feature.feature);
            json.writeStringField("token", feature.token);
            json.writeNumberField("activation", feature.activation);
            json.writeNumberField("influence", feature.influence);
            json.writeNumberField("rank", feature.rank);
            json.writeNumberField("cumulative_influence", feature.cumulative);
            json.writeStringField("label", feature.label);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeObjectFieldStart("files");
        for (var file : files.entrySet()) {
            json.writeStringField(file.getKey(), file.getValue().toString());
        }
        json.writeEndObject();
        json.writeObjectFieldStart("seconds");
        for (var phase : seconds.entrySet()) {
            json.writeNumberField(phase.getKey(), phase.getValue());
        }
        json.writeEndObject();
        json.writeObjectFieldStart("peak_bytes");
        for (var part : peaks.entrySet()) {
            json.writeNumberField(part.getKey(), part.getValue());
        }
        json.writeEndObject();
        json.writeEndObject();
    }
}
