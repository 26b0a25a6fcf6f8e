package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import dev.headwater.engine.hub.BundledModel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** The explorer as people start it, with the bundled model: what they ask of the page is computed. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LiveExplorerTest {
    private static final String DALLAS = "fact-the-capital-of-the-state-containing-dallas-is";
    /** What fires for Texas, as the model card has it. */
    private static final List<String> TEXAS =
            List.of("0_94_9", "0_1862_9", "1_696_9", "2_607_10", "2_1040_10", "3_1683_10", "4_425_10");

    @TempDir
    static Path scratch;

    private Path graphs;
    private Process server;
    private URI address;
    private Browser browser;
    private Client client;

    @BeforeAll
    void start() throws Exception {
        browser = Browser.start(scratch);
        Path features = scratch.resolve("features");
        Path corpus = scratch.resolve("corpus.txt");
        try (var in = new GZIPInputStream(BundledModel.open("corpus.txt.gz"))) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Files.write(
                    corpus,
                    text.lines()
                            .filter(line -> line.matches(".*(Texas|Austin|capital of the state).*"))
                            .limit(100)
                            .toList());
        }
        Process build = headwater(
                "features",
                "build",
                "-t",
                "atlas-clt",
                "--corpus",
                corpus.toString(),
                "--out",
                features.toString(),
                "--quiet");
        assertEquals(0, build.waitFor());
        graphs = scratch.resolve("graphs");
        server =
                headwater("serve", graphs.toString(), "--port", "0", "--no-browser", "--features", features.toString());
        String line = server.inputReader().readLine();
        address = URI.create(line.replaceFirst("^The explorer is at (\\S+) .*$", "$1"));
        client = new Client(address.getPort());
    }

    private static Process headwater(String... arguments) throws IOException {
        List<String> command = Run.command("-Xmx1g");
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @AfterAll
    void stop() throws InterruptedException {
        if (client != null) {
            client.close();
        }
        if (browser != null) {
            browser.close();
        }
        if (server != null) {
            server.destroy();
            server.waitFor();
        }
    }

    @AfterEach
    void nothingWentWrong() {
        browser.leave();
        browser.assertQuiet();
    }

    private String page(String parameters) {
        return "http://localhost:" + address.getPort() + "/#" + parameters;
    }

    @Test
    @Order(1)
    void aPromptBecomesAGraphThatOpens() throws IOException {
        browser.load("http://localhost:" + address.getPort() + "/");
        browser.await("the gallery", () -> browser.shows(".gallery-card"));
        browser.click("#new-graph");
        browser.clickText(".chip", "Fact: the capital of the state containing Dallas is");
        browser.await("its tokens", () -> browser.text(".preview").contains("11 of at most 128 tokens"));
        browser.click("#new-start");
        browser.await("the graph", () -> browser.text("#graph-name").equals(DALLAS));
        assertEquals("Output “ Austin”", browser.text("#connections h3"));
        browser.await("labels", () -> browser.text("#connections .rows").contains("is → Austin"));
        browser.screenshot("live-graph");
        JsonNode index =
                Json.MAPPER.readTree(graphs.resolve("graph-metadata.json").toFile());
        assertEquals(DALLAS, index.at("/graphs/0/slug").asText());
        assertEquals("atlas-plt", index.at("/graphs/0/scan").asText());
    }

    @Test
    @Order(2)
    void whatIsTracedOrWaitsCanBeCancelled() {
        browser.open(page("slug=" + DALLAS));
        String longest = "Fact: the capital of the state containing Dallas is "
                .repeat(12)
                .strip();
        List<String> ahead = Stream.of("first", "second", "third")
                .map(name -> client.send(
                                "POST",
                                "/api/jobs/attribute",
                                "{\"name\":\"" + name
                                        + "\",\"model\":\"atlas\",\"transcoders\":\"atlas-plt\",\"prompt\":{\"text\":\""
                                        + longest
                                        + "\"},\"maxLogits\":10,\"logitProbability\":0.95,\"maxFeatureNodes\":5000,\"nodeThreshold\":0.8,\"edgeThreshold\":0.98}")
                        .json()
                        .get("id")
                        .asText())
                .toList();
        browser.await("a trace with much to do", () -> {
            JsonNode first = client.get("/api/jobs/" + ahead.getFirst()).json();
            return first.get("phase").asText().equals("feature rows")
                    && first.get("done").longValue() > 0
                    && first.get("done").longValue() < first.get("total").longValue() / 2;
        });
        client.send("DELETE", "/api/jobs/" + ahead.getFirst(), null);
        browser.await(
                "its end",
                () -> client.get("/api/jobs/" + ahead.getFirst())
                        .json()
                        .get("state")
                        .asText()
                        .equals("CANCELLED"));

        browser.click("#new-graph");
        browser.js(
                "const area = document.getElementById('new-prompt'); area.value = arguments[0]; area.dispatchEvent(new Event('input'))",
                longest);
        WebElement name = browser.find("#new-name");
        name.clear();
        name.sendKeys("cancelled");
        browser.click("#new-start");
        browser.await("the queue", () -> browser.text(".tracing .phase").equals("Waiting for the model…"));
        browser.clickText(".tracing button", "Cancel");
        browser.await("the form again", () -> browser.shows("#new-prompt"));
        assertEquals(longest, browser.find("#new-prompt").getDomProperty("value"), "what was typed is still there");
        ahead.forEach(id -> client.send("DELETE", "/api/jobs/" + id, null));
        browser.await(
                "an idle model",
                () -> client.get("/api/jobs").json().get("jobs").findValuesAsText("state").stream()
                        .noneMatch(state -> state.matches("QUEUED|RUNNING")));
        assertFalse(Files.exists(graphs.resolve("cancelled.json")) || Files.exists(graphs.resolve("first.json")));
        browser.escape();
    }

    @Test
    @Order(3)
    void turningTexasRoundTakesAustinAway() throws IOException {
        String group = "[[\"Texas\",\"" + String.join("\",\"", TEXAS) + "\"]]";
        browser.open(page("slug=" + DALLAS + "&pinnedIds=" + String.join(",", TEXAS) + ",3_1932_10&supernodes="
                + URLEncoder.encode(group, StandardCharsets.UTF_8)));
        browser.click("#tab-steer");
        browser.await(
                "the group and the feature", () -> browser.all(".steer-item").size() == 2);
        browser.set("#steer-range-0", -1);
        browser.set("#steer-tokens", 3);
        browser.click("#steer-run");
        browser.await("results", () -> !browser.all(".distribution tbody tr").isEmpty());
        assertTrue(probability("Austin", 1) > 0.99, browser.text(".distribution"));
        assertTrue(probability("Austin", 2) < 0.01, browser.text(".distribution"));
        assertTrue(probability("Salem", 2) > 0.5, browser.text(".distribution"));
        List<String> texts = browser.texts(".texts .generated");
        assertEquals("Austin.", texts.getFirst().strip().replaceAll("<eos>.*", ""), texts.toString());
        assertTrue(texts.getLast().startsWith("Salem"), texts.toString());
        assertTrue(browser.all(".changes li").size() > TEXAS.size(), browser.text(".changes"));
        browser.screenshot("live-steer");
        browser.assertAccessible("live steer");
    }

    /** @param column 1 for the original, 2 for the steered run */
    private double probability(String token, int column) {
        String cell = browser.texts(".distribution tbody tr").stream()
                .filter(row -> row.matches("(?s)[“ ]*" + token + ".*"))
                .findFirst()
                .orElseThrow();
        List<String> shares = java.util.regex.Pattern.compile("(<?)([\\d.]+) %")
                .matcher(cell.substring(cell.indexOf(token) + token.length()))
                .results()
                .map(m -> m.group(2))
                .toList();
        return Double.parseDouble(shares.get(column - 1)) / 100;
    }

    @Test
    @Order(4)
    void headsAreExplainedAndKnockedOut() throws IOException {
        browser.open(page("slug=" + DALLAS + "&clickedId=7_3913_10"));
        browser.click("#tab-attention");
        browser.js("headwater.store.set({edge: {source: '0_94_9', target: '7_3913_10'}})");
        browser.await(
                "its heads",
                () -> !browser.all("#head-2-0").isEmpty()
                        && browser.text("#head-2-0").contains("+0.425"));
        browser.click("#head-2-0");
        browser.await("why it looks there", () -> browser.text("#attention-why").contains("+17.9"));
        assertTrue(browser.text("#attention-why").contains("+8.37"), browser.text("#attention-why"));
        assertEquals("100 %", browser.text(".look-fields strong"));
        browser.screenshot("live-attention");
        for (String head : List.of("0", "1", "3")) {
            browser.click("#head-2-" + head);
            browser.await("its place", () -> browser.shows("#steer-out"));
            browser.click("#steer-out");
            browser.click("#tab-attention");
        }
        browser.click("#tab-steer");
        browser.set("#steer-tokens", 0);
        browser.click("#steer-run");
        browser.await("results", () -> !browser.all(".distribution tbody tr").isEmpty());
        assertEquals(0.94, probability("Austin", 2), 0.005, browser.text(".distribution"));
        String wrong = client.send(
                        "POST",
                        "/api/jobs/attention",
                        "{\"graph\":\"" + DALLAS
                                + "\",\"edges\":[{\"source\":\"5_1320_10\",\"target\":\"7_3913_10\"}]}")
                .json()
                .get("id")
                .textValue();
        browser.await(
                "a sentence",
                () -> client.get("/api/jobs/" + wrong)
                        .json()
                        .get("error")
                        .asText()
                        .startsWith("no attention lies between the ends of the edge from 5_1320_10 to 7_3913_10"));
    }

    /** What 'intervene --swap' does, with the activation of the feature for Sacramento in the sentence about Oakland. */
    @Test
    @Order(4)
    void anActivationIsTakenFromAnotherPrompt() {
        String id = client.send(
                        "POST",
                        "/api/jobs/intervene",
                        "{\"graph\":\"" + DALLAS
                                + "\",\"edits\":[{\"site\":{\"layer\":0,\"position\":9,\"feature\":1066},\"from\":{\"prompts\":[{\"text\":\"Fact: the capital of the state containing Oakland is\"}],\"position\":-2,\"factor\":2}}]}")
                .json()
                .get("id")
                .textValue();
        JsonNode set = browser.await("what was set", () -> {
            JsonNode found = client.get("/api/jobs/" + id).json().at("/result/set/0");
            return found.isMissingNode() ? null : found;
        });
        assertEquals(0, set.get("before").doubleValue());
        assertEquals(1.029, set.get("after").doubleValue(), 5e-4);
    }

    @Test
    @Order(5)
    void evidenceBuiltFromACorpusIsServedAndShown() throws IOException {
        browser.open(page("slug=" + DALLAS));
        browser.click("#new-graph");
        browser.clickText(".chip", "Fact: the capital of the state containing Dallas is");
        browser.js("document.getElementById('new-transcoders').value = 'atlas-clt'");
        WebElement name = browser.find("#new-name");
        name.clear();
        name.sendKeys("across-layers");
        browser.click("#new-start");
        browser.await("the graph", () -> browser.text("#graph-name").equals("across-layers"));
        // The strongest of the features that fire on the city.
        String id = String.valueOf(
                browser.js(
                        "const g = headwater.store.state.graph; return g.nodes.filter(n => n.kind === 0 && n.layer === 0 && n.feature === 94)[0].id"));
        browser.js("headwater.store.set({clicked: arguments[0]})", id);
        browser.await(
                "its histogram", () -> browser.all("#feature .histogram-bar").size() == 40);
        assertTrue(browser.text("#feature .facts").contains("Percentile"), browser.text("#feature .facts"));
        List<String> groups = browser.texts("#feature .examples h4");
        assertEquals("Top activations", groups.getFirst());
        assertTrue(
                browser.texts("#feature .example mark").stream()
                        .anyMatch(text -> text.strip().equals("Austin")),
                browser.text("#feature .examples"));
        browser.screenshot("live-feature");
        browser.assertAccessible("live feature");

        // As the reference's page reads them: the index, then the bytes of one record.
        JsonNode shown = client.get("/api/features/0/94?scan=atlas-clt").json();
        byte[] index = client.get("/features/atlas-clt/features/index.json.gz")
                .response()
                .body();
        JsonNode layer = Json.MAPPER
                .readTree(new GZIPInputStream(new ByteArrayInputStream(index)))
                .get(0);
        long start = layer.at("/offsets/94").longValue();
        var part = client.get(
                "/features/atlas-clt/features/" + layer.get("filename").asText(),
                "Range",
                "bytes=" + start + "-" + layer.at("/offsets/95").longValue());
        assertEquals(206, part.status());
        byte[] bytes = part.response().body();
        int length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
        assertEquals(
                shown,
                Json.MAPPER.readTree(new InflaterInputStream(new ByteArrayInputStream(bytes, Integer.BYTES, length))));
    }

    /** What an example's experiments come to, by the end of its graph's name. */
    private static final Map<String, List<String>> OUTCOMES = Map.of(
            "two-steps", List.of("says “ Texas” now, with 95 %"),
            "another-question", List.of("says “ OR” now, with 93 %", "says “ Austin” now, with 98 %"),
            "another-state", List.of("says “ Austin” now, with 97 %"),
            "antonym", List.of("“grand” goes from 99.9 % to 14 %"),
            "addition", List.of("says “96” now, with 95 %", "says “93” now, with 89 %"));

    @Test
    @Order(6)
    void everyExampleDoesWhatItSays() {
        for (int i = 0; i < OUTCOMES.size(); i++) {
            browser.load(page("gallery"));
            browser.await("the gallery", () -> browser.all(".gallery-card").size() == OUTCOMES.size() + 1);
            browser.all(".gallery-card button").get(i).click();
            browser.await("the guide", () -> browser.shows(".tour"));
            String name = browser.text("#graph-name");
            assertEquals(
                    "[]",
                    browser.run(
                                    "const {graph, name} = headwater.store.state;"
                                            + "const {EXAMPLES} = await import('/assets/gallery-examples.js');"
                                            + "const {pinnedIds, supernodes} = EXAMPLES.find(e => e.name === name).annotations;"
                                            + "return [...pinnedIds, ...supernodes.flatMap(g => g.slice(1))].filter(id => !graph.node(id))")
                            .toString(),
                    name + " has all nodes of its circuit");
            browser.screenshot("live-" + name);
            for (String outcome : OUTCOMES.get(name.replaceFirst("example-", ""))) {
                do {
                    browser.keys(Keys.ARROW_RIGHT);
                } while (browser.all(".tour-outcome").isEmpty());
                browser.click(".tour h2 ~ button");
                browser.await(
                        name + " to come to: " + outcome,
                        () -> browser.text(".tour-outcome").contains(outcome));
            }
            browser.screenshot("live-" + name + "-experiment");
        }
    }
}
