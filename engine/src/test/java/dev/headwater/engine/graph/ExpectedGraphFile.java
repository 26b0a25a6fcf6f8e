package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.document.GraphDocument;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What a golden case's {@code graph.json} holds at thresholds 0.8 and 0.98: the file, or where a case has none, the
 * same made from the expected tensors.
 *
 * @param json as the file has it; weights that no tensor tells are left out
 */
record ExpectedGraphFile(GoldenCase golden, JsonNode json) {
    static ExpectedGraphFile of(GoldenCase golden) {
        boolean stored = Golden.class.getResource("/golden/" + golden.name() + "/graph.json") != null;
        return new ExpectedGraphFile(golden, stored ? Golden.json(golden.name() + "/graph.json") : made(golden));
    }

    private static JsonNode made(GoldenCase c) {
        ObjectNode file = new ObjectMapper().createObjectNode();
        ObjectNode metadata =
                file.putObject("metadata").put("slug", c.name()).put("scan", "tiny/" + c.name() + "-transcoders");
        metadata.putArray("transcoder_list");
        metadata.set("prompt_tokens", c.settings().get("prompt_tokens"));
        metadata.put("node_threshold", 0.8).put("schema_version", 1);
        ObjectNode params = file.putObject("qParams")
                .put("linkType", "both")
                .put("clickedId", "")
                .put("sg_pos", "");
        params.putArray("pinnedIds");
        params.putArray("supernodes");
        ArrayNode nodes = file.putArray("nodes");
        for (int node : c.golden().ints("prune_0.8_0.98.nodes")) {
            nodes.add(node(c, node));
        }
        ArrayNode links = file.putArray("links");
        int[] pairs = c.golden().ints("prune_0.8_0.98.edges");
        int[] rows = c.golden().has("adjacency")
                ? IntStream.range(0, c.dim("nodes")).toArray()
                : c.golden().ints("adjacency_row_index");
        double[] weights = c.golden().doubles(c.golden().has("adjacency") ? "adjacency" : "adjacency_rows");
        var rowOf = new TreeMap<Integer, Integer>();
        IntStream.range(0, rows.length).forEach(row -> rowOf.put(rows[row], row));
        for (int i = 0; i < pairs.length; i += 2) {
            ObjectNode link = links.addObject()
                    .put("source", node(c, pairs[i + 1]).get("node_id").asText())
                    .put("target", node(c, pairs[i]).get("node_id").asText());
            if (rowOf.containsKey(pairs[i])) {
                link.put("weight", weights[rowOf.get(pairs[i]) * c.dim("nodes") + pairs[i + 1]]);
            }
        }
        return file;
    }

    /** In the order of the matrices: features, errors by layer, tokens, logits. */
    private static ObjectNode node(GoldenCase c, int index) {
        int errors = index - c.dim("active_features");
        int tokens = errors - c.dim("layers") * c.dim("positions");
        int logits = tokens - c.dim("positions");
        if (errors < 0) {
            int[] feature = IntStream.range(3 * index, 3 * index + 3)
                    .map(i -> c.golden().ints("active_features")[i])
                    .toArray();
            return kind(
                            c,
                            index,
                            feature[0] + "_" + feature[2] + "_" + feature[1],
                            (feature[0] + feature[2]) * (feature[0] + feature[2] + 1) / 2 + feature[2],
                            feature[0] + "",
                            feature[1],
                            "cross layer transcoder",
                            feature[0] + "_" + feature[2] + "-0")
                    .put("activation", c.golden().doubles("activation_values")[index]);
        }
        if (tokens < 0) {
            int layer = errors / c.dim("positions");
            int position = errors % c.dim("positions");
            return kind(
                    c,
                    index,
                    layer + "_-1_" + position,
                    -1,
                    layer + "",
                    position,
                    "mlp reconstruction error",
                    layer + "_-1-" + position);
        }
        if (logits < 0) {
            int token = c.golden().ints("input_tokens")[tokens];
            return kind(
                    c,
                    index,
                    "E_" + token + "_" + tokens,
                    tokens,
                    "E",
                    tokens,
                    "embedding",
                    "E_" + token + "-" + tokens);
        }
        int token = c.golden().ints("logit_targets")[logits];
        double probability = c.golden().doubles("logit_probabilities")[logits];
        int last = c.dim("positions") - 1;
        ObjectNode node = kind(
                c,
                index,
                (c.dim("layers") + 1) + "_" + token + "_" + last,
                token,
                (c.dim("layers") + 1) + "",
                last,
                "logit",
                "L_" + token + "-" + last);
        node.put("token_prob", probability).put("is_target_logit", logits == 0).putNull("influence");
        return node.put(
                "clerp",
                "Output \"%s\" (p=%.3f)"
                        .formatted(
                                c.settings()
                                        .get("logit_target_strings")
                                        .get(logits)
                                        .asText(),
                                probability));
    }

