package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * From a hub to a graph, as a user does it: commands in processes of their own, a hub on this machine, an empty cache.
 */
class HubEndToEndTest {
    private static final Path GOLDEN =
            Path.of("..", "engine", "src", "test", "resources", "golden", "llama-plt-relu-skip");
    private static final String PROMPT = "Paris is near the tower, and";
    private static final String PINNED = "@" + FakeHub.COMMIT;

    @TempDir
    private Path directory;

    private FakeHub hub;

    /**
     * A set of four layers: one in its own repository, the others each in one way to name a file of another repository.
     */
    @BeforeEach
    void publish() throws IOException {
        hub = new FakeHub().withTree("org/model", "", GOLDEN.resolve("model"));
        Path layers = GOLDEN.resolve("transcoders");
        hub.with("org/set", "small/config.yaml", """
                model_name: org/model
                model_kind: transcoder_set
                feature_input_hook: mlp.hook_in
                feature_output_hook: mlp.hook_out
                transcoders:
                - layer_0.safetensors
                - hf://org/layers/some/where/layer_1.safetensors
                - hf://org/layers/some/where/layer_2.safetensors?revision=v1
                - hf://org/layers/layer_3.safetensors@v1
                """)
                .with("org/set", "small/layer_0.safetensors", Files.readAllBytes(layers.resolve("layer_0.safetensors")))
                .with(
                        "org/layers",
                        "some/where/layer_1.safetensors",
                        Files.readAllBytes(layers.resolve("layer_1.safetensors")))
                .with(
                        "org/layers",
                        "some/where/layer_2.safetensors",
                        Files.readAllBytes(layers.resolve("layer_2.safetensors")))
                .with("org/layers", "layer_3.safetensors", Files.readAllBytes(layers.resolve("layer_3.safetensors")));
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private Run.Started start(Map<String, String> environment, String... args) throws IOException {
        Map<String, String> all = new HashMap<>(Map.of(
                "HF_ENDPOINT",
                hub.endpoint().toString(),
                "HF_HOME",
                directory.resolve("home").toString(),
                "HF_HUB_OFFLINE",
                "0",
                "NO_PROXY",
                "127.0.0.1"));
        all.putAll(environment);
        return Run.start(directory, all, args);
    }

    private Run headwater(String... args) throws IOException, InterruptedException {
        return start(Map.of(), args).end();
    }

    private Path cached(String repository) {
        return directory.resolve("home/hub/models--" + repository.replace("/", "--"));
    }

    @Test
    void attributeFetchesWhatItNeedsAndTheGraphSaysWhichCommitItRead() throws Exception {
        Run run = headwater(
                "attribute",
                PROMPT,
                "-t",
                "org/set/small",
                "-m",
                "org/model@v1",
                "--json",
                "--out",
                directory.resolve("graphs").toString(),
                "--slug",
                "paris",
                "--raw",
                directory.resolve("hub.safetensors").toString());
        assertEquals(0, run.code(), run.err());
        JsonNode info = BoundedJson.read(directory.resolve("graphs/paris.json")).at("/metadata/info");
        assertEquals("org/model" + PINNED, info.get("model").textValue());
        assertEquals("org/set/small" + PINNED, info.get("transcoder_set").textValue());
        assertEquals(FakeHub.COMMIT, Files.readString(cached("org/model").resolve("refs/v1")));
        assertFalse(
                Files.exists(cached("org/model").resolve("refs/main")),
                "only the revision that was asked for is looked up");

        Run local = Run.headwater(
                "attribute",
                PROMPT,
                "-t",
                GOLDEN.resolve("transcoders").toString(),
                "-m",
                GOLDEN.resolve("model").toString(),
                "--quiet",
                "--out",
                directory.resolve("graphs").toString(),
                "--raw",
                directory.resolve("local.safetensors").toString());
        assertEquals(0, local.code(), local.err());
        assertArrayEquals(
                numbers("local.safetensors"), numbers("hub.safetensors"), "the same graph as from directories");

        // The pinned references of the graph find the same files again, now without asking anyone.
        hub.requests.clear();
        Run again = start(
                        Map.of("HF_HUB_OFFLINE", "1"),
                        "attribute",
                        PROMPT,
                        "-m",
                        info.get("model").textValue(),
                        "-t",
                        info.get("transcoder_set").textValue(),
                        "--quiet",
                        "--out",
                        directory.resolve("graphs").toString(),
                        "--raw",
                        directory.resolve("again.safetensors").toString())
                .end();
        assertEquals(new Run(0, "", ""), again);
        assertArrayEquals(numbers("hub.safetensors"), numbers("again.safetensors"));
        assertEquals(List.of(), hub.requests);
    }

    /** A raw graph without its header, which has times in it. */
    private byte[] numbers(String raw) throws IOException {
        byte[] bytes = Files.readAllBytes(directory.resolve(raw));
        int header = bytes[0] & 0xff | (bytes[1] & 0xff) << 8 | (bytes[2] & 0xff) << 16;
        return java.util.Arrays.copyOfRange(bytes, 8 + header, bytes.length);
    }

    @Test
    void fetchFillsTheCacheThatTheOtherCommandsSee() throws Exception {
        hub.with("google/gemma-2-2b", "config.json", "{}");
        Run fetch = headwater("fetch", "org/model", "org/set/small", "google/gemma-2-2b@v1");
        assertEquals(0, fetch.code(), fetch.err());
        assertTrue(
                fetch.out()
                        .matches(
                                "(?s)org/model: \\d+ kB in \\S+/models--org--model/snapshots/\\S+\\norg/set/small: .*\\n.*"),
                fetch.out());
        assertTrue(fetch.err().lines().allMatch(line -> line.startsWith("fetching ")), fetch.err());
        assertTrue(Files.isSymbolicLink(
                cached("org/layers").resolve("snapshots/" + FakeHub.COMMIT + "/some/where/layer_2.safetensors")));

        Run models = headwater("models");
        assertTrue(models.out().contains("google/gemma-2-2b, 5.2 GB  in the cache"), models.out());
        assertTrue(models.out().contains("\n  org/layers, ") && models.out().contains("\n  org/set, "), models.out());
        JsonNode listed = BoundedJson.mapper()
                .readTree(headwater("models", "--json").out())
                .at("/cache/repositories");
        assertEquals(
                List.of("google/gemma-2-2b", "org/layers", "org/model", "org/set"),
                listed.findValuesAsText("repository"));
        assertEquals("[\"main\",\"v1\"]", listed.get(1).get("revisions").toString());

        JsonNode plan = BoundedJson.mapper()
                .readTree(headwater("plan", "-t", "org/set/small", "--tokens", "20", "--json")
                        .out());
        assertTrue(
                plan.at("/model/here").booleanValue()
                        && plan.at("/transcoders/here").booleanValue(),
                plan.toString());
        assertTrue(
                plan.get("memory").longValue() > Files.size(GOLDEN.resolve("model/model.safetensors")),
                plan.toString());

        Run attribute = headwater(
                "attribute",
                PROMPT,
                "-t",
                "org/set/small",
                "--quiet",
                "--out",
                directory.resolve("graphs").toString());
        assertEquals(new Run(0, "", ""), attribute);
        hub.requests.clear();
        assertEquals(0, headwater("fetch", "org/model", "--quiet").code());
        assertTrue(
                hub.requests.stream().allMatch(request -> request.path().startsWith("/api/")),
                "nothing is fetched twice: " + hub.requests);
    }

    /**
     * Of a model and a set that are elsewhere, only configuration and a file's beginning are read; the figures are
     * those of local ones.
     */
    @Test
    void planReadsTheConfigurationAlone() throws Exception {
        String[] sizes = {"--tokens", "20", "--max-features", "50", "--json"};
        JsonNode remote = BoundedJson.mapper()
                .readTree(headwater(with(sizes, "plan", "-t", "org/set/small")).out());
        assertFalse(
                remote.at("/model/here").booleanValue()
                        || remote.at("/transcoders/here").booleanValue(),
                remote.toString());
        assertEquals(
                4 * Files.size(GOLDEN.resolve("transcoders/layer_0.safetensors")),
                remote.at("/transcoders/to_fetch").longValue());
        List<String> fetched = hub.requests.stream()
                .filter(request ->
                        request.method().equals("GET") && !request.path().startsWith("/api/"))
                .map(FakeHub.Request::path)
                .toList();
        assertEquals(3, fetched.size(), "config.json, config.yaml and the beginning of a layer: " + fetched);
        assertFalse(Files.exists(cached("org/layers")), "no weights in the cache");

        JsonNode local = BoundedJson.mapper()
                .readTree(Run.headwater(with(
                                sizes,
                                "plan",
                                "-m",
                                GOLDEN.resolve("model").toString(),
                                "-t",
                                GOLDEN.resolve("transcoders").toString()))
                        .out());
        for (String figure :
                List.of("memory", "memory_range", "active_features", "active_features_range", "operations")) {
            assertEquals(local.get(figure), remote.get(figure), figure);
        }
        hub.with("org/gated", "config.json", "{}");
        hub.fault(10, head("org/gated"), FakeHub.status(401, "X-Error-Code", "GatedRepo"));
        failed(headwater("plan", "-m", "org/gated", "-t", "org/set/small"), "org/gated is gated");
    }

    private static String[] with(String[] options, String... before) {
        return Stream.concat(Stream.of(before), Stream.of(options)).toArray(String[]::new);
    }

    @Test
    void aTransferThatIsCutGoesOnWhereItBroke() throws Exception {
        hub.fault(2, request -> request.server().equals("network"), FakeHub.cutAfter(1_000));
        Run run = headwater("fetch", "org/model");
        assertEquals(0, run.code(), run.err());
        assertTrue(
                hub.requests.stream()
                        .anyMatch(request -> String.valueOf(request.range()).startsWith("bytes=1000-")),
                hub.requests.toString());
        assertArrayEquals(
                Files.readAllBytes(GOLDEN.resolve("model/model.safetensors")),
                Files.readAllBytes(cached("org/model").resolve("snapshots/" + FakeHub.COMMIT + "/model.safetensors")));
    }

    @Test
    void aFullDiskIsNamed() throws Exception {
        Path weights = GOLDEN.resolve("model/model.safetensors");
        Path blobs = Files.createDirectories(cached("org/model").resolve("blobs"));
        Path full = Files.createSymbolicLink(
                blobs.resolve(FakeHub.etag(Files.readAllBytes(weights)) + ".headwater.incomplete"),
                Path.of("/dev/full"));
        failed(
                headwater("fetch", "org/model"),
                "The disk is full at " + full + ": free some space, or set HF_HUB_CACHE to a directory with more.");
        Files.delete(full);
    }

    /** Each is one sentence and exit code 1. The slow ones, which are tried again first, run beside the others. */
    @Test
    void failuresAreOneSentence() throws Exception {
        Map<String, Run.Started> slow = new HashMap<>();
        hub.with("org/cut", "config.json", "{}").with("org/cut", "model.safetensors", random(5_000));
        hub.fault(1000, weightsOf("org/cut"), FakeHub.cutAfter(0));
        slow.put("The download of org/cut/model.safetensors keeps breaking off", start(Map.of(), "fetch", "org/cut"));
        hub.with("org/overloaded", "config.json", "{}");
        hub.fault(1000, request -> request.path().startsWith("/api/models/org/overloaded/"), FakeHub.status(503));
        slow.put(
                "The server answers requests for org/overloaded with status 503: try again later.",
                start(Map.of(), "fetch", "org/overloaded"));

        hub.with("org/gated", "config.json", "{}").with("org/forbidden", "config.json", "{}");
        hub.fault(10, head("org/gated"), FakeHub.status(401, "X-Error-Code", "GatedRepo"));
        hub.fault(10, head("org/forbidden"), FakeHub.status(403));
        failed(
                headwater("fetch", "org/gated"),
                "org/gated is gated: accept its conditions at " + hub.endpoint() + "/org/gated, then set HF_TOKEN");
        failed(
                start(Map.of("HF_TOKEN", "hf_secret"), "attribute", PROMPT, "-m", "org/gated", "-t", "org/set/small")
                        .end(),
                "org/gated is gated: accept its conditions at " + hub.endpoint()
                        + "/org/gated with the account whose token is in use");
        failed(
                headwater("fetch", "org/forbidden"),
                "Access to org/forbidden is refused: set HF_TOKEN to a token that can read it.");
        failed(headwater("fetch", "org/absent"), "There is no model repository org/absent on 127.0.0.1");
        failed(headwater("fetch", "org/model@v9"), "org/model has no revision \"v9\"");
        failed(headwater("attribute", PROMPT, "-t", "org/model"), "org/model has no file config.yaml");
        failed(headwater("fetch", "org/set/large"), "org/set/large has no file ");
        failed(
                start(Map.of("HF_HUB_OFFLINE", "1"), "fetch", "org/model").end(),
                "org/model is not in the cache " + directory.resolve("home/hub") + ", and HF_HUB_OFFLINE is set");
        failed(
                start(Map.of("HF_ENDPOINT", "http://127.0.0.1:9"), "fetch", "org/model")
                        .end(),
                "Cannot reach 127.0.0.1");
        Path file = Files.writeString(directory.resolve("file"), "");
        failed(start(Map.of("HF_HOME", file.toString()), "fetch", "org/model").end(), "Cannot ");
        for (var run : slow.entrySet()) {
            failed(run.getValue().end(), run.getKey());
        }
    }

    private static Predicate<FakeHub.Request> head(String repository) {
        return request -> request.method().equals("HEAD") && request.path().startsWith("/" + repository + "/");
    }

    private Predicate<FakeHub.Request> weightsOf(String repository) {
        String etag = FakeHub.etag(random(5_000));
        return request -> request.server().equals("network") && request.path().equals("/" + etag);
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static void failed(Run run, String reason) {
        List<String> lines = new ArrayList<>(run.err().lines().toList());
        lines.removeIf(line -> line.startsWith("fetching "));
        assertEquals(1, run.code(), run.toString());
        assertEquals("", run.out());
        assertEquals(1, lines.size(), run.err());
        assertTrue(
                lines.getFirst().startsWith("headwater: " + reason)
                        && lines.getFirst().endsWith("."),
                "'" + reason + "' expected, but it was\n" + run.err());
        assertFalse(run.err().contains("hf_secret") || run.err().contains("Exception"), run.err());
    }
}
