package dev.headwater.explorer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
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

    static String text(String name) {
        try (InputStream in = new GZIPInputStream(SampleGraphs.class.getResourceAsStream(name + ".json.gz"))) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A graph of about {@code nodes} nodes and exactly {@code edges} edges over 26 layers, edges from below and the
     * left.
     */
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

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.6f", value);
    }
}
