package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

/** Graph files, evidence and the page over HTTP. */
class ExplorerServerTest extends ExplorerCase {
    @Test
    void listsWhatIsThereAndSaysWhatCannotBeShown() throws IOException {
        Files.writeString(graphs.resolve("broken.json"), "{\"metadata\": ");
        Files.writeString(graphs.resolve("notes.txt"), "no graph");
        JsonNode list = client.get("/api/graphs").json().get("graphs");
        Set<String> names = new HashSet<>();
        list.forEach(graph -> names.add(graph.get("name").textValue()));
        assertEquals(Set.of("broken", SampleGraphs.DALLAS, SampleGraphs.OAKLAND, SampleGraphs.GEMMA), names);
        for (JsonNode graph : list) {
            boolean broken = graph.get("name").textValue().equals("broken");
            assertEquals(broken, graph.get("problem").isTextual(), graph.toString());
            if (graph.get("name").textValue().equals(SampleGraphs.DALLAS)) {
                assertEquals("atlas-plt", graph.get("scan").textValue());
                assertEquals(" Dallas", graph.get("promptTokens").get(9).textValue());
            }
        }
    }

    @Test
    void givesAGraphByteForByteCompressedOrNotAndNotAtAllIfKnown() throws IOException {
        byte[] file = Files.readAllBytes(graphs.resolve(SampleGraphs.DALLAS + ".json"));
        for (String path : List.of(
                "/api/graphs/" + SampleGraphs.DALLAS,
                "/graph_data/" + SampleGraphs.DALLAS + ".json",
                "/data/" + SampleGraphs.DALLAS + ".json")) {
            var plain = client.get(path);
            assertArrayEquals(file, plain.response().body(), path);
            var gzip = client.get(path, "Accept-Encoding", "gzip, br");
            assertEquals(
                    "gzip",
                    gzip.response().headers().firstValue("Content-Encoding").orElseThrow(),
                    path);
            assertArrayEquals(
                    file,
                    new GZIPInputStream(new ByteArrayInputStream(gzip.response().body())).readAllBytes(),
                    path);
            assertEquals(304, client.get(path, "If-None-Match", plain.etag()).status(), path);
        }
        assertEquals(404, client.get("/api/graphs/other").status());
        JsonNode index = client.get("/data/graph-metadata.json").json();
        assertEquals(3, index.get("graphs").size());
    }

    @Test
    void savingChangesTheAnnotationsAndNoOtherByte() throws IOException {
        String odd = """
                {"metadata":{"slug":"odd","scan":"s","prompt":"p","prompt_tokens":["p"],"future":{"a":1.0e400,"b":0.10,"c":[ 1,2 ]}},
                 "qParams" : { "pinnedIds":["x"], "fromTheFuture":{"z":1.50} },
                 "nodes":[{"node_id":"E_1_0","feature":0,"layer":"E","ctx_idx":0,"feature_type":"embedding","clerp":"","unheard_of":12345678901234567890123}],
                 "links":[], "tail": "\\u00e9\\/ \\ud83d\\ude00"}
                """;
        Files.writeString(graphs.resolve("odd.json"), odd);
        String version = client.get("/api/graphs/odd").etag();
        var saved = client.send(
                "PUT",
                "/api/graphs/odd/annotations",
                "{\"pinnedIds\":[\"E_1_0\"],\"supernodes\":[[\"α\",\"E_1_0\"]]}",
                "If-Match",
                version);
        assertEquals(200, saved.status(), saved.error());
        String expected = odd.replace(
                "{ \"pinnedIds\":[\"x\"], \"fromTheFuture\":{\"z\":1.50} }",
                "{\"pinnedIds\":[\"E_1_0\"],\"fromTheFuture\":{\"z\":1.50},\"supernodes\":[[\"α\",\"E_1_0\"]]}");
        assertEquals(expected, Files.readString(graphs.resolve("odd.json")));
        assertEquals(saved.etag(), client.get("/api/graphs/odd").etag(), "the version after saving");

        client.send("PUT", "/api/graphs/odd/annotations", "{\"supernodes\":null}", "If-Match", saved.etag());
        assertFalse(Files.readString(graphs.resolve("odd.json")).contains("α"), "null removes");
    }

