package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Influence;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Positions;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Graphs of neurons and interventions on them, in eight families, against the float64 oracle. */
public class FamilyNeuronTest {
    private static final Path FAMILIES = Path.of("src/test/resources/golden-families");

    @TempDir
    Path temp;

    /** The checkpoint with a tokenizer, which is there only to be loaded. */
    public static ReplacementModel model(String family, Path temp) throws IOException {
        try (GoldenCase golden = new GoldenCase("llama-plt-relu-skip")) {
            copy(golden.model(), "token", temp);
        }
        copy(FAMILIES.resolve(family).resolve("model"), "", temp);
        return ReplacementModel.ofNeurons(temp, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    private static void copy(Path from, String part, Path temp) throws IOException {
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.filter(file -> file.getFileName().toString().contains(part))
                    .toList()) {
                Files.copy(file, temp.resolve(file.getFileName().toString()));
            }
        }
    }

    private static int[] ints(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).asInt()).toArray();
    }

    private static float[] logits(Run run) {
        List<float[]> rows =
                IntStream.range(0, run.positions()).mapToObj(run::logits).toList();
        int width = rows.getFirst().length;
        float[] all = new float[rows.size() * width];
        for (int p = 0; p < rows.size(); p++) {
            System.arraycopy(rows.get(p), 0, all, p * width, width);
        }
        return all;
    }

    private static void assertClose(String what, float[] wanted, float[] actual, double share) {
        assertEquals(wanted.length, actual.length, what);
        double largest = 0;
        for (float value : wanted) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertArrayEquals(wanted, actual, (float) (share * Math.max(1, largest)), what);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma", "gpt_neox", "granite", "mistral", "olmo2", "phi3", "qwen2", "smollm3"})
    void graphAndInterventions(String family) throws IOException {
        JsonNode about = BoundedJson.read(FAMILIES.resolve(family).resolve("case.json"));
        AttributionOptions options = AttributionOptions.DEFAULT
                .withMaxFeatures(about.get("keep").asInt())
                .withTargets(new OutputTargets.Salient(
                        about.get("max_logits").asInt(),
                        about.get("desired_logit_prob").asDouble()));
        try (SafetensorsFile expected =
                        SafetensorsFile.open(FAMILIES.resolve(family).resolve("golden.safetensors"));
                ReplacementModel model = model(family, temp)) {
            int[] tokens = ints(about.get("token_ids"));
            try (AttributionGraph graph = Attribution.of(model, model.prompt(tokens), options, Progress.NONE)) {
                ActiveFeatures active = graph.active();
                int[] chosen = IntStream.range(0, active.count())
                        .flatMap(i -> IntStream.of(active.layer()[i], active.position()[i], active.feature()[i]))
                        .toArray();
                assertArrayEquals(expected.data("active").toArray(ValueLayout.JAVA_INT), chosen, family);
                assertClose(family + " values", expected.floats("values"), active.activation(), 2e-5);
                assertArrayEquals(
                        expected.data("logit_ids").toArray(ValueLayout.JAVA_INT),
                        graph.targets().stream().mapToInt(LogitTarget::token).toArray());
                assertClose(
                        family + " matrix",
                        expected.floats("matrix"),
                        graph.edges().toDense(),
                        2e-5);
                Influence influence = Influence.of(graph);
                float[] node = new float[influence.node().length];
                for (int i = 0; i < node.length; i++) {
                    node[i] = (float) influence.node()[i];
                }
                assertClose(family + " influence", expected.floats("influence"), node, 2e-5);
                Scores scores = Scores.of(graph, influence);
                assertEquals(about.get("replacement_score").asDouble(), scores.replacement(), 2e-5, family);
                assertEquals(about.get("completeness_score").asDouble(), scores.completeness(), 2e-5, family);
            }
            List<Edit> edits = new ArrayList<>();
            for (JsonNode edit : about.get("edits")) {
                edits.add(new Edit(
                        edit.get("layer").asInt(),
                        edit.get("position").isNull()
                                ? Positions.ALL
                                : new Positions.At(edit.get("position").asInt()),
                        edit.get("neuron").asInt(),
                        new Change.Set(edit.get("value").floatValue())));
            }
            try (Baseline baseline = Baseline.of(model, model.prompt(tokens));
                    Run frozen = baseline.apply(new Intervention(edits, Freeze.ATTENTION));
                    Run live = baseline.apply(new Intervention(edits, Freeze.NOTHING))) {
                assertClose(family + " frozen", expected.floats("frozen"), logits(frozen), 2e-5);
                assertClose(family + " live", expected.floats("live"), logits(live), 2e-5);
            }
        }
    }
}
