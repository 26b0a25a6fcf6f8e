package dev.headwater.explorer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.EdgeHeads;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.graph.FeatureRef;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** Stands in for a live model: "traces" every prompt to the Dallas graph, "steers" to Sacramento, slowly enough to watch. */
final class FakeEngine implements Engine {
    private final long stepMillis;
    private final AtomicInteger inside = new AtomicInteger();

    FakeEngine(long stepMillis) {
        this.stepMillis = stepMillis;
    }

    @Override
    public List<Model> models() {
        return List.of(new Model(
                "atlas",
                "atlas (bundled, 4.6 million parameters)",
                List.of("atlas-plt", "atlas-clt", "neurons"),
                List.of("atlas-plt", "atlas-clt", "atlas-neurons"),
                6,
                6,
                128,
                true,
                List.of(
                        "Fact: the capital of the state containing Dallas is",
                        "Fact: the capital of the state containing Oakland is",
                        "36+59=")));
    }

    @Override
    public List<String> tokens(String model, Prompt prompt) {
        return switch (prompt) {
            case Prompt.Text text -> split(text.text());
            case Prompt.Chat chat ->
                split(chat.turns().stream()
                        .map(turn -> turn.role() + ": " + turn.content())
                        .reduce("", String::concat));
        };
    }

    @Override
    public Outlook outlook(String model, String transcoders, Prompt prompt, int maxFeatureNodes) {
        List<String> tokens = tokens(model, prompt);
        boolean dull = prompt instanceof Prompt.Text text && text.text().endsWith("dull");
        return new Outlook(
                tokens,
                List.of(
                        new TokenProbability(101, dull ? "." : " Austin", 0.93),
                        new TokenProbability(102, "Austin", 0.02)),
                0.4 * tokens.size());
    }

    private static List<String> split(String text) {
        return Stream.concat(Stream.of("<bos>"), Stream.of(text.split("(?=[ :])")))
                .toList();
    }

