package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.Headwater;
import dev.headwater.cli.Run;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands {@code attribute} and {@code graph} on the bundled model. */
class AttributeCommandTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";
    private static final String SLUG = "fact-the-capital-of-the-state-containing-dallas-is";

    @TempDir
    private Path directory;

    @Test
    void printsWhatItFoundAndWritesIt() throws IOException {
        Run run = Run.headwater("attribute", PROMPT, "--out", directory.toString());
        assertEquals(0, run.code(), run.err());
        assertEquals("", run.err());
        for (String expected : List.of(
                "tokens    <bos>│Fact│:│ the│ capital",
                "next      \" Austin\" 100.0 %",
                "active features",
                "replacement 0.9",
                "completeness 0.9",
                "is → Austin",
                "products  ",
                SLUG + ".json",
                "time ")) {
            assertTrue(run.out().contains(expected), "no '" + expected + "' in\n" + run.out());
        }
        run.out()
                .lines()
                .forEach(line -> assertTrue(Text.columns(line) <= 100 || line.contains(SLUG), "too wide: " + line));
        assertEquals(List.of(SLUG + ".json", "graph-metadata.json"), written());
        JsonNode graph = BoundedJson.read(directory.resolve(SLUG + ".json"));
        assertTrue(graph.findValuesAsText("clerp").contains("is → Austin"), "no label in the graph file");
    }

    @Test
    void runningAgainLosesNothing() throws IOException {
        String[] few = {"--max-features", "10", "--quiet", "--out", directory.toString()};
        BiFunction<String, String[], Run> attribute = (prompt, more) ->
                Run.headwater(Stream.of(Stream.of("attribute", prompt), Stream.of(few), Stream.of(more))
                        .flatMap(parts -> parts)
                        .toArray(String[]::new));
        assertEquals(0, attribute.apply("Paris", new String[0]).code());
        Path file = directory.resolve("paris.json");
        ObjectNode graph = (ObjectNode) BoundedJson.read(file);
        String id = graph.at("/nodes/0/node_id").asText();
        graph.putObject("qParams").putArray("pinnedIds").add(id);
        Files.writeString(file, graph.toString());
        Run again = attribute.apply("Paris", new String[] {"--node-threshold", "0.9"});
        assertEquals(0, again.code(), again.err());
        assertEquals(id, BoundedJson.read(file).at("/qParams/pinnedIds/0").asText());
        String kept = Files.readString(file);
        Run named = attribute.apply("PARIS", new String[] {"--slug", "paris"});
        assertEquals(1, named.code());
        assertTrue(named.err().contains("--slug"), named.err());
        assertEquals(0, attribute.apply("PARIS", new String[0]).code());
        assertEquals(List.of("graph-metadata.json", "paris-2.json", "paris.json"), written());

        // A batch gives the name to nobody else either, and finds its own again.
        Path lines = Files.writeString(directory.resolve("lines.txt"), "paris!\nParis\n");
        for (int run = 0; run < 2; run++) {
            Run batch = Run.headwater("batch", lines.toString(), "-o", directory.toString(), "--max-features", "10");
            assertEquals(0, batch.code(), batch.err());
        }
        assertEquals(
                List.of("graph-metadata.json", "paris-2.json", "paris-3.json", "paris.json"),
                written().stream().filter(name -> name.endsWith(".json")).toList());
        assertEquals(
                "paris!",
                BoundedJson.read(directory.resolve("paris-3.json"))
                        .at("/metadata/prompt")
                        .asText()
                        .replace("<bos>", ""));
        assertEquals(id, BoundedJson.read(file).at("/qParams/pinnedIds/0").asText());
        assertTrue(kept.contains(id));
    }

    /** The set's own folder, and the ways in which people name it. */
    @Test
    void usesTheEvidenceBesideALocalSet() throws Exception {
        Path set = Path.of(AttributeCommandTest.class
                        .getResource("/dev/headwater/cli/evidence/transcoders/config.yaml")
                        .toURI())
                .getParent();
        Path model = set.resolveSibling("model");
        for (List<String> features : List.of(
                List.<String>of(),
                List.of("--features", set.toString()),
                List.of("--features", set.resolve("features").toString()))) {
            List<String> args = new ArrayList<>(List.of(
                    "attribute",
                    "-m",
                    model.toString(),
                    "-t",
                    set.toString(),
                    "-p",
                    "Paris is near the tower",
                    "--quiet"));
            args.addAll(List.of(
                    "--out",
                    directory.resolve("g" + features.size()).toString(),
                    "--node-threshold",
                    "1",
                    "--edge-threshold",
                    "1",
                    "--slug",
                    "paris"));
            args.addAll(features);
            Run run = Run.headwater(args.toArray(String[]::new));
            assertEquals(0, run.code(), run.err());
            JsonNode graph = BoundedJson.read(directory.resolve("g" + features.size() + "/paris.json"));
            List<String> labels = graph.get("nodes").findValuesAsText("clerp");
            assertTrue(labels.stream().anyMatch(label -> label.startsWith("ar, s, h")), labels.toString());
        }
    }

    @Test
    void namesFeaturesAfterTheEvidenceThatItIsGiven() throws IOException {
        Path corpus = Files.writeString(directory.resolve("corpus.txt"), "Fact: the capital of Texas is Austin.\n");
        Path features = directory.resolve("features");
        String[] attribute = {
            "attribute",
            "-t",
            "atlas-clt",
            "--top",
            "500",
            "--features",
            features.toString(),
            PROMPT,
            "--out",
            directory.resolve("graphs").toString()
        };
        Run without = Run.headwater(attribute);
        assertEquals(1, without.code());
        assertTrue(without.err().contains("There are no feature files in " + features), without.err());

        Run build = Run.headwater(
                "features",
                "build",
                "-t",
                "atlas-clt",
                "--corpus",
                corpus.toString(),
                "--out",
                features.toString(),
                "--quiet");
        assertEquals(0, build.code(), build.err());
        Run run = Run.headwater(attribute);
        assertEquals(0, run.code(), run.err());
        List<String> labels = BoundedJson.read(directory.resolve("graphs").resolve(SLUG + ".json"))
                .findValuesAsText("clerp");
        assertTrue(labels.contains("is → Austin"), labels.toString());
        assertTrue(
                labels.stream().noneMatch(label -> label.contains("Madison")),
                "the corpus has no such word: " + labels);
    }

    @Test
    void jsonLeavesStandardOutputToTheMachine() throws IOException {
        Run run = Run.headwater(
                "attribute", "--json", PROMPT, "--out", directory.toString(), "--top", "3", "--slug", "dallas");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.err().contains("tokens "), run.err());
        JsonNode summary = BoundedJson.mapper().readTree(run.out());
        assertEquals(" Austin", summary.at("/targets/0/text").textValue());
        assertEquals(11, summary.get("tokens").size());
        assertEquals(3, summary.get("features").size());
        assertTrue(summary.at("/peak_bytes/edges").longValue() > 0, run.out());
        assertEquals(summary.get("active_features"), summary.get("selected_features"));
        assertTrue(summary.at("/pruned/nodes").intValue() < summary.get("nodes").intValue(), run.out());
        assertEquals(
                directory.resolve("dallas.json").toString(),
                summary.at("/files/graph").textValue());
    }

    @Test
    void productsAreThoseThatWereAskedFor() throws IOException {
        for (String products : List.of("float32", "bf16x6")) {
            Run run = Run.headwater(
                    "attribute",
                    "--json",
                    PROMPT,
                    "--products",
                    products,
                    "--out",
                    directory.toString(),
                    "--slug",
                    products);
            assertEquals(0, run.code(), run.err());
            JsonNode summary = BoundedJson.mapper().readTree(run.out());
            assertEquals(products, summary.get("products").textValue());
            assertEquals(0.975, summary.get("completeness_score").doubleValue(), 0.001);
            assertEquals(
                    products,
                    BoundedJson.read(directory.resolve(products + ".json"))
                            .at("/metadata/generation_settings/products")
                            .textValue());
        }
    }

    @Test
    void quietPrintsNothing() {
        Run run = Run.headwater("attribute", "--quiet", PROMPT, "--out", directory.toString());
        assertEquals(new Run(0, "", ""), run);
    }

    @Test
    void twoRunsGiveTheSameGraph() throws IOException {
        Run.headwater(
                "attribute",
                PROMPT,
                "--quiet",
                "--out",
                directory.toString(),
                "--slug",
                "one",
                "--raw",
                directory.resolve("one.raw").toString());
        Run.headwater(
                "attribute",
                PROMPT,
                "--quiet",
                "--out",
                directory.toString(),
                "--slug",
                "two",
                "--raw",
                directory.resolve("two.raw").toString());
        assertEquals(withoutTimes("one"), withoutTimes("two"));
    }

    @Test
    void theReferencesSpellingsWork() throws IOException {
        Run ours = Run.headwater(
                "attribute",
                PROMPT,
                "--json",
                "--transcoders",
                "atlas-clt",
                "--out",
                directory.toString(),
                "--slug",
                "ours",
                "--max-logits",
                "5",
                "--logit-prob",
                "0.9",
                "--max-features",
                "300",
                "--batch-size",
                "32",
                "--node-threshold",
                "0.7",
                "--edge-threshold",
                "0.9");
        Run theirs = Run.headwater(
                "attribute",
                "-p",
                PROMPT,
                "--json",
                "--transcoder_set",
                "atlas-clt",
                "--graph_file_dir",
                directory.toString(),
                "--slug",
                "theirs",
                "--max_n_logits",
                "5",
                "--desired_logit_prob=0.9",
                "--max_feature_nodes",
                "300",
                "--batch_size",
                "32",
                "--node_threshold",
                "0.7",
                "--edge_threshold",
                "0.9",
                "--graph_output_path",
                directory.resolve("raw.safetensors").toString());
        assertEquals(0, ours.code(), ours.err());
        assertEquals(0, theirs.code(), theirs.err());
        assertEquals(withoutTimes("ours"), withoutTimes("theirs"));
        assertTrue(Files.isRegularFile(directory.resolve("raw.safetensors")));
        assertFalse(
                Run.headwater("help", "attribute").out().contains("--max_n_logits"), "aliases stay out of the help");
    }

    @Test
    void tokenIdsAndPromptFilesGiveTheSameGraphAsText() throws IOException {
        JsonNode summary = BoundedJson.mapper()
                .readTree(Run.headwater("attribute", "--json", PROMPT, "--out", directory.toString(), "--slug", "text")
                        .out());
        List<String> ids = summary.get("tokens").findValuesAsText("id");
        Path file = Files.writeString(directory.resolve("prompt.txt"), PROMPT + "\n");
        Path idFile = Files.writeString(directory.resolve("ids.txt"), String.join(" ", ids) + "\n");
        for (String[] args : new String[][] {
            {"--prompt-file", file.toString()}, {"--token-ids", String.join(",", ids)}, {"--token-ids", "@" + idFile}
        }) {
            Run run = Run.headwater(
                    "attribute", args[0], args[1], "--quiet", "--out", directory.toString(), "--slug", "other");
            assertEquals(0, run.code(), run.err());
            assertEquals(withoutTimes("text"), withoutTimes("other"), String.join(" ", args));
        }
    }

    @Test
    void aWholeGraphIsPrunedAgainFromItsFile() throws IOException {
        Path raw = directory.resolve("dallas.safetensors");
        Run.headwater(
                "attribute",
                PROMPT,
                "--quiet",
                "--out",
                directory.toString(),
                "--slug",
                "direct",
                "--node-threshold",
                "0.5",
                "--raw",
                raw.toString());
        Run again = Run.headwater(
                "graph", raw.toString(), "--out", directory.toString(), "--slug", "again", "--node-threshold", "0.5");
        assertEquals(0, again.code(), again.err());
        assertEquals(withoutTimes("direct"), withoutTimes("again"));

        byte[] before = Files.readAllBytes(directory.resolve("graph-metadata.json"));
        Run info = Run.headwater("graph", raw.toString(), "--info");
        assertEquals(0, info.code(), info.err());
        assertTrue(info.out().contains("\" Austin\" 100.0 %") && !info.out().contains("wrote"), info.out());
        assertArrayEquals(before, Files.readAllBytes(directory.resolve("graph-metadata.json")));
    }

    @Test
    void anInterruptLeavesNothingBehind() throws IOException {
        Interrupt interrupt = new Interrupt();
        interrupt.request();
        var out = new java.io.ByteArrayOutputStream();
        var err = new java.io.ByteArrayOutputStream();
        int code = Headwater.run(
                new Console(new java.io.PrintStream(out), new java.io.PrintStream(err), 0, 0, false),
                interrupt,
                "attribute",
                PROMPT,
                "--out",
                directory.toString());
        assertEquals(ExitCode.INTERRUPTED, code, err.toString());
        assertEquals(List.of(), written());
    }

    private List<String> written() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** A graph's file without what differs from run to run, times and the graph's name. */
    private JsonNode withoutTimes(String slug) throws IOException {
        ObjectNode graph = (ObjectNode) BoundedJson.read(directory.resolve(slug + ".json"));
        ObjectNode metadata = (ObjectNode) graph.get("metadata");
        metadata.remove("slug");
        ((ObjectNode) metadata.get("info")).remove(List.of("seconds", "create_time_ms"));
        return graph;
    }
}
