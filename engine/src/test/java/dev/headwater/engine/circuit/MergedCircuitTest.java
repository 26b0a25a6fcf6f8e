package dev.headwater.engine.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.Progress;
import dev.headwater.engine.circuit.Alignment.By;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A circuit over many graphs, against one that is reckoned from the files' JSON in another way. */
class MergedCircuitTest {
    private static final int GRAPHS = 12;

    @TempDir
    private Path directory;

    private final List<FamilyGraphs.Made> made = new ArrayList<>();

    private GraphSet set() {
        Random random = new Random(7);
        for (int i = 0; i < GRAPHS; i++) {
            made.add(FamilyGraphs.random(random));
            made.getLast().write(directory, "graph-%02d".formatted(i));
        }
        return GraphSet.open(directory, _ -> {}, Progress.NONE);
    }

    /** A node's name with its role in the place of its position, and "answer" for the most probable output; null for others. */
    private static String name(JsonNode node, int length) {
        String[] parts = node.get("node_id").asText().split("_");
        int position = node.get("ctx_idx").asInt();
        String role = position < 4
                ? "start+" + position
                : position == length - 1 ? "final" : "subject" + (position == length - 2 ? "" : position - length + 2);
        return switch (node.get("feature_type").asText()) {
            case "embedding" -> "token " + role;
            case "cross layer transcoder" -> parts[0] + "/" + parts[1] + " " + role;
            case "logit" -> node.get("token_prob").asDouble() > 0.5 ? "answer" : null;
            default -> null;
        };
    }

    /** Influence by its definition, over all paths: nodes stand in the order of their height, so one pass from above suffices. */
    private static Map<String, Double> influence(JsonNode graph) {
        Map<String, Double> rowSum = new HashMap<>();
        graph.get("links")
                .forEach(link -> rowSum.merge(
                        link.get("target").asText(), Math.abs(link.get("weight").asDouble()), Double::sum));
        Map<String, Double> influence = new HashMap<>();
        Map<String, Double> goal = new HashMap<>();
        graph.get("nodes")
                .forEach(node -> goal.put(
                        node.get("node_id").asText(), node.path("token_prob").asDouble(0)));
        List<JsonNode> nodes = new ArrayList<>();
        graph.get("nodes").forEach(nodes::add);
        // Features of one layer stand position by position; height decides.
        nodes.sort((a, b) -> Integer.compare(height(b), height(a)));
        for (JsonNode node : nodes) {
            String id = node.get("node_id").asText();
            double passed = goal.get(id) + influence.getOrDefault(id, 0.0);
            for (JsonNode link : graph.get("links")) {
                if (link.get("target").asText().equals(id)) {
                    influence.merge(
                            link.get("source").asText(),
                            passed * Math.abs(link.get("weight").asDouble()) / rowSum.get(id),
                            Double::sum);
                }
            }
        }
        double all =
                influence.values().stream().mapToDouble(Double::doubleValue).sum();
        influence.replaceAll((_, value) -> value / all);
        return influence;
    }

    private static int height(JsonNode node) {
        return node.get("layer").asText().equals("E") ? -1 : node.get("layer").asInt();
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElse(0);
    }

    private static double deviation(List<Double> values) {
        double mean = mean(values);
        double squares =
                values.stream().mapToDouble(x -> (x - mean) * (x - mean)).sum();
        return values.size() < 2 ? 0 : Math.sqrt(squares / (values.size() - 1));
    }

