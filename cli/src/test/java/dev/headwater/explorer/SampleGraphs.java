package dev.headwater.explorer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/** Graph files for tests: real ones of the atlas model, one made by the reference, and synthetic ones of any size. */
final class SampleGraphs {
    static final String DALLAS = "dallas-austin";
    static final String OAKLAND = "oakland-sacramento";
    static final String GEMMA = "gemma2-clt";

    private SampleGraphs() {}

    static Path copy(String name, Path directory) {
        Path target = directory.resolve(name + ".json");
        try (InputStream in = new GZIPInputStream(SampleGraphs.class.getResourceAsStream(name + ".json.gz"))) {
            Files.createDirectories(directory);
            Files.copy(in, target);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return target;
    }

    /** The Dallas graph with what {@code attribute --heads --qk} adds: heads 0 and 1 of the layer above its source carry each edge. */
    static Path withHeads(Path directory, String name) {
        try {
            ObjectNode graph = (ObjectNode) Json.MAPPER.readTree(text(DALLAS));
            ((ObjectNode) graph.get("metadata")).put("slug", name);
            ObjectNode block = graph.putObject("attention_heads")
                    .put("version", 1)
                    .put("layers", 6)
                    .put("heads", 6)
                    .put("share", 0.8);
            ArrayNode edges = block.putArray("edges");
            graph.get("links").forEach(link -> {
                String source = link.get("source").textValue();
                double weight = link.get("weight").doubleValue();
                int layer = source.startsWith("E") ? 0 : Integer.parseInt(source.split("_")[0]) + 1;
                if (layer < 6) {
                    ArrayNode parts = edges.addObject()
                            .put("source", source)
                            .put("target", link.get("target").textValue())
                            .put("rest", 0.125 * weight)
                            .putArray("parts");
                    parts.addArray().add(layer).add(0).add(0.5 * weight);
                    if (layer < 5) {
                        parts.addArray().add(layer + 1).add(0).add(0.25 * weight);
                    }
                    parts.addArray().add(layer).add(1).add(-0.125 * weight);
                }
            });
            ObjectNode score = block.putArray("scores")
                    .addObject()
                    .put("node", "4_425_10")
                    .put("layer", 2)
                    .put("head", 0)
                    .put("query", 10)
                    .put("key", 9)
                    .put("score", 17.9)
                    .put("attention", 0.99)
                    .put("mean", -1.0);
            score.putArray("query_sources").addObject().put("node", "0_1981_10").put("value", 17.5);
            score.putArray("key_sources").addObject().put("node", "0_94_9").put("value", 12.5);
            score.putObject("rest").put("query", 0.4).put("key", 5.4);
            score.putArray("pairs")
                    .addObject()
                    .put("query", "0_1981_10")
                    .put("key", "0_94_9")
                    .put("value", 2.5);
            for (var node : graph.get("nodes")) {
                if (node.get("node_id").textValue().equals("4_425_10")) {
                    ObjectNode traced = ((ObjectNode) node).putObject("qk_tracing_results");
                    traced.putArray("pair_wise_contributors")
                            .addArray()
                            .add("0_1981_10")
                            .add("0_94_9")
                            .add(2.5);
                    traced.putArray("top_q_marginal_contributors")
                            .addArray()
                            .add("0_1981_10")
                            .add(17.5);
                    traced.putArray("top_k_marginal_contributors");
                }
            }
            Path target = directory.resolve(name + ".json");
            Files.write(target, Json.MAPPER.writeValueAsBytes(graph));
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String text(String name) {
        try (InputStream in = new GZIPInputStream(SampleGraphs.class.getResourceAsStream(name + ".json.gz"))) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A graph of about {@code nodes} nodes and exactly {@code edges} edges over 26 layers, edges from below and the left. */
    static Path synthetic(Path directory, String name, int nodes, int edges, long seed) {
        Random random = new Random(seed);
        int layers = 26;
        int positions = 48;
        int logits = 10;
        int errors = nodes / 12;
        int features = nodes - errors - positions - logits;
        String[] words =
                ("river stone lake capital city state country language north south water old new small large first last people "
                                + "number day night house tree road sea mountain light dark music paper king queen gold silver bread wine")
                        .split(" ");
        int[] layer = new int[nodes];
        int[] position = new int[nodes];
        String[] id = new String[nodes];
        Path target = directory.resolve(name + ".json");
        try (Writer out = Files.newBufferedWriter(target)) {
            StringBuilder tokens = new StringBuilder("\"<bos>\"");
            StringBuilder prompt = new StringBuilder("<bos>");
            for (int p = 1; p < positions; p++) {
                String word = (p == 1 ? "" : " ") + words[random.nextInt(words.length)];
                tokens.append(", \"").append(word).append('"');
                prompt.append(word);
            }
            out.write(
                    "{\n \"metadata\": {\"slug\": \"" + name
                            + "\", \"scan\": \"synthetic\", \"transcoder_list\": [], \"prompt_tokens\": [" + tokens
                            + "], \"prompt\": \"" + prompt
                            + "\", \"node_threshold\": 0.8, \"schema_version\": 1},\n \"qParams\": {\"pinnedIds\": [], \"supernodes\": [], \"linkType\": \"both\", \"clickedId\": \"\", \"sg_pos\": \"\"},\n \"nodes\": [\n");
            Set<String> used = new HashSet<>();
            for (int i = 0; i < nodes; i++) {
                String common =
                        "\"token_prob\": 0.0, \"is_target_logit\": false, \"run_idx\": 0, \"reverse_ctx_idx\": 0, ";
                double influence = 0.8 * Math.pow(random.nextDouble(), 0.6);
                String line;
                if (i < features) {
                    int f;
                    do {
                        layer[i] = (int) Math.min(layers - 1, Math.abs(random.nextGaussian()) * layers / 2.2);
                        position[i] = 1
                                + Math.min(positions - 2, (int)
                                        ((1 - Math.pow(random.nextDouble(), 1.7)) * (positions - 1)));
                        f = random.nextInt(16384);
                        id[i] = layer[i] + "_" + f + "_" + position[i];
                    } while (!used.add(id[i]));
                    String label = random.nextInt(3) == 0 ? words[random.nextInt(words.length)] : "";
                    line = "\"feature\": " + FeatureSource.pair(layer[i], f) + ", \"layer\": \"" + layer[i]
                            + "\", \"feature_type\": \"cross layer transcoder\", \"jsNodeId\": \"" + layer[i] + "_" + f
                            + "-0\", \"clerp\": \"" + label + "\", \"influence\": " + number(influence)
                            + ", \"activation\": " + number(10 * random.nextDouble());
                } else if (i < features + errors) {
                    do {
                        layer[i] = random.nextInt(layers);
                        position[i] = 1 + random.nextInt(positions - 1);
                        id[i] = layer[i] + "_-1_" + position[i];
                    } while (!used.add(id[i]));
                    line = "\"feature\": -1, \"layer\": \"" + layer[i]
                            + "\", \"feature_type\": \"mlp reconstruction error\", \"jsNodeId\": \"" + layer[i] + "_-1-"
                            + position[i] + "\", \"clerp\": \"\", \"influence\": " + number(influence)
                            + ", \"activation\": null";
                } else if (i < features + errors + positions) {
                    layer[i] = -1;
                    position[i] = i - features - errors;
                    id[i] = "E_" + (100 + position[i]) + "_" + position[i];
                    line = "\"feature\": " + position[i]
                            + ", \"layer\": \"E\", \"feature_type\": \"embedding\", \"jsNodeId\": \"E_"
                            + (100 + position[i]) + "-" + position[i] + "\", \"clerp\": \"\", \"influence\": "
                            + number(influence) + ", \"activation\": null";
                } else {
                    int k = i - features - errors - positions;
                    layer[i] = layers + 1;
                    position[i] = positions - 1;
                    id[i] = (layers + 1) + "_" + (500 + k) + "_" + position[i];
                    double probability = 0.5 / (k + 1);
                    common = "\"token_prob\": " + number(probability) + ", \"is_target_logit\": " + (k == 0)
                            + ", \"run_idx\": 0, \"reverse_ctx_idx\": 0, ";
                    line = "\"feature\": " + (500 + k) + ", \"layer\": \"" + (layers + 1)
                            + "\", \"feature_type\": \"logit\", \"jsNodeId\": \"L_" + (500 + k) + "-" + position[i]
                            + "\", \"clerp\": \"Output \\\" " + words[k] + "\\\" (p="
                            + String.format(Locale.ROOT, "%.3f", probability)
                            + ")\", \"influence\": null, \"activation\": null";
                }
                out.write("  {\"node_id\": \"" + id[i] + "\", \"ctx_idx\": " + position[i] + ", " + common + line
                        + (i < nodes - 1 ? "},\n" : "}\n"));
            }
            out.write(" ],\n \"links\": [\n");
            Set<Long> pairs = new HashSet<>();
            int targets = features + logits;
            for (int e = 0; e < edges; ) {
                int t = random.nextInt(targets);
                t = t < features ? t : nodes - logits + t - features;
                int s = random.nextInt(nodes - logits);
                if (layer[s] >= layer[t] || position[s] > position[t] || !pairs.add((long) s * nodes + t)) {
                    continue;
                }
                double weight = random.nextGaussian() * Math.exp(random.nextGaussian());
                out.write("  {\"source\": \"" + id[s] + "\", \"target\": \"" + id[t] + "\", \"weight\": "
                        + number(weight) + (++e < edges ? "},\n" : "}\n"));
            }
            out.write(" ]\n}\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return target;
    }

    /**
     * A graph of any shape: so many features, a sixth of them errors, over the layers, most of them below and at the last token; edges from
     * below and the left.
     */
    static Path shaped(
            Path directory, String name, List<String> tokens, int layers, int nodes, int edges, List<String> outputs) {
        Random random = new Random(7);
        int last = tokens.size() - 1;
        int errors = Math.min(nodes / 6, layers * last / 2);
        ObjectNode file = Json.MAPPER.createObjectNode();
        ObjectNode metadata = file.putObject("metadata")
                .put("slug", name)
                .put("scan", "atlas-plt")
                .put("prompt", String.join("", tokens));
        metadata.putArray("transcoder_list");
        tokens.forEach(metadata.putArray("prompt_tokens")::add);
        metadata.put("node_threshold", 0.8).put("schema_version", 1);
        file.putObject("qParams");
        ArrayNode list = file.putArray("nodes");
        List<int[]> places = new ArrayList<>();
        Set<String> used = new HashSet<>();
        for (int i = 0; i < nodes; i++) {
            boolean error = i >= nodes - errors;
            int layer;
            int position;
            int feature;
            do {
                layer = (int) Math.min(layers - 1, Math.abs(random.nextGaussian()) * layers / 2.2);
                position = random.nextInt(3) == 0 ? last : 1 + random.nextInt(last);
                feature = error ? -1 : random.nextInt(16384);
            } while (!used.add(layer + "_" + feature + "_" + position));
            places.add(new int[] {layer, position, error ? 0 : 1});
            node(
                            list,
                            layer + "_" + feature + "_" + position,
                            error ? "-1" : FeatureSource.pair(layer, feature) + "",
                            layer + "",
                            position,
                            error ? "mlp reconstruction error" : "cross layer transcoder",
                            "",
                            random)
                    .put("activation", error ? null : 10 * random.nextDouble());
        }
        for (int p = 0; p <= last; p++) {
            places.add(new int[] {-1, p, 0});
            node(list, "E_" + (100 + p) + "_" + p, p + "", "E", p, "embedding", "", random);
        }
        for (int k = 0; k < outputs.size(); k++) {
            double probability = 0.42 * Math.pow(0.55, k);
            places.add(new int[] {layers, last, 1});
            String label =
                    "Output \"%s\" (p=%s)".formatted(outputs.get(k), String.format(Locale.ROOT, "%.3f", probability));
            node(
                            list,
                            (layers + 1) + "_" + (500 + k) + "_" + last,
                            (500 + k) + "",
                            (layers + 1) + "",
                            last,
                            "logit",
                            label,
                            random)
                    .put("token_prob", probability)
                    .put("is_target_logit", k == 0)
                    .putNull("influence");
        }
        ArrayNode links = file.putArray("links");
        Set<Long> pairs = new HashSet<>();
        for (int tries = 0; links.size() < edges && tries < 60L * edges; tries++) {
            int source = random.nextInt(places.size());
            int target = random.nextInt(places.size());
            int[] from = places.get(source);
            int[] to = places.get(target);
            if (from[0] < to[0]
                    && from[1] <= to[1]
                    && to[2] == 1
                    && pairs.add((long) source * places.size() + target)) {
                links.addObject()
                        .put("source", list.get(source).get("node_id").textValue())
                        .put("target", list.get(target).get("node_id").textValue())
                        .put("weight", (float) (random.nextGaussian() * Math.exp(1.2 * random.nextGaussian())));
            }
        }
        Path target = directory.resolve(name + ".json");
        try {
            Files.write(target, Json.MAPPER.writeValueAsBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return target;
    }

    private static ObjectNode node(
            ArrayNode list,
            String id,
            String feature,
            String layer,
            int position,
            String kind,
            String label,
            Random random) {
        return list.addObject()
                .put("node_id", id)
                .put("feature", Long.parseLong(feature))
                .put("layer", layer)
                .put("ctx_idx", position)
                .put("feature_type", kind)
                .put("jsNodeId", id)
                .put("clerp", label)
                .put("influence", 0.8 * Math.pow(random.nextDouble(), 0.6))
                .putNull("activation")
                .put("token_prob", 0.0)
                .put("is_target_logit", false)
                .put("run_idx", 0)
                .put("reverse_ctx_idx", 0);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.6f", value);
    }
}
