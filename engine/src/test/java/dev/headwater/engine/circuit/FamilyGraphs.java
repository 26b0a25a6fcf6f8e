package dev.headwater.engine.circuit;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * Random graphs of prompts "The capital of SUBJECT is", with subjects of one to three tokens: features of four layers of which some
 * recur, errors, two outputs, and edges upwards.
 */
final class FamilyGraphs {
    static final int LAYERS = 4;
    private static final int FEATURES = 6;

    /** What a graph has, beside its file. */
    record Made(List<String> tokens, ObjectNode json) {
        Path write(Path directory, String name) {
            try {
                return Files.writeString(Files.createDirectories(directory).resolve(name + ".json"), json.toString());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private FamilyGraphs() {}

    static Made random(Random random) {
        int subject = 1 + random.nextInt(3);
        List<String> tokens = new ArrayList<>(List.of("<bos>", "The", " capital", " of"));
        for (int i = 0; i < subject; i++) {
            tokens.add(" subject" + random.nextInt(1000));
        }
        tokens.add(" is");
        ObjectNode json = BoundedJson.mapper().createObjectNode();
        ObjectNode metadata = json.putObject("metadata");
        metadata.put("slug", "made")
                .put("scan", "made-plt")
                .put("prompt", String.join("", tokens))
                .put("schema_version", 1);
        tokens.forEach(metadata.putArray("prompt_tokens")::add);
        metadata.putObject("info").put("model", "made").put("transcoder_set", "made-plt");
        json.putObject("qParams");
        ArrayNode nodes = json.putArray("nodes");
        // By height, so that edges go up: tokens, features and errors of each layer, outputs.
        TreeMap<Integer, List<String>> rows = new TreeMap<>();
        for (int p = 0; p < tokens.size(); p++) {
            add(rows, 0, node(nodes, "E_" + p + "_" + p, "embedding", "E", p, p));
        }
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int p = 1; p < tokens.size(); p++) {
                for (int f = 0; f < FEATURES; f++) {
                    if (random.nextInt(3) > 0) {
                        long number = (long) (layer + f) * (layer + f + 1) / 2 + f;
                        String id = layer + "_" + f + "_" + p;
                        add(rows, layer + 1, node(nodes, id, "cross layer transcoder", "" + layer, number, p));
                        ((ObjectNode) nodes.get(nodes.size() - 1))
                                .put("activation", random.nextFloat())
                                .put("clerp", random.nextBoolean() ? "label " + f : "");
                    }
                }
                add(rows, layer + 1, node(nodes, layer + "_-1_" + p, "mlp reconstruction error", "" + layer, -1, p));
            }
        }
        for (int i = 0; i < 2; i++) {
            int token = 10 + random.nextInt(5) * 2 + i;
            add(
                    rows,
                    LAYERS + 1,
                    node(nodes, "9_" + token + "_" + (tokens.size() - 1), "logit", "9", token, tokens.size() - 1));
            ((ObjectNode) nodes.get(nodes.size() - 1))
                    .put("token_prob", i == 0 ? 0.7 : 0.2)
                    .put("clerp", "Output \" answer" + token + "\" (p=0.5)");
        }
        ArrayNode links = json.putArray("links");
        rows.forEach((row, targets) -> targets.forEach(target -> rows.headMap(row)
                .values()
                .forEach(sources -> sources.forEach(source -> {
                    if (random.nextInt(2) == 0) {
                        links.addObject()
                                .put("source", source)
                                .put("target", target)
                                .put("weight", random.nextFloat() - 0.4f);
                    }
                }))));
        return new Made(List.copyOf(tokens), json);
    }

    private static void add(TreeMap<Integer, List<String>> rows, int row, String id) {
        rows.computeIfAbsent(row, _ -> new ArrayList<>()).add(id);
    }

    static String node(ArrayNode nodes, String id, String type, String layer, long feature, int position) {
        nodes.addObject()
                .put("node_id", id)
                .put("feature_type", type)
                .put("layer", layer)
                .put("feature", feature)
                .put("ctx_idx", position)
                .put("clerp", "");
        return id;
    }
}