    @Test
    void itIsWhatTheFilesSay() throws IOException {
        GraphSet set = set();
        MergedCircuit circuit = MergedCircuit.of(set, set.alignment(By.ROLE), 0.6, 20, Progress.NONE);
        Map<String, List<Integer>> in = new TreeMap<>();
        Map<String, List<Double>> activation = new HashMap<>();
        Map<String, Double> influence = new HashMap<>();
        Map<List<String>, List<Double>> weights = new HashMap<>();
        Map<List<String>, List<Integer>> edgesIn = new HashMap<>();
        for (int g = 0; g < GRAPHS; g++) {
            int graph = g;
            JsonNode json = BoundedJson.mapper().readTree(set.files().get(g).toFile());
            Map<String, Double> shares = influence(json);
            Map<String, String> names = new HashMap<>();
            json.get("nodes").forEach(node -> {
                String name = name(node, made.get(graph).tokens().size());
                if (name != null) {
                    names.put(node.get("node_id").asText(), name);
                    in.computeIfAbsent(name, _ -> new ArrayList<>()).add(graph);
                    if (node.has("activation")) {
                        activation
                                .computeIfAbsent(name, _ -> new ArrayList<>())
                                .add(node.get("activation").asDouble());
                    }
                    influence.merge(
                            name, shares.getOrDefault(node.get("node_id").asText(), 0.0) / GRAPHS, Double::sum);
                }
            });
            json.get("links").forEach(link -> {
                String source = names.get(link.get("source").asText());
                String target = names.get(link.get("target").asText());
                if (source != null && target != null) {
                    weights.computeIfAbsent(List.of(source, target), _ -> new ArrayList<>())
                            .add((double) (float) link.get("weight").asDouble());
                    edgesIn.computeIfAbsent(List.of(source, target), _ -> new ArrayList<>())
                            .add(graph);
                }
            });
        }
        List<String> recurring = in.keySet().stream()
                .filter(name -> name.contains("/") && in.get(name).size() >= 0.6 * GRAPHS)
                .sorted((a, b) -> Double.compare(influence.get(b), influence.get(a)))
                .toList();
        assertEquals(recurring.size(), circuit.recurring());
        assertTrue(circuit.recurring() > 20, "some must be left out");
        assertEquals(
                recurring.subList(0, 20),
                circuit.features().stream()
                        .map(node -> node.member().toString())
                        .toList());
        Set<String> names = new HashSet<>();
        for (MergedCircuit.Node node : circuit.nodes()) {
            String name = node.member().toString();
            names.add(name);
            assertEquals(in.get(name), node.in(), name);
            assertEquals((double) in.get(name).size() / GRAPHS, node.share(), name);
            assertEquals(influence.get(name), node.influence(), 1e-6, name);
            if (node.member().ofFeature()) {
                assertEquals(mean(activation.get(name)), node.activation().mean(), 1e-12, name);
                assertEquals(deviation(activation.get(name)), node.activation().deviation(), 1e-12, name);
            }
        }
        assertTrue(
                names.containsAll(List.of("token start+3", "token subject", "token final", "answer")), names::toString);
        Set<List<String>> kept = new HashSet<>();
        for (MergedCircuit.Edge edge : circuit.edges()) {
            List<String> ends = List.of(
                    circuit.nodes().get(edge.source()).member().toString(),
                    circuit.nodes().get(edge.target()).member().toString());
            kept.add(ends);
            assertEquals(edgesIn.get(ends), edge.in(), ends::toString);
            assertEquals(mean(weights.get(ends)), edge.weight().mean(), 1e-12, ends::toString);
            assertEquals(deviation(weights.get(ends)), edge.weight().deviation(), 1e-12, ends::toString);
        }
        weights.keySet().stream()
                .filter(names::containsAll)
                .forEach(ends -> assertTrue(kept.contains(ends), ends::toString));
    }

