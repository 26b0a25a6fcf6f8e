package dev.headwater.cli.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/** The evidence that comes with the atlas model: one gzip file of JSON lines for each set and layer, line f for feature f. */
final class BundledFeatures implements FeatureSource {
    private static final Map<String, String> SETS = Map.of("atlas-plt", "plt", "atlas-clt", "clt");
    private static final int LAYERS_HELD = 4;

    /**
     * Where the model's tokenizer splits text. All words of the evidence are single tokens, so the pieces are the tokens; a
     * test compares them with the evidence.
     */
    private static final Pattern TOKEN = Pattern.compile(
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");

    private final Function<String, InputStream> files;
    private final LinkedHashMap<String, List<String>> layers = new LinkedHashMap<>(8, 0.75f, true);

    /** @param files opens a file of the evidence by its name, such as {@code plt_layer_0.jsonl.gz}, or gives null */
    BundledFeatures(Function<String, InputStream> files) {
        this.files = files;
    }

    @Override
    public Optional<JsonNode> feature(String scan, int layer, int feature) {
        String set = SETS.get(scan);
        if (set == null || layer < 0 || feature < 0) {
            return Optional.empty();
        }
        List<String> lines = lines(set + "_layer_" + layer + ".jsonl.gz");
        return feature < lines.size() ? Optional.of(record(scan, lines.get(feature))) : Optional.empty();
    }

    private List<String> lines(String file) {
        synchronized (layers) {
            List<String> lines = layers.computeIfAbsent(file, this::load);
            if (layers.size() > LAYERS_HELD) {
                layers.pollFirstEntry();
            }
            return lines;
        }
    }

    private List<String> load(String file) {
        try (InputStream in = files.apply(file)) {
            return in == null ? List.of() : new String(new GZIPInputStream(in, 1 << 16).readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("bundled " + file, e);
        }
    }

    private static JsonNode record(String scan, String line) {
        JsonNode evidence = Json.parse(line.getBytes(StandardCharsets.UTF_8), JsonNode.class);
        ObjectNode record = Json.MAPPER.createObjectNode();
        record.put("transcoder_id", scan);
        record.set("index", evidence.get("f"));
        record.set("activation_frequency", evidence.get("freq"));
        record.put("act_min", 0);
        record.set("act_max", evidence.get("max"));
        logits(record, "top_logits", evidence.get("pos"));
        logits(record, "bottom_logits", evidence.get("neg"));
        ArrayNode quantiles = record.putArray("examples_quantiles");
        if (!evidence.get("top").isEmpty()) {
            ObjectNode top = quantiles.addObject().put("quantile_name", "Top activations");
            ArrayNode examples = top.putArray("examples");
            evidence.get("top").forEach(context -> example(examples.addObject(), context));
        }
        return record;
    }

    /** The names as the field has them; the values beside them, under a name of our own. */
    private static void logits(ObjectNode record, String name, JsonNode pairs) {
        ArrayNode tokens = record.putArray(name);
        ArrayNode values = record.putArray(name.replace("logits", "logit_values"));
        pairs.forEach(pair -> {
            tokens.add(pair.get(0));
            values.add(pair.get(1));
        });
    }

    private static void example(ObjectNode example, JsonNode context) {
        List<String> tokens = tokens(context.get("t").textValue());
        tokens.add("<eos>");
        double[] activations = new double[tokens.size()];
        context.get("a").forEach(active -> {
            int position = active.get(0).intValue();
            if (position < activations.length) {
                activations[position] = active.get(1).doubleValue();
            }
        });
        ArrayNode texts = example.putArray("tokens");
        tokens.forEach(texts::add);
        ArrayNode values = example.putArray("tokens_acts_list");
        for (double activation : activations) {
            values.add(activation);
        }
        example.set("train_token_ind", context.get("p"));
        example.put("is_repeated_datapoint", false);
    }

    /** The text's tokens, the leading {@code <bos>} at 0. */
    static List<String> tokens(String text) {
        List<String> tokens = new ArrayList<>(List.of("<bos>"));
        for (Matcher piece = TOKEN.matcher(text); piece.find(); ) {
            tokens.add(piece.group());
        }
        return tokens;
    }
}
