package dev.headwater.engine.attention;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.document.NodeId;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * Heads of edges and explained scores in JSON: {@code {"edges": [{"source", "target", "weight", "layers": [{"layer", "bypass", "heads":
 * [loading, …]}]}], "scores": [{"layer", "head", "query", "key", "score", "attention", "query_sources": [{"node", "value"}], "key_sources",
 * "rest": {"query", "key"}, "pairs": [{"query", "key", "value"}]}]}}. Nodes have their names in graph files. A score has besides the
 * {@code mean} of the scores of all that the head sees, {@code relative_sources}, the query side of the score less that mean, and
 * {@code all_pairs}, whether every pair was looked at.
 *
 * @param prompt whose sources the numbers mean
 * @param top    how many sources and pairs of a score, 0 for all
 */
public record AttentionJson(LinearPrompt prompt, int top) {
    /** The whole document. */
    public void write(JsonGenerator json, List<EdgeHeads> edges, List<ScoreSources> scores) throws IOException {
        json.writeStartObject();
        json.writeArrayFieldStart("edges");
        for (EdgeHeads edge : edges) {
            write(json, edge);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("scores");
        for (ScoreSources score : scores) {
            write(json, score);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void write(JsonGenerator json, EdgeHeads edge) throws IOException {
        int layers = prompt.model().layers();
        json.writeStartObject();
        json.writeStringField("source", NodeId.of(edge.source(), layers));
        json.writeStringField("target", NodeId.of(edge.target(), layers));
        json.writeNumberField("weight", edge.weight());
        json.writeArrayFieldStart("layers");
        for (int layer = edge.firstLayer(); layer < edge.firstLayer() + edge.layers(); layer++) {
            json.writeStartObject();
            json.writeNumberField("layer", layer);
            json.writeNumberField("bypass", edge.bypass(layer));
            json.writeArrayFieldStart("heads");
            for (float loading : edge.layer(layer)) {
                json.writeNumber(loading);
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /** One score. */
    public void write(JsonGenerator json, ScoreSources score) throws IOException {
        json.writeStartObject();
        json.writeNumberField("layer", score.head().layer());
        json.writeNumberField("head", score.head().head());
        json.writeNumberField("query", score.query());
        json.writeNumberField("key", score.key());
        json.writeNumberField("score", score.score());
        json.writeNumberField("attention", score.attention());
        sources(json, "query_sources", score.querySide());
        sources(json, "key_sources", score.keySide());
        json.writeObjectFieldStart("rest");
        json.writeNumberField("query", score.queryRest());
        json.writeNumberField("key", score.keyRest());
        json.writeEndObject();
        json.writeArrayFieldStart("pairs");
        for (ScoreSources.Pair pair : score.pairs()) {
            json.writeStartObject();
            json.writeStringField("query", name(pair.query()));
            json.writeStringField("key", name(pair.key()));
            json.writeNumberField("value", pair.value());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeBooleanField("all_pairs", score.allPairs());
        json.writeNumberField("mean", score.mean());
        sources(json, "relative_sources", score.relative());
        json.writeEndObject();
    }

    private void sources(JsonGenerator json, String field, float[] values) throws IOException {
        json.writeArrayFieldStart(field);
        for (int source : largest(values, top)) {
            json.writeStartObject();
            json.writeStringField("node", name(source));
            json.writeNumberField("value", values[source]);
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    /** The sources with the largest values, the largest first; those without any are left out. */
    public static int[] largest(float[] values, int top) {
        // Of tens of thousands a dozen are asked for, so that most are compared once.
        var kept = new PriorityQueue<Integer>(
                Comparator.<Integer>comparingDouble(i -> Math.abs(values[i])).thenComparing(Comparator.reverseOrder()));
        double least = 0;
        for (int i = 0; i < values.length; i++) {
            if (Math.abs(values[i]) > least) {
                kept.add(i);
                if (top > 0 && kept.size() > top) {
                    kept.remove();
                    least = Math.abs(values[kept.element()]);
                }
            }
        }
        int[] largest = new int[kept.size()];
        for (int i = largest.length; i-- > 0; ) {
            largest[i] = kept.remove();
        }
        return largest;
    }

    private String name(int source) {
        return NodeId.of(prompt.source(source), prompt.model().layers());
    }
}