    @Test
    void aFileWithoutAnnotationsGetsThem() throws IOException {
        Files.writeString(
                graphs.resolve("bare.json"),
                "{\"metadata\":{\"slug\":\"bare\",\"scan\":\"\",\"prompt\":\"\",\"prompt_tokens\":[]},\"nodes\":[],\"links\":[]}");
        assertEquals(
                200,
                client.send("PUT", "/api/graphs/bare/annotations", "{\"clickedId\":\"x\"}", "If-Match", "*")
                        .status());
        assertEquals(
                "{\"qParams\":{\"clickedId\":\"x\"},\"metadata\":{\"slug\":\"bare\",\"scan\":\"\",\"prompt\":\"\",\"prompt_tokens\":[]},\"nodes\":[],\"links\":[]}",
                Files.readString(graphs.resolve("bare.json")));
    }

    @Test
    void savingOnAnOldVersionIsRefusedWithWhatIsThere() {
        String path = "/api/graphs/" + SampleGraphs.DALLAS + "/annotations";
        String version = client.get("/api/graphs/" + SampleGraphs.DALLAS).etag();
        assertEquals(428, client.send("PUT", path, "{}").status());
        assertEquals(
                200,
                client.send("PUT", path, "{\"pinnedIds\":[\"0_94_9\"]}", "If-Match", version)
                        .status());
        var late = client.send("PUT", path, "{\"pinnedIds\":[]}", "If-Match", version);
        assertEquals(412, late.status());
        assertEquals("0_94_9", late.json().at("/annotations/pinnedIds/0").textValue());
        assertEquals(
                200,
                client.send(
                                "PUT",
                                path,
                                "{\"pinnedIds\":[]}",
                                "If-Match",
                                '"' + late.json().get("version").textValue() + '"')
                        .status());
    }

    @Test
    void savesAsTheReferencesPageDoes() {
        var saved = client.send(
                "POST",
                "/save_graph/" + SampleGraphs.GEMMA,
                "{\"qParams\":{\"pinnedIds\":[\"0_28_18\"],\"linkType\":\"input\"}}");
        assertEquals(200, saved.status(), saved.error());
        assertEquals(
                "input",
                client.get("/api/graphs/" + SampleGraphs.GEMMA)
                        .json()
                        .at("/qParams/linkType")
                        .textValue());
    }

    @Test
    void takesAGraphInOnceAndDeletesIt() throws IOException {
        String graph = SampleGraphs.text(SampleGraphs.OAKLAND);
        assertEquals(201, client.send("POST", "/api/graphs?name=mine", graph).status());
        assertEquals(graph, Files.readString(graphs.resolve("mine.json")));
        assertEquals(409, client.send("POST", "/api/graphs?name=mine", graph).status());
        assertEquals(428, client.send("DELETE", "/api/graphs/mine", null).status());
        assertEquals(
                412,
                client.send("DELETE", "/api/graphs/mine", null, "If-Match", "\"0\"")
                        .status());
        assertEquals(
                204,
                client.send(
                                "DELETE",
                                "/api/graphs/mine",
                                null,
                                "If-Match",
                                client.get("/api/graphs/mine").etag())
                        .status());
        assertEquals(404, client.get("/api/graphs/mine").status());
        assertEquals(
                Set.of("dallas-austin.json", "oakland-sacramento.json", "gemma2-clt.json", "graph-metadata.json"),
                files(),
                "no draft left");
    }

    private Set<String> files() throws IOException {
        try (var files = Files.list(graphs)) {
            return files.map(file -> file.getFileName().toString()).collect(java.util.stream.Collectors.toSet());
        }
    }