    @Override
    public void attribute(GraphRequest request, Path target, Progress progress) {
        once(() -> {
            if (request.prompt() instanceof Prompt.Text text && text.text().contains("fail")) {
                throw new HeadwaterException("The prompt has 999 tokens, but atlas reads at most 128: shorten it.");
            }
            for (String phase :
                    List.of("Forward pass", "Encoding features", "Tracing logits", "Tracing features", "Pruning")) {
                progress.phase(phase, 20);
                for (int step = 1; step <= 20; step++) {
                    pause(progress);
                    progress.advance(step);
                    // The job that a test means to cancel waits for that, however slow the machine is.
                    while (request.prompt() instanceof Prompt.Text text
                            && text.text().contains("cancel")) {
                        pause(progress);
                    }
                }
            }
            try {
                Files.writeString(
                        target,
                        SampleGraphs.text(SampleGraphs.DALLAS)
                                .replace("\"slug\": \"dallas-austin\"", "\"slug\": \"" + request.name() + "\""));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return null;
        });
    }

    @Override
    public SteerResult intervene(SteerRequest request, Progress progress) {
        return once(() -> {
            progress.phase("Running the prompt twice", 2);
            pause(progress);
            progress.advance(2);
            String[] tokens = {" Austin", " Sacramento", " Dover", " Salem", " Boise", " Texas"};
            double[] before = {0.997, 0.001, 0.0008, 0.0005, 0.0003, 0.0002};
            double[] after = {0.05, 0.91, 0.02, 0.01, 0.006, 0.001};
            return new SteerResult(
                    outcome(tokens, before, request, 1, " Austin. Fact: the capital of Texas is"),
                    outcome(tokens, after, request, 0.3, " Sacramento. Fact: the region of"),
                    request.edits().stream()
                            .map(edit -> new Applied(edit.site(), unchanged(edit.site()), set(edit)))
                            .toList());
        });
    }

    /** Every head passes a little of every edge, head 0 most; each looks at the position before. */
    @Override
    public AttentionResult attention(AttentionRequest request, Progress progress) {
        return once(() -> {
            progress.phase("explain a score", 1);
            pause(progress);
            // A head that a test means to cancel waits for that.
            while (request.patterns().contains(new Head(5, 5))) {
                pause(progress);
            }
            ArrayNode edges = Json.MAPPER.createArrayNode();
            request.edges().forEach(ends -> edges.add(edge(ends)));
            ArrayNode scores = Json.MAPPER.createArrayNode();
            request.scores().forEach(score -> scores.add(score(score)));
            return new AttentionResult(
                    edges,
                    scores,
                    request.briefly().stream()
                            .filter(ends -> between(ends)[0] < between(ends)[1])
                            .map(ends -> new AttentionBlock.Edge(
                                    NodeId.of(ends.source(), LAYERS),
                                    NodeId.of(ends.target(), LAYERS),
                                    List.of(new AttentionBlock.Part(between(ends)[0], 0, 0.25f)),
                                    0.125))
                            .toList(),
                    request.patterns().stream()
                            .map(head -> pattern(head, request.tokens().size()))
                            .toList());
        });
    }

    @Override
    public Timed<Explanation> explain(Subject subject, Explanation.Options options, Progress progress) {
        return once(() -> {
            search(progress, options.budget());
            return new Timed<>(FakeCircuits.explanation(subject), 1.8);
        });
    }

    /** One with a budget of 13 ends when it is cancelled. */
    private void search(Progress progress, int budget) {
        progress.phase("interventions", 2000);
        for (int step = 1; step <= 10; step++) {
            pause(progress);
            progress.advance(step * 100);
            while (budget == 13) {
                pause(progress);
            }
        }
    }

    @Override
    public Timed<Judgement> judge(
            Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
        return once(() -> {
            search(progress, 54);
            return new Timed<>(FakeCircuits.judgement(circuit.size()), 0.1);
        });
    }

    @Override
    public Timed<Card> card(Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
        return once(() -> new Timed<>(FakeCircuits.CARD, 0.1));
    }

    @Override
    public Timed<WhyNot> whyNot(Subject subject, String token, int size, Progress progress) {
        return once(() -> {
            if (!token.equals(" Houston")) {
                throw new UsageException("'" + token + "' is 3 tokens, not one");
            }
            search(progress, 1);
            return new Timed<>(FakeCircuits.WHY_NOT_HOUSTON, 0.2);
        });
    }

    private static final int LAYERS = 6;

    /** The first layer between the ends and the one after the last. */
    private static int[] between(Ends ends) {
        return new int[] {
            EdgeHeads.layerOf(ends.source(), LAYERS) + 1, Math.min(LAYERS, EdgeHeads.layerOf(ends.target(), LAYERS) + 1)
        };
    }

    private static ObjectNode edge(Ends ends) {
        int[] layers = between(ends);
        if (layers[0] >= layers[1]) {
            throw new UsageException("no attention lies between the ends of the edge");
        }
        ObjectNode edge = Json.MAPPER
                .createObjectNode()
                .put("source", NodeId.of(ends.source(), LAYERS))
                .put("target", NodeId.of(ends.target(), LAYERS))
                .put("weight", 0.9);
        ArrayNode list = edge.putArray("layers");
        for (int layer = layers[0]; layer < layers[1]; layer++) {
            ArrayNode heads =
                    list.addObject().put("layer", layer).put("bypass", 0.2).putArray("heads");
            for (double loading : new double[] {0.5, 0.3, -0.15, 0.05, 0, 0}) {
                heads.add(loading);
            }
        }
        return edge;
    }

    private static ObjectNode score(Score asked) {
        ObjectNode score = Json.MAPPER
                .createObjectNode()
                .put("layer", asked.layer())
                .put("head", asked.head())
                .put("query", asked.query())
                .put("key", asked.key())
                .put("score", 17.9)
                .put("attention", 0.5)
                .put("mean", -1.0);
        score.putArray("query_sources")
                .add(source("0_1981_10", 9.5))
                .add(source("4_425_10", -1.5))
                .add(source("2_777_10", 0.25));
        score.putArray("key_sources").add(source("E_5352_9", 6.5)).add(source("0_94_9", 3.25));
        score.putArray("relative_sources").add(source("0_1981_10", 8.5));
        score.putObject("rest").put("query", 0.75).put("key", 1.5);
        score.putArray("pairs")
                .addObject()
                .put("query", "0_1981_10")
                .put("key", "0_94_9")
                .put("value", 2.5);
        return score.put("all_pairs", true);
    }

    private static ObjectNode source(String node, double value) {
        return Json.MAPPER.createObjectNode().put("node", node).put("value", value);
    }

    private static Pattern pattern(Head head, int positions) {
        return new Pattern(
                head.layer(),
                head.head(),
                java.util.stream.IntStream.range(0, positions)
                        .mapToObj(query -> {
                            float[] row = new float[query + 1];
                            row[0] = 0.5f;
                            row[Math.max(0, query - 1)] += 0.5f;
                            return row;
                        })
                        .toList());
    }

    /** Feature 17 fires nowhere. */
    private static double unchanged(dev.headwater.engine.graph.FeatureRef site) {
        return site.feature() == 17 ? 0 : 1 + (site.feature() % 17) / 4.0;
    }

    /** Elsewhere everything is 0.5. */
    private static double set(Edit edit) {
        return edit.value() != null ? edit.value() : 0.5 * edit.from().factor();
    }

    private static Outcome outcome(
            String[] tokens, double[] probabilities, SteerRequest request, double factor, String text) {
        List<TokenProbability> next = java.util.stream.IntStream.range(0, tokens.length)
                .mapToObj(i -> new TokenProbability(100 + i, tokens[i], probabilities[i]))
                .toList();
        List<Double> activations = request.watch().stream()
                .map(site -> {
                    double edited = request.edits().stream()
                            .filter(edit -> edit.site().equals(site))
                            .mapToDouble(FakeEngine::set)
                            .findFirst()
                            .orElse(Double.NaN);
                    return factor < 1 && !Double.isNaN(edited) ? edited : unchanged(site) * factor;
                })
                .toList();
        int samples = request.newTokens() == 0 ? 0 : request.temperature() > 0 ? request.samples() : 1;
        return new Outcome(
                next,
                activations,
                java.util.stream.IntStream.range(0, samples)
                        .mapToObj(i -> i == 0 ? text : text + " " + i)
                        .toList());
    }

    private void pause(Progress progress) {
        try {
            Thread.sleep(stepMillis);
        } catch (InterruptedException e) {
            throw new CancellationException();
        }
        if (progress.cancelled()) {
            throw new CancellationException();
        }
    }

    /** The explorer promises one call at a time. */
    private <T> T once(java.util.function.Supplier<T> work) {
        if (inside.incrementAndGet() != 1) {
            throw new AssertionError("two calls of the engine at once");
        }
        try {
            return work.get();
        } finally {
            inside.decrementAndGet();
        }
    }
}
