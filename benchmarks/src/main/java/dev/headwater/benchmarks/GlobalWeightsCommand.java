package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.features.Connection;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.features.FeatureBuild;
import dev.headwater.engine.features.FeatureConnections;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How well global weights that were gathered on one text foretell the edges of graphs on other prompts. */
@Command(
        name = "global-weights",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Rank correlation of virtual weights, ERA and TWERA with the mean weight of edges between features at one position, in graphs of prompts that the text lacks.")
final class GlobalWeightsCommand implements Callable<Integer> {
    @Option(names = "--transcoders", paramLabel = "NAME", description = "Bundled set (default: ${DEFAULT-VALUE}).")
    private String transcoders = "atlas-plt";

    @Option(names = "--corpus", paramLabel = "FILE", required = true, description = "Text, a document a line.")
    private Path corpus;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "100000",
            description = "Of the text (default: ${DEFAULT-VALUE}).")
    private long tokens;

    @Option(names = "--prompts", paramLabel = "FILE", description = "A JSON object with prompt a line.")
    private Path prompts = Benchmarks.HOME.resolve("benchmarks/circuits/held-out.jsonl");

    @Mixin
    private final TableOptions tables = new TableOptions(1);

    /** A pair of features. */
    private record Pair(int sourceLayer, int source, int targetLayer, int target) {}

    @Override
    public Integer call() throws IOException {
        Path folder = Files.createTempDirectory("headwater-global");
        try (ReplacementModel model = ReplacementModel.load("atlas", transcoders, ReplacementModel.Options.DEFAULT)) {
            Path files = FeatureBuild.run(
                    model,
                    new Corpus(List.of(corpus)),
                    FeatureBuild.Options.DEFAULT.withMaxTokens(tokens).withConnections(256),
                    folder,
                    Progress.NONE);
            Map<Pair, double[]> edges = edges(model);
            if (edges.size() < 3) {
                throw new UsageException("The graphs of " + prompts + " have too few edges between features");
            }
            List<Double> mean = new ArrayList<>();
            Map<Connection.By, List<Double>> foretold = new TreeMap<>();
            Map<List<Integer>, Map<List<Integer>, Connection>> known = new HashMap<>();
            long together = 0;
            for (Map.Entry<Pair, double[]> edge : edges.entrySet()) {
                Pair pair = edge.getKey();
                Connection connection = Objects.requireNonNull(
                        known.computeIfAbsent(List.of(pair.targetLayer, pair.target), _ -> inputs(model, files, pair))
                                .get(List.of(pair.sourceLayer, pair.source)));
                mean.add(edge.getValue()[0] / edge.getValue()[1]);
                together += connection.twera() == null ? 0 : 1;
                for (Connection.By by : Connection.By.values()) {
                    foretold.computeIfAbsent(by, _ -> new ArrayList<>()).add(by.of(connection));
                }
            }
            Table table = new Table(
                    "foretold by", "rank correlation with the mean edge", "of their sizes", "inputs found, %");
            foretold.forEach((by, values) -> table.row(
                    by == Connection.By.WEIGHT ? "virtual weight" : by.name(),
                    String.format(Locale.ROOT, "%.3f", correlation(values, mean)),
                    String.format(Locale.ROOT, "%.3f", correlation(sizes(values), sizes(mean))),
                    String.format(Locale.ROOT, "%.1f", 100 * found(by, edges.keySet(), known))));
            String body = table.print(Table.Format.MARKDOWN)
                    + String.format(
                            Locale.ROOT,
                            "%nInputs found: of the features with an edge into a target those that are among as many of its strongest, out of all features of "
                                    + "earlier layers.  %n%s: %d pairs of features with an edge at one position in the pruned graphs of %s; %d of them fired together in %,d tokens of text.%n",
                            transcoders,
                            mean.size(),
                            prompts.getFileName(),
                            together,
                            tokens);
            System.out.print(body);
            tables.record(body);
            return 0;
        } finally {
            Trees.delete(folder);
        }
    }

    /** Sum and number of the edges of each pair. */
    private Map<Pair, double[]> edges(ReplacementModel model) throws IOException {
        Map<Pair, double[]> edges = new HashMap<>();
        for (String line : Files.readAllLines(prompts)) {
            String prompt = BoundedJson.mapper().readTree(line).path("prompt").asText();
            try (var graph = Attribution.of(model, model.prompt(prompt), AttributionOptions.DEFAULT, Progress.NONE)) {
                Pruning.of(graph, 0.8, 0.98).forEachEdge((target, source, weight) -> {
                    if (graph.node(target) instanceof Node.Feature to
                            && graph.node(source) instanceof Node.Feature from
                            && to.position() == from.position()) {
                        double[] sum = edges.computeIfAbsent(
                                new Pair(from.layer(), from.feature(), to.layer(), to.feature()), _ -> new double[2]);
                        sum[0] += weight;
                        sum[1]++;
                    }
                });
            }
        }
        return edges;
    }

    private static Map<List<Integer>, Connection> inputs(ReplacementModel model, Path files, Pair pair) {
        Map<List<Integer>, Connection> found = new HashMap<>();
        FeatureConnections.byWeight(model, files, pair.targetLayer, pair.target, Integer.MAX_VALUE)
                .inputs()
                .forEach(one -> found.put(List.of(one.layer(), one.feature()), one));
        return found;
    }

    /** Share of all inputs of all targets that are among as many of the target's strongest connections as it has inputs. */
    private static double found(
            Connection.By by, Set<Pair> pairs, Map<List<Integer>, Map<List<Integer>, Connection>> known) {
        Map<List<Integer>, Set<List<Integer>>> inputs = new HashMap<>();
        for (Pair pair : pairs) {
            inputs.computeIfAbsent(List.of(pair.targetLayer, pair.target), _ -> new HashSet<>())
                    .add(List.of(pair.sourceLayer, pair.source));
        }
        long found = 0;
        for (Map.Entry<List<Integer>, Set<List<Integer>>> target : inputs.entrySet()) {
            found += requireNonNull(known.get(target.getKey())).entrySet().stream()
                    .sorted(Comparator.comparingDouble(one -> -Math.abs(by.of(one.getValue()))))
                    .limit(target.getValue().size())
                    .filter(one -> target.getValue().contains(one.getKey()))
                    .count();
        }
        return (double) found / pairs.size();
    }

    private static List<Double> sizes(List<Double> values) {
        return values.stream().map(Math::abs).toList();
    }

    /** Spearman's; equal values share the mean of their ranks. */
    private static double correlation(List<Double> one, List<Double> other) {
        double[] x = ranks(one);
        double[] y = ranks(other);
        double middle = (x.length - 1) / 2.0;
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            xy += (x[i] - middle) * (y[i] - middle);
            xx += (x[i] - middle) * (x[i] - middle);
            yy += (y[i] - middle) * (y[i] - middle);
        }
        return xy / Math.sqrt(xx * yy);
    }

    private static double[] ranks(List<Double> values) {
        List<Integer> order = IntStream.range(0, values.size())
                .boxed()
                .sorted(Comparator.comparingDouble(values::get))
                .toList();
        double[] ranks = new double[values.size()];
        for (int from = 0, to; from < ranks.length; from = to) {
            for (to = from + 1; to < ranks.length && values.get(order.get(to)).equals(values.get(order.get(from))); ) {
                to++;
            }
            for (int i = from; i < to; i++) {
                ranks[order.get(i)] = (from + to - 1) / 2.0;
            }
        }
        return ranks;
    }
}