    @Test
    void theDirectorysOwnListStaysInStep() throws IOException {
        Path index = graphs.resolve("graph-metadata.json");
        Files.writeString(
                index,
                "{\"theirs\":[1.5],\"graphs\":[{\"slug\":\"gone\"},{\"slug\":\"" + SampleGraphs.DALLAS
                        + "\",\"title_prefix\":\"ours\"},\"odd\"]}");
        assertEquals(3, client.get("/api/graphs").json().get("graphs").size(), "what is shown comes from the files");
        assertEquals(
                201,
                client.send("POST", "/api/graphs?name=mine", SampleGraphs.text(SampleGraphs.OAKLAND))
                        .status());
        JsonNode now = Json.MAPPER.readTree(index.toFile());
        assertEquals("1.5", now.at("/theirs/0").toString(), "what we don't know stays");
        assertEquals("ours", now.at("/graphs/0/title_prefix").asText());
        assertEquals("odd", now.at("/graphs/1").asText());
        assertEquals(List.of(SampleGraphs.DALLAS, "", SampleGraphs.GEMMA, "mine", SampleGraphs.OAKLAND), slugs(now));
        assertEquals("atlas-plt", now.at("/graphs/3/scan").asText());
        client.send("PUT", "/api/graphs/mine/annotations", "{\"pinnedIds\":[]}", "If-Match", "*");
        assertEquals(now, Json.MAPPER.readTree(index.toFile()), "saving changes nothing here");
        assertEquals(
                "DONE",
                events(client.send("POST", "/api/jobs/attribute", request("traced", "p"))
                                .json()
                                .get("id")
                                .textValue())
                        .getLast()
                        .get("state")
                        .textValue());
        assertEquals(
                204,
                client.send("DELETE", "/api/graphs/mine", null, "If-Match", "*").status());
        assertEquals(
                List.of(SampleGraphs.DALLAS, "", SampleGraphs.GEMMA, SampleGraphs.OAKLAND, "traced"),
                slugs(Json.MAPPER.readTree(index.toFile())));

        Files.writeString(index, "[");
        assertEquals(
                201,
                client.send("POST", "/api/graphs?name=mine", SampleGraphs.text(SampleGraphs.OAKLAND))
                        .status());
        assertEquals("[", Files.readString(index), "a list that nobody understands is left alone");
    }

    private static List<String> slugs(JsonNode index) {
        return StreamSupport.stream(index.get("graphs").spliterator(), false)
                .map(graph -> graph.path("slug").asText())
                .toList();
    }