    private static ObjectNode kind(
            GoldenCase c, int index, String id, int feature, String layer, int position, String type, String jsId) {
        ObjectNode node = new ObjectMapper()
                .createObjectNode()
                .put("node_id", id)
                .put("feature", feature)
                .put("layer", layer)
                .put("ctx_idx", position)
                .put("feature_type", type)
                .put("token_prob", 0.0)
                .put("is_target_logit", false)
                .put("run_idx", 0)
                .put("reverse_ctx_idx", 0)
                .put("jsNodeId", jsId)
                .put("clerp", "")
                .put("influence", c.golden().doubles("cumulative_scores")[index]);
        return node.putNull("activation");
    }

    /**
     * Compares field by field: the same nodes and links, whole numbers and texts equal, numbers within the case's
     * tolerances. The file may say more in its metadata (where it comes from), but nodes have exactly these fields.
     */
    void assertEqualTo(GraphDocument written) {
        assertFields(json.get("metadata"), written.metadata(), golden + " metadata");
        assertFields(json.get("qParams"), written.qParams(), golden + " qParams");
        var nodes = new TreeMap<String, JsonNode>();
        written.nodes().forEach(n -> nodes.put(n.id(), n.json()));
        assertEquals(json.get("nodes").size(), nodes.size(), golden + " nodes");
        for (JsonNode node : json.get("nodes")) {
            String id = node.get("node_id").asText();
            assertNotNull(nodes.get(id), golden + " has no node " + id);
            assertEquals(node.size(), nodes.get(id).size(), golden + " fields of " + id);
            assertFields(node, nodes.get(id), golden + " " + id);
        }
        var links = new TreeMap<String, Double>();
        written.links()
                .forEach(l -> links.put(
                        written.nodes().get(l.source()).id() + " "
                                + written.nodes().get(l.target()).id(),
                        l.weight()));
        assertEquals(json.get("links").size(), written.links().size(), golden + " links");
        var left = new HashSet<>(links.keySet());
        for (JsonNode link : json.get("links")) {
            String ends = link.get("source").asText() + " " + link.get("target").asText();
            assertNotNull(links.get(ends), golden + " has no link " + ends);
            if (link.has("weight")) {
                assertNear(link.get("weight").asDouble(), links.get(ends), "adjacency", golden + " link " + ends);
            }
            left.remove(ends);
        }
        assertEquals(Set.of(), left, golden + " links");
    }

    /** Every expected field is there with its value. */
    void assertFields(JsonNode expected, JsonNode actual, String where) {
        for (Map.Entry<String, JsonNode> field : expected.properties()) {
            JsonNode value = actual.get(field.getKey());
            assertNotNull(value, where + " has no " + field.getKey());
            if (field.getValue().isFloatingPointNumber()) {
                String tolerance = switch (field.getKey()) {
                    case "influence" -> "cumulative_scores";
                    case "activation" -> "activation_values";
                    default -> "logit_probabilities";
                };
                assertNear(field.getValue().asDouble(), value.asDouble(), tolerance, where + " " + field.getKey());
            } else {
                assertEquals(field.getValue(), value, where + " " + field.getKey());
            }
        }
    }

    private void assertNear(double expected, double actual, String tolerance, String where) {
        assertEquals(
                expected,
                actual,
                golden.tolerance(tolerance, 0) + golden.tolerance(tolerance, 1) * Math.abs(expected),
                where);
    }
}
