package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * Puts the histograms of feature files into the bundled evidence, as its README says: {@code AtlasHistograms DIR
 * MODELS}, where DIR holds what {@code features build --out DIR} made of both sets, and MODELS is the folder of the
 * bundled model.
 */
final class AtlasHistograms {
    /** Two of a feature file's bins make one. */
    private static final int MERGED = 2;

    private static final MathContext COUNT = new MathContext(2);
    private static final MathContext VALUE = new MathContext(3);

    private AtlasHistograms() {}

    public static void main(String... args) throws IOException, NoSuchAlgorithmException {
        Path models = Path.of(args[1]);
        for (var set : Map.of("atlas-plt", "plt", "atlas-clt", "clt").entrySet()) {
            FeatureFiles files = FeatureFiles.open(Path.of(args[0], set.getKey(), "features"));
            for (int layer = 0; layer < files.layers(); layer++) {
                String name = "atlas-features/%s_layer_%d.jsonl.gz".formatted(set.getValue(), layer);
                byte[] written = packed(AtlasEvidence.features(set.getValue(), layer), files, layer);
                Files.write(models.resolve(name), written);
                list(models.resolve("index.txt"), name, written);
            }
        }
    }

    private static byte[] packed(List<JsonNode> features, FeatureFiles files, int layer) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var out = new GZIPOutputStream(bytes) {
            {
                def.setLevel(Deflater.BEST_COMPRESSION);
            }
        }) {
            for (JsonNode feature : features) {
                ObjectNode line = feature.deepCopy();
                JsonNode record = files.record(layer, line.get("f").intValue()).orElseThrow();
                line.remove("hist");
                if (!record.get("histogram").isEmpty()) {
                    line.set("hist", histogram(record));
                }
                out.write((BoundedJson.mapper().writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
            }
        }
        return bytes.toByteArray();
    }

    private static ObjectNode histogram(JsonNode record) {
        ObjectNode histogram = BoundedJson.mapper().createObjectNode();
        histogram
                .put("min", rounded(record.get("act_min").doubleValue(), VALUE))
                .put("max", rounded(record.get("act_max").doubleValue(), VALUE));
        ArrayNode counts = histogram.putArray("n");
        JsonNode bins = record.get("histogram");
        for (int bin = 0; bin < bins.size(); bin += MERGED) {
            double sum = 0;
            for (int i = bin; i < bin + MERGED; i++) {
                sum += bins.get(i).doubleValue();
            }
            BigDecimal count = rounded(sum, COUNT);
            counts.add(count.scale() <= 0 ? new BigDecimal(count.toBigIntegerExact()) : count);
        }
        return histogram;
    }

    private static BigDecimal rounded(double value, MathContext digits) {
        return new BigDecimal(value).round(digits).stripTrailingZeros();
    }

    private static void list(Path index, String name, byte[] file) throws IOException, NoSuchAlgorithmException {
        String sha =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(file));
        Files.write(
                index,
                Files.readAllLines(index).stream()
                        .map(line -> line.endsWith(" " + name) ? "%s %d %s".formatted(sha, file.length, name) : line)
                        .toList());
    }
}