    @Test
    void takesACompressedGraph() throws IOException, InterruptedException {
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            gzip.write(SampleGraphs.text(SampleGraphs.GEMMA).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        try (var http = java.net.http.HttpClient.newHttpClient()) {
            var request = java.net.http.HttpRequest.newBuilder(
                            java.net.URI.create("http://127.0.0.1:" + server.port() + "/api/graphs?name=packed"))
                    .header("Content-Type", "application/json")
                    .header("Content-Encoding", "gzip")
                    .POST(java.net.http.HttpRequest.BodyPublishers.ofByteArray(packed.toByteArray()))
                    .build();
            assertEquals(
                    201,
                    http.send(request, java.net.http.HttpResponse.BodyHandlers.ofString())
                            .statusCode());
        }
        assertEquals(SampleGraphs.text(SampleGraphs.GEMMA), Files.readString(graphs.resolve("packed.json")));
    }

    @Test
    void namesFeaturesAfterTheirEvidence() {
        JsonNode labels =
                client.get("/api/graphs/" + SampleGraphs.DALLAS + "/labels").json();
        assertTrue(labels.size() > 20, labels.toString());
        assertEquals(
                "capital",
                labels.get(Long.toString(FeatureSource.pair(0, 1749)))
                        .get("label")
                        .textValue(),
                "the \"capital\" feature of layer 0");
        assertEquals(
                "is → Austin",
                labels.get(Long.toString(FeatureSource.pair(5, 1320)))
                        .get("label")
                        .textValue(),
                "what it says, too");
        assertEquals(
                0,
                client.get("/api/graphs/" + SampleGraphs.GEMMA + "/labels")
                        .json()
                        .size(),
                "no evidence, no labels");
    }

    @Test
    void givesTheBundledEvidence() {
        JsonNode record = client.get("/api/features/5/1320?scan=atlas-plt").json();
        assertEquals(1320, record.get("index").intValue());
        assertTrue(
                StreamSupport.stream(record.get("top_logits").spliterator(), false)
                        .anyMatch(t -> t.textValue().contains("Austin")),
                record.get("top_logits").toString());
        JsonNode example = record.at("/examples_quantiles/0/examples/0");
        assertEquals(
                example.get("tokens").size(), example.get("tokens_acts_list").size());
        assertTrue(
                example.get("tokens_acts_list")
                                .get(example.get("train_token_ind").intValue())
                                .doubleValue()
                        > 0,
                "the peak is active");
        for (String path : List.of(
                "/api/features/5/999999?scan=atlas-plt",
                "/api/features/77/0?scan=atlas-plt",
                "/api/features/0/0?scan=../atlas",
                "/api/features/0/0?scan=other")) {
            assertEquals(204, client.get(path).status(), path);
        }
        assertEquals(400, client.get("/api/features/x/0?scan=atlas-plt").status());
    }

    @Test
    void comparesTwoGraphs() {
        JsonNode comparison = client.get("/api/compare?left=" + SampleGraphs.DALLAS + "&right=" + SampleGraphs.OAKLAND)
                .json();
        int shared = comparison.get("shared").intValue();
        assertTrue(shared > 10, comparison.toString());
        JsonNode features = comparison.get("features");
        assertEquals(
                features.size(),
                shared
                        + comparison.get("onlyLeft").intValue()
                        + comparison.get("onlyRight").intValue());
        for (int i = 0; i < features.size(); i++) {
            boolean both = !features.get(i).get("left").isEmpty()
                    && !features.get(i).get("right").isEmpty();
            assertEquals(i < shared, both, "features of both graphs come first: " + i);
        }
        assertTrue(comparison.get("outputs").toString().contains("Sacramento"));
        assertEquals(
                404,
                client.get("/api/compare?left=" + SampleGraphs.DALLAS + "&right=nothing")
                        .status());
    }

    @Test
    void servesASingleFileAndNothingBesideIt() {
        try (var one = ExplorerServer.start(ExplorerConfig.local(graphs.resolve(SampleGraphs.GEMMA + ".json")));
                var visitor = new Client(one.port())) {
            assertEquals(1, visitor.get("/api/graphs").json().get("graphs").size());
            assertEquals(200, visitor.get("/api/graphs/" + SampleGraphs.GEMMA).status());
            assertEquals(404, visitor.get("/api/graphs/" + SampleGraphs.DALLAS).status());
            assertEquals(403, visitor.send("POST", "/api/graphs?name=new", "{}").status());
        }
    }

    @Test
    void describesItselfAndServesThePage() {
        String yaml =
                new String(client.get("/api/openapi.yaml").response().body(), java.nio.charset.StandardCharsets.UTF_8);
        Set<String> described = new TreeSet<>(Set.of("GET /", "GET /assets/{file}", "GET /api/openapi.yaml"));
        String path = "";
        for (String line : yaml.lines().toList()) {
            if (line.matches("  /.*:")) {
                path = line.strip().replaceAll(":$", "");
            } else if (line.matches("    (get|put|post|delete):")) {
                described.add(line.strip().replace(":", "").toUpperCase(java.util.Locale.ROOT) + " " + path);
            }
        }
        assertEquals(server.routes(), described);
        var d3 = client.get("/assets/d3.min.js");
        assertEquals(200, d3.status());
        assertTrue(d3.response().body().length > 200_000);
        assertEquals(
                304, client.get("/assets/d3.min.js", "If-None-Match", d3.etag()).status());
    }
}
