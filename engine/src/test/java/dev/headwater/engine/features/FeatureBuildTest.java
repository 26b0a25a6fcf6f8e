package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FeatureBuildTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"atlas-plt, plt", "atlas-clt, clt"})
    void findsWhatTheBundledEvidenceSays(String transcoders, String set) throws IOException {
        Set<String> documents = new LinkedHashSet<>();
        for (int layer = 0; layer < 6; layer++) {
            AtlasEvidence.features(set, layer).stream().limit(40).forEach(f -> f.get("top").forEach(c -> documents.add(c.get("t").asText())));
        }
        System.out.println(documents.size());
        Path file = Files.write(directory.resolve("corpus.txt"), documents);
        try (ReplacementModel model = AtlasEvidence.load(transcoders)) {
            long t = System.nanoTime();
            Path built = FeatureBuild.run(model, new Corpus(List.of(file)), FeatureBuild.Options.DEFAULT, directory, new Progress() {
                public void phase(String name, long total) { System.out.println(name + " " + total + " " + (System.nanoTime() - t) / 1e9); }
            });
            System.out.println((System.nanoTime() - t) / 1e9);
            FeatureFiles files = FeatureFiles.open(built);
            int agree = 0, n = 0, first = 0;
            double logitOverlap = 0;
            for (int layer = 0; layer < 6; layer++) {
                List<JsonNode> ev = AtlasEvidence.features(set, layer);
                System.out.println(Files.size(built.resolve("layer_" + layer + ".bin")));
                for (int f = 0; f < 40; f++) {
                    JsonNode e = ev.get(f);
                    JsonNode r = files.record(layer, f).orElseThrow();
                    if (r.get("examples_quantiles").isEmpty() && !e.get("top").isEmpty()) { System.out.println("dead " + layer + " " + f + " " + e); continue; }
                    Set<String> ours = new HashSet<>(), theirs = new HashSet<>();
                    r.get("top_logits").forEach(x -> ours.add(x.asText()));
                    e.get("pos").forEach(x -> theirs.add(x.get(0).asText()));
                    theirs.retainAll(ours);
                    logitOverlap += theirs.size() / 8.0;
                    if (e.get("top").isEmpty()) continue;
                    n++;
                    JsonNode ex = r.at("/examples_quantiles/0/examples/0");
                    List<String> tok = new ArrayList<>();
                    ex.get("tokens").forEach(x -> tok.add(x.asText()));
                    String text = String.join("", tok.subList(1, tok.size()));
                    JsonNode top = e.at("/top/0");
                    double mx = 0; for (JsonNode c : e.get("top")) mx = Math.max(mx, c.get("v").asDouble());
 if (Math.abs(r.get("act_max").asDouble() - mx) < 0.011) agree++;
                    else System.out.println(layer + " " + f + " " + r.get("act_max") + " " + mx + " " + e.at("/top/0") + " " + text);
                    if (text.equals(top.get("t").asText()) && ex.get("train_token_ind").asInt() == top.get("p").asInt()) first++;
                }
            }
            System.out.println(n + " " + agree + " " + first + " logits " + logitOverlap / 240);
        }
    }
}
