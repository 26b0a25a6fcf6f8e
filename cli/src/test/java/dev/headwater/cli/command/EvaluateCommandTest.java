package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.BundledModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code evaluate} on the bundled model. */
class EvaluateCommandTest {
    @TempDir
    private static Path directory;

    private static Path text;

    @BeforeAll
    static void heldOut() throws IOException {
        text = directory.resolve("text.txt");
        try (var in = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(BundledModel.class.getResourceAsStream("/dev/headwater/models/heldout.txt.gz")),
                StandardCharsets.UTF_8))) {
            Files.write(text, in.lines().limit(60).toList());
        }
    }

    @Test
    void setsStandSideBySide() {
        Run run = Run.headwater("evaluate", "-t", "atlas-plt", "-t", "atlas-clt", "--text", text.toString());
        assertEquals(0, run.code(), run.err());
        List<String> lines = run.out().lines().toList();
        assertTrue(lines.get(1).equals("set         atlas-plt: per-layer, 6 layers of 2,048 features"), run.out());
        assertTrue(lines.get(2).equals("set         atlas-clt: cross-layer, 6 layers of 1,024 features"), run.out());
        assertEquals(
                2,
                lines.stream()
                        .filter(line -> line.startsWith("In words: atlas-"))
                        .count());
        assertTrue(run.out().matches("(?s).*\natlas-plt +0\\.0\\d+ +\\d+\\.\\d +\\d+\\.\\d % .*"), run.out());
    }

    @Test
    void everythingIsInTheJsonAndOnTheCard() throws IOException {
        Path set = Files.createDirectory(directory.resolve("mine"));
        try (Stream<Path> files = Files.list(BundledModel.directory("atlas-plt"))) {
            for (Path file : files.toList()) {
                Files.copy(file, set.resolve(file.getFileName()));
            }
        }
        Files.writeString(set.resolve("README.md"), "A person's words.");
        Path prompts = Files.writeString(directory.resolve("prompts.txt"), "36+59=\nThe capital of France is\n");
        List<String> args = new ArrayList<>(List.of(
                "evaluate",
                "-m",
                "atlas",
                "-t",
                set.toString(),
                "--text",
                text.toString(),
                "--layer-losses",
                "--prompts"));
        args.addAll(List.of(prompts.toString(), "--max-features", "100", "--top", "2", "--card", "--json"));
        Run run = Run.headwater(args.toArray(String[]::new));
        assertEquals(0, run.code(), run.err());
        JsonNode found = BoundedJson.mapper().readTree(run.out()).get(0);
        assertEquals(6, found.get("layers").size());
        assertTrue(found.at("/losses/all/recovered").asDouble() > 0.9, run.out());
        assertTrue(found.at("/layers/5/loss/recovered").asDouble() > 0.9, run.out());
        assertTrue(found.at("/meanFvu").asDouble() < 0.05, run.out());
        assertEquals(1, found.at("/prompts/1/direct/correlation").asDouble(), 1e-3);
        assertTrue(found.at("/prompts/0/replacement").asDouble() > 0.3, run.out());

        String card = Files.readString(set.resolve("EVALUATION.md"));
        assertTrue(card.contains("text.txt, SHA-256 ") && card.contains("36+59="), card);
        assertFalse(card.contains("NaN"), card);
        assertEquals("A person's words.", Files.readString(set.resolve("README.md")));

        Files.writeString(set.resolve("EVALUATION.md"), "Mine.");
        refused(
                "is not a card that was written here",
                "evaluate",
                "-m",
                "atlas",
                "-t",
                set.toString(),
                "--text",
                text.toString(),
                "--loss-tokens",
                "0",
                "--card");
        assertEquals("Mine.", Files.readString(set.resolve("EVALUATION.md")));
    }

    @Test
    void badInputIsOneSentence() throws IOException {
        Path empty = Files.writeString(directory.resolve("empty.txt"), "\n\n");
        Path brief = Files.writeString(directory.resolve("brief.txt"), "The capital of France is Paris\n");
        refused("holds no text", "evaluate", "--text", empty.toString());
        refused("too short to judge a set by", "evaluate", "--text", brief.toString());
        refused(
                "missing or can't be read",
                "evaluate",
                "--text",
                directory.resolve("absent").toString());
        refused("leave nothing unexplained", "evaluate", "--neurons", "--text", text.toString());
        refused("atlas-plt is bundled", "evaluate", "--card", "--text", text.toString());
        refused("3 tokens or more", "evaluate", "--window", "2", "--text", text.toString());
        refused("reads at most 128 at once", "evaluate", "--window", "129", "--text", text.toString());

        Path golden = golden();
        refused("is for a model of", "evaluate", "-m", "atlas", "-t", golden.toString(), "--text", text.toString());
        refused(
                "are for different models",
                "evaluate",
                "-t",
                golden.toString(),
                "-t",
                "atlas-plt",
                "--text",
                text.toString());
        Path broken = Files.createDirectory(directory.resolve("broken"));
        try (Stream<Path> files = Files.list(golden)) {
            for (Path file : files.toList()) {
                Files.copy(file, broken.resolve(file.getFileName()));
            }
        }
        Files.delete(broken.resolve("layer_1.safetensors"));
        refused(
                "not layer_1.safetensors",
                "evaluate",
                "-m",
                "atlas",
                "-t",
                broken.toString(),
                "--text",
                text.toString());
        Files.writeString(
                broken.resolve("config.yaml"),
                Files.readString(broken.resolve("config.yaml"))
                        .replaceFirst("feature_input_hook: .*", "feature_input_hook: hook_z"));
        refused("hook_z", "evaluate", "-m", "atlas", "-t", broken.toString(), "--text", text.toString());
    }

    private static Path golden() {
        return Path.of("../engine/src/test/resources/golden/llama-plt-relu-skip/transcoders");
    }

    private static void refused(String why, String... args) {
        Run run = Run.headwater(args);
        assertTrue(run.code() == 1 || run.code() == 2, run.out() + run.err());
        assertTrue(run.err().contains(why) && run.err().strip().lines().count() == 1, run.err());
        assertEquals("", run.out());
    }
}
