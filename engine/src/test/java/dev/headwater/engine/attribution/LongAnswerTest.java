package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.GraphSchema;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.PrefixGraph;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Verification;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Graphs with outputs at many positions of a text. */
class LongAnswerTest {
    @TempDir
    private Path directory;

    private static ReplacementModel open(GoldenCase golden) {
        return ReplacementModel.open(
                golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    private static AttributionOptions all(OutputTargets targets) {
        return AttributionOptions.DEFAULT.withMaxFeatures(0).withTargets(targets);
    }

    private static OutputTargets.Text text(int first, int last) {
        return new OutputTargets.Text(
                IntStream.rangeClosed(first, last).boxed().toList(), new OutputTargets.Salient(3, 0.9));
    }

    /** The model is causal: one run over the whole text says of each position what a run on the text up to there says. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma2-clt-jumprelu", "qwen3-plt-jumprelu"})
    void eachPositionIsWhatARunOnItsPrefixGives(String name) {
        try (GoldenCase golden = new GoldenCase(name);
                ReplacementModel model = open(golden)) {
            Prompt prompt = model.prompt(golden.ints("input_tokens"));
            int last = prompt.length() - 1;
            try (AttributionGraph together = Attribution.of(model, prompt, all(text(0, last)), Progress.NONE)) {
                assertArrayEquals(IntStream.rangeClosed(0, last).toArray(), together.outputPositions());
                assertTrue(together.targets().size() > last + 1, "several tokens at the end");
                for (int position = 1; position <= last; position += 2) {
                    Prompt prefix = model.prompt(Arrays.copyOf(prompt.tokens(), position + 1));
                    OutputTargets target = position == last
                            ? new OutputTargets.Salient(3, 0.9)
                            : new OutputTargets.Tokens(List.of(prompt.tokens()[position + 1]));
                    try (AttributionGraph apart = Attribution.of(model, prefix, all(target), Progress.NONE);
                            AttributionGraph part = PrefixGraph.of(together, prefix)) {
                        assertSame(apart, part, name + " at " + position);
                    }
                }
            }
        }
    }

    private static void assertSame(AttributionGraph expected, AttributionGraph actual, String what) {
        assertArrayEquals(expected.active().triples(), actual.active().triples(), what);
        assertArrayEquals(expected.active().activation(), actual.active().activation(), 1e-5f, what);
        assertArrayEquals(expected.selected(), actual.selected(), what);
        assertEquals(
                expected.targets().stream().map(LogitTarget::token).toList(),
                actual.targets().stream().map(LogitTarget::token).toList());
        for (int k = 0; k < expected.targets().size(); k++) {
            assertEquals(
                    expected.targets().get(k).probability(),
                    actual.targets().get(k).probability(),
                    1e-5,
                    what);
        }
        float[] edges = expected.edges().toDense();
        float largest = 0;
        for (float edge : edges) {
            largest = Math.max(largest, Math.abs(edge));
        }
        assertArrayEquals(edges, actual.edges().toDense(), 1e-5f * largest, what);
        assertEquals(Scores.of(expected).replacement(), Scores.of(actual).replacement(), 1e-4, what);
        assertArrayEquals(Influence.of(expected).node(), Influence.of(actual).node(), 1e-4, what);
    }

    /** Files keep where outputs stand, and what asks the model about a graph finds them there. */
    @Test
    void everythingAfterItKnowsThePositions() {
        try (GoldenCase golden = new GoldenCase("qwen3-plt-jumprelu");
                ReplacementModel model = open(golden)) {
            Prompt prompt = model.prompt(golden.ints("input_tokens"));
            int last = prompt.length() - 1;
            OutputTargets targets = text(last - 3, last - 1);
            Path raw = directory.resolve("whole.safetensors");
            try (LinearPrompt linear = LinearPrompt.of(model, prompt, all(targets), Progress.NONE);
                    AttributionGraph graph = Attribution.of(linear, Progress.NONE)) {
                assertEquals(
                        "[%d, %d, %d]".formatted(last - 3, last - 2, last - 1),
                        graph.provenance().settings().get("targets_at"));
                GraphFile.write(graph, raw);
                try (AttributionGraph again = GraphFile.read(raw)) {
                    assertEquals(graph.targets(), again.targets());
                    assertArrayEquals(
                            Influence.of(graph).node(), Influence.of(again).node());
                }
                Pruning pruned = Pruning.of(graph, 1, 1);
                Path file = GraphJson.write(graph, pruned, GraphJson.Options.of("answer"), directory.resolve("graphs"));
                for (GraphSchema.Reader reader : GraphSchema.Reader.values()) {
                    assertEquals(
                            List.of(),
                            GraphSchema.check(file, reader).problems().stream()
                                    .filter(problem -> problem.contains("ctx_idx") || problem.contains("logit"))
                                    .toList());
                }
                List<DocumentNode> outputs = GraphDocument.read(file).nodes().stream()
                        .filter(node -> node.kind() == DocumentNode.Kind.LOGIT)
                        .toList();
                for (int k = 0; k < 3; k++) {
                    LogitTarget target = graph.targets().get(k);
                    assertEquals(last - 3 + k, target.position());
                    assertEquals(prompt.tokens()[last - 2 + k], target.token());
                    assertEquals(
                            (model.layers() + 1) + "_" + target.token() + "_" + target.position(),
                            outputs.get(k).id());
                    assertEquals(target.position(), outputs.get(k).position());
                    assertEquals(target.text(), outputs.get(k).said());
                }
                // Heads are found of the very same edges.
                GraphHeads heads = GraphHeads.of(linear, graph, pruned, targets, 1, Progress.NONE);
                assertTrue(heads.ranking().getFirst().influence() > 0);
                int node = graph.logitNode(0);
                int[] source = IntStream.range(0, graph.featureCount())
                        .filter(i -> graph.edges().get(node, i) != 0)
                        .limit(1)
                        .toArray();
                float[] weight = linear.weights(List.of(graph.node(node)), List.of(graph.node(source[0])), null);
                assertEquals(graph.edges().get(node, source[0]), weight[0], 1e-5f);
            }
            try (PlainGraph graph = PlainGraph.read(raw)) {
                Verification check =
                        Verification.of(model, graph, new Verification.Options(5, 0, List.of(), 1, 0), Progress.NONE);
                assertTrue(check.direct().relativeError() < 1e-3, () -> "direct " + check.direct());
                assertTrue(
                        check.effects().stream()
                                .flatMap(effect -> effect.logits().stream())
                                .anyMatch(shift -> shift.node().endsWith(" after " + (last - 3))),
                        "no change of an output inside the text");
                String why = assertThrows(
                                HeadwaterException.class,
                                () -> Explanation.of(
                                        model, graph, (_, _) -> "", Explanation.Options.DEFAULT, Progress.NONE))
                        .getMessage();
                assertTrue(why.contains("explains outputs at 3 positions of its text; explain takes"), why);
            }
        }
    }

    /** Where memory is short, outputs go down the model in groups, and choose the same. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void totalEffectsDoNotDependOnMemory(boolean neurons) {
        try (GoldenCase golden = new GoldenCase("qwen3-plt-jumprelu");
                ReplacementModel model = neurons
                        ? ReplacementModel.ofNeurons(
                                golden.model(), ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))
                        : open(golden)) {
            Prompt prompt = model.prompt(golden.ints("input_tokens"));
            AttributionOptions options = AttributionOptions.DEFAULT
                    .withRank(Rank.TOTAL)
                    .withMaxFeatures(20)
                    .withTargets(text(1, prompt.length() - 2));
            try (AttributionGraph expected = Attribution.of(model, prompt, options, Progress.NONE);
                    AttributionGraph actual = Attribution.of(model, prompt, options.withMemory(1), Progress.NONE)) {
                assertEquals(20, actual.featureCount());
                assertSame(expected, actual, "within one byte");
            }
        }
    }

    @Test
    void refusesPositionsThatThereAreNot() {
        try (GoldenCase golden = new GoldenCase("gpt2-plt-relu");
                ReplacementModel model = open(golden)) {
            Prompt prompt = model.prompt(golden.ints("input_tokens"));
            int length = prompt.length();
            String why = assertThrows(
                            UsageException.class,
                            () -> Attribution.of(model, prompt, all(text(length, length)), Progress.NONE))
                    .getMessage();
            assertEquals(
                    "there is no position %d to explain: the text has %d tokens, 0 to %d"
                            .formatted(length, length, length - 1),
                    why);
            assertThrows(UsageException.class, () -> text(1, 0));
        }
    }
}
