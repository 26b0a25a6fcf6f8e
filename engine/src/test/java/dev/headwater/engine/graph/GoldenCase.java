package dev.headwater.engine.graph;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** One of the golden models' attribution runs, as far as graphs go: nothing here needs the model. */
record GoldenCase(String name, JsonNode settings, Golden golden) {
    static GoldenCase of(String name) {
        return new GoldenCase(name, Golden.json(name + "/case.json"), new Golden(name + "/golden.safetensors"));
    }

    int dim(String dim) {
        return settings.get("dims").get(dim).asInt();
    }

    double tolerance(String quantity, int which) {
        return settings.get("tolerances").get(quantity).get(which).asDouble();
    }

    /** The graph over all active features, with the model's own targets. */
    AttributionGraph graph() {
        int n = golden.shape("adjacency")[0];
        return graph(
                IntStream.range(0, dim("active_features")).toArray(),
                targets(),
                EdgeRows.fromDense(golden.floats("adjacency"), n, n));
    }

    /** The graph over all active features with other targets, whose rows are given [K, n']. */
    AttributionGraph withTargets(float[] rows, double... probabilities) {
        int old = golden.shape("adjacency")[0];
        int sources = old - dim("logit_targets");
        int n = sources + probabilities.length;
        float[] full = golden.floats("adjacency");
        float[] dense = new float[n * n];
        for (int r = 0; r < sources; r++) System.arraycopy(full, r * old, dense, r * n, sources);
        System.arraycopy(rows, 0, dense, sources * n, rows.length);
        List<LogitTarget> targets = Arrays.stream(probabilities)
                .mapToObj(p -> new LogitTarget(0, "", (float) p, last()))
                .toList();
        return graph(IntStream.range(0, dim("active_features")).toArray(), targets, EdgeRows.fromDense(dense, n, n));
    }

    private int last() {
        return settings.get("prompt_tokens").size() - 1;
    }

    private List<LogitTarget> targets() {
        int[] ids = golden.ints("logit_targets");
        double[] probabilities = golden.doubles("logit_probabilities");
        return IntStream.range(0, ids.length)
                .mapToObj(k -> new LogitTarget(
                        ids[k], settings.get("logit_target_strings").get(k).asText(), (float) probabilities[k], last()))
                .toList();
    }

    AttributionGraph graph(int[] selected, List<LogitTarget> targets, EdgeRows edges) {
        int[] triples = golden.ints("active_features");
        int[][] columns = new int[3][];
        for (int c = 0; c < 3; c++) {
            int column = c;
            columns[c] = IntStream.range(0, triples.length / 3)
                    .map(i -> triples[3 * i + column])
                    .toArray();
        }
        var texts = new ArrayList<String>();
        settings.get("prompt_tokens").forEach(t -> texts.add(t.asText()));
        var provenance = new Provenance(
                "tiny/" + name,
                List.of("tiny/" + name + "-transcoders"),
                "tiny/" + name + "-transcoders",
                "cpu",
                "float32",
                Map.of("headwater", "0.1.0"),
                Map.of("max_n_logits", 10),
                Map.of(),
                0);
        return new AttributionGraph(
                new Prompt(String.join("", texts), golden.ints("input_tokens"), texts),
                dim("layers"),
                dim("vocab"),
                new ActiveFeatures(columns[0], columns[1], columns[2], golden.floats("activation_values")),
                selected,
                targets,
                edges,
                provenance);
    }

    @Override
    public String toString() {
        return name;
    }
}