    /** Parts in any order and grouping: counts and graphs are the same, numbers up to rounding. */
    @Test
    void partsOfASetGiveTheWhole() {
        GraphSet set = set();
        Alignment alignment = set.alignment(By.ROLE);
        List<Reading> readings = new ArrayList<>();
        set.forEach(alignment, "", Progress.NONE, (_, graph) -> readings.add(graph));
        NodeTally whole = new NodeTally();
        readings.forEach(whole::add);
        EdgeTally edges = new EdgeTally(whole.entries().keySet());
        for (int i = 0; i < GRAPHS; i++) {
            edges.add(i, readings.get(i));
        }
        Random random = new Random(11);
        for (int round = 0; round < 20; round++) {
            List<NodeTally> nodeParts = new ArrayList<>();
            List<EdgeTally> edgeParts = new ArrayList<>();
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < GRAPHS; i++) {
                order.add(i);
            }
            Collections.shuffle(order, random);
            for (int number : order) {
                if (nodeParts.isEmpty() || random.nextInt(3) == 0) {
                    nodeParts.add(new NodeTally());
                    edgeParts.add(new EdgeTally(whole.entries().keySet()));
                }
                nodeParts.getLast().add(readings.get(number));
                edgeParts.getLast().add(number, readings.get(number));
            }
            // A tree of them: two neighbours at a time.
            while (nodeParts.size() > 1) {
                int at = random.nextInt(nodeParts.size() - 1);
                nodeParts.get(at).add(nodeParts.remove(at + 1));
                edgeParts.get(at).add(edgeParts.remove(at + 1));
            }
            NodeTally merged = nodeParts.getFirst();
            assertEquals(GRAPHS, merged.graphs());
            assertEquals(whole.entries().keySet(), merged.entries().keySet());
            whole.entries().forEach((member, entry) -> {
                NodeTally.Entry other = merged.entries().get(member);
                assertEquals(entry.graphs(), other.graphs());
                assertEquals(entry.label(), other.label());
                same(entry.activation(), other.activation());
                same(entry.influence(), other.influence());
            });
            assertEquals(edges.nodes(), edgeParts.getFirst().nodes());
            same(edges.carried(), edgeParts.getFirst().carried());
            edges.edges().forEach((ends, entry) -> {
                EdgeTally.Entry other = edgeParts.getFirst().edges().get(ends);
                assertEquals(entry.graphs(), other.graphs());
                same(entry.weight(), other.weight());
            });
        }
    }

    private static void same(Moments expected, Moments actual) {
        assertEquals(expected.count(), actual.count());
        assertEquals(expected.mean(), actual.mean(), 1e-14);
        assertEquals(expected.deviation(), actual.deviation(), 1e-12);
    }

    @Test
    void numbersOfManyAreNotSquaredAway() {
        Moments moments = Moments.NONE;
        for (double value : new double[] {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) {
            moments = moments.and(value);
        }
        assertEquals(Math.sqrt(30), moments.deviation(), 1e-9);
        assertEquals(0, Moments.NONE.and(3).deviation());
    }

    /** Against R 4.3's fisher.test and scipy 1.13's fisher_exact, and a sum of probabilities that is 1. */
    @Test
    void fishersTest() {
        Fisher test = new Fisher(40);
        assertEquals(0.48571428571428577, test.probability(3, 4, 1, 4), 1e-12);
        assertEquals(0.03496503496503495, test.probability(8, 10, 1, 6), 1e-12);
        assertEquals(1.082508822446903e-05, test.probability(10, 10, 0, 10), 1e-15);
        assertEquals(1, test.probability(5, 10, 5, 10), 1e-12);
        assertEquals(1, test.probability(0, 12, 0, 3), 1e-12);
    }

    @Test
    void whatOneSetHasAndAnotherLacks() {
        NodeTally one = new NodeTally();
        NodeTally other = new NodeTally();
        for (int i = 0; i < 10; i++) {
            one.add(reading(i < 9 ? 1 : 2, 7));
            other.add(reading(i < 1 ? 1 : 2, 7));
        }
        SetContrast contrast = SetContrast.of(one, other);
        assertEquals(3, contrast.tested());
        SetContrast.Difference first = contrast.features().getFirst();
        assertEquals("0/1 final", first.member().toString());
        assertEquals(List.of(9, 1), List.of(first.first(), first.second()));
        assertEquals(0.8, first.difference(), 1e-12);
        assertEquals(2 * (100 + 1) / 184_756.0, first.probability(), 1e-12);
        // Two of three are as improbable as that, so the rate is p·3/2 for both.
        assertEquals(first.probability() * 1.5, first.discoveries(), 1e-12);
        assertEquals(1, contrast.features().getLast().discoveries());
        assertFalse(contrast.features().getLast().probability() < 1);
    }

    private static Reading reading(int... features) {
        Map<Member, Reading.Seen> nodes = new HashMap<>();
        for (int feature : features) {
            nodes.put(Member.feature(0, feature, Role.LAST), new Reading.Seen(1, 0.1, ""));
        }
        return new Reading("", "", "", 0, nodes, List.of(), 0.1 * features.length);
    }

    @Test
    void itsFileIsAGraphThatSaysWhoseItIs() {
        GraphSet set = set();
        MergedCircuit circuit = MergedCircuit.of(set, set.alignment(By.ROLE), 0.6, 20, Progress.NONE);
        CircuitFileTest.check(circuit, directory);
        // It lies among the graphs now, and is none of them.
        List<String> remarks = new ArrayList<>();
        assertEquals(
                GRAPHS,
                GraphSet.open(directory, remarks::add, Progress.NONE).files().size());
        assertEquals(1, remarks.size(), remarks.toString());
        assertTrue(GraphDocument.read(directory.resolve("merged.json")).rest().has(CircuitFile.FIELD));
    }
}
