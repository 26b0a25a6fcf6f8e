package dev.headwater.engine.features;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.BundledModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.ref.SoftReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;

/**
 * The evidence that comes with the atlas model: one gzip file of JSON lines for each set and layer, line f for feature
 * f.
 */
public final class BundledFeatures implements FeatureEvidence {
    private static final Map<String, BundledFeatures> SETS = Map.of(
            "atlas-plt", new BundledFeatures("atlas-plt", "plt"), "atlas-clt", new BundledFeatures("atlas-clt", "clt"));
    private static final int LAYERS = 6;

    /**
     * Where the model's tokenizer splits text. All words of the evidence are single tokens, so the pieces are the
     * tokens; a test compares them with the evidence.
     */
    private static final Pattern TOKEN = Pattern.compile(
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");

    private final String scan;
    private final String prefix;
    private final List<Layer> layers =
            IntStream.range(0, LAYERS).mapToObj(_ -> new Layer()).toList();

    /**
     * The lines of a layer, unpacked by the first that asks for them while others get theirs; given up if memory is
     * short.
     */
    private static final class Layer {
        private volatile SoftReference<List<String>> lines = new SoftReference<>(null);
    }

    private BundledFeatures(String scan, String prefix) {
        this.scan = scan;
        this.prefix = prefix;
    }

    /** The evidence of {@code atlas-plt} or {@code atlas-clt}; empty for any other name. */
    public static Optional<BundledFeatures> of(String transcoders) {
        return Optional.ofNullable(SETS.get(transcoders));
    }

    @Override
    public Optional<JsonNode> record(int layer, int feature) {
        if (layer < 0 || layer >= LAYERS || feature < 0) {
            return Optional.empty();
        }
        List<String> lines = lines(layer);
        return feature < lines.size() ? Optional.of(record(lines.get(feature))) : Optional.empty();
    }

    private List<String> lines(int layer) {
        Layer one = layers.get(layer);
        List<String> lines = one.lines.get();
        if (lines == null) {
            synchronized (one) {
                lines = one.lines.get();
                if (lines == null) {
                    lines = load(layer);
                    one.lines = new SoftReference<>(lines);
                }
            }
        }
        return lines;
    }

    private List<String> load(int layer) {
        try (InputStream in = new GZIPInputStream(
                BundledModel.open("atlas-features/" + prefix + "_layer_" + layer + ".jsonl.gz"), 1 << 16)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("bundled evidence of layer " + layer, e);
        }
    }

    private JsonNode record(String line) {
        JsonNode evidence;
        try {
            evidence = BoundedJson.mapper().readTree(line);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("bundled evidence", e);
        }
        ObjectNode record = BoundedJson.mapper().createObjectNode();
        record.put("transcoder_id", scan);
        record.set("index", evidence.get("f"));
        record.set("activation_frequency", evidence.get("freq"));
        histogram(record, evidence);
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

    private static void histogram(ObjectNode record, JsonNode evidence) {
        JsonNode histogram = evidence.get("hist");
        if (histogram == null) {
            record.put("act_min", 0);
            record.set("act_max", evidence.get("max"));
        } else {
            record.set("act_min", histogram.get("min"));
            record.set("act_max", histogram.get("max"));
            record.set("histogram", histogram.get("n"));
        }
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

    /** The text's tokens, between {@code <bos>} and {@code <eos>}. */
    private static List<String> tokens(String text) {
        List<String> tokens = new ArrayList<>(List.of("<bos>"));
        for (Matcher piece = TOKEN.matcher(text); piece.find(); ) {
            tokens.add(piece.group());
        }
        tokens.add("<eos>");
        return tokens;
    }
}
