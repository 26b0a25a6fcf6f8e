package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.Device;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GraphSchemaTest {
    private static final String VALID = """
        {"metadata":{"slug":"s","scan":"gemma-2-2b","prompt_tokens":["a"," b"],"prompt":"a b","node_threshold":0.8,
          "info":{"generator":{"name":"n"},"source_urls":[]},"feature_details":{},"generation_settings":{"batch_size":2.0},"anything":[]},
         "qParams":{"pinnedIds":["E_2_0"],"clickedId":"x"},
         "nodes":[{"node_id":"E_2_0","feature":null,"layer":"E","ctx_idx":0,"feature_type":"embedding","jsNodeId":"E_2-0","clerp":"","influence":null,"more":{}},
          {"node_id":"0_1_1","feature":1,"layer":0,"ctx_idx":1,"feature_type":"cross layer transcoder","jsNodeId":"0_1-0","clerp":"x","activation":1.5}],
         "links":[{"source":"E_2_0","target":"0_1_1","weight":-0.5}]}""";

    @TempDir
    Path directory;

    private List<String> problems(String json) throws IOException {
        return GraphSchema.check(Files.writeString(directory.resolve("g.json"), json), GraphSchema.Reader.SITE)
                .problems();
    }

    @Test
    void aValidFileHasNoProblems() throws IOException {
        assertEquals(List.of(), problems(VALID));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/metadata",
                "/qParams",
                "/nodes",
                "/links",
                "/metadata/slug",
                "/metadata/scan",
                "/metadata/prompt_tokens",
                "/metadata/prompt",
                "/nodes/0/node_id",
                "/nodes/0/feature",
                "/nodes/0/layer",
                "/nodes/0/ctx_idx",
                "/nodes/0/feature_type",
                "/nodes/0/jsNodeId",
                "/nodes/0/clerp",
                "/links/0/source",
                "/links/0/target",
                "/links/0/weight"
            })
    void requiredFieldsAreMissedAndTheirTypesChecked(String pointer) throws IOException {
        int slash = pointer.lastIndexOf('/');
        String field = pointer.substring(slash + 1);
        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(VALID);
        ObjectNode parent = (ObjectNode) root.at(pointer.substring(0, slash));
        parent.put(field, true);
        List<String> wrong = problems(root.toString());
        assertTrue(wrong.size() == 1 && wrong.getFirst().contains(field), wrong.toString());
        parent.remove(field);
        List<String> missing = problems(root.toString());
        assertTrue(missing.size() == 1 && missing.getFirst().endsWith("has no " + field), missing.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "/metadata, node_threshold",
        "/metadata, info",
        "/metadata, feature_details",
        "/metadata/info, source_urls",
        "/metadata/info/generator, name",
        "/metadata/generation_settings, batch_size",
        "/qParams, pinnedIds",
        "/qParams, clickedId",
        "/nodes/1, influence",
        "/nodes/1, activation"
    })
    void typesOfOptionalFieldsAreChecked(String parent, String field) throws IOException {
        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(VALID);
        ((ObjectNode) root.at(parent)).put(field, true);
        List<String> wrong = problems(root.toString());
        assertTrue(wrong.size() == 1 && wrong.getFirst().contains(field + " is not"), wrong.toString());
    }

    @Test
    void manyProblemsAreCutOffAndNoJsonIsAnError() throws IOException {
        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(VALID);
        ArrayNode links = (ArrayNode) root.get("links");
        for (int i = 0; i < 100; i++) {
            links.add(i);
        }
        assertEquals(20, problems(root.toString()).size());
        for (String broken : List.of("", "[]", "{", "{\"nodes\":[" + "[".repeat(200), VALID + "{}")) {
            assertThrows(
                    HeadwaterException.class,
                    () -> {
                        List<String> found = problems(broken);
                        if (!found.isEmpty()) {
                            throw new HeadwaterException(found.toString());
                        }
                    },
                    broken);
        }
        assertThrows(
                HeadwaterException.class, () -> GraphSchema.check(directory.resolve("none"), GraphSchema.Reader.SITE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"atlas-plt", "atlas-clt"})
    void graphsOfTheBundledModelKeepToTheSchema(String transcoders) throws IOException {
        try (var model = ReplacementModel.load(
                        "atlas", transcoders, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                var graph = Attribution.of(
                        model,
                        model.prompt("Fact: the capital of the state containing Dallas is"),
                        AttributionOptions.DEFAULT,
                        Progress.NONE)) {
            var options = new GraphJson.Options(
                    "dallas", (layer, feature) -> "a \"label\"", Map.of("feature_json_base_url", "features"));
            Path file = GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), options, directory);
            GraphSchema.Verdict verdict = GraphSchema.check(file, GraphSchema.Reader.SITE);
            assertEquals(List.of(), verdict.problems());
            assertEquals("dallas", verdict.slug());
            JsonNode root = new ObjectMapper().readTree(file.toFile());
            assertTrue(root.get("nodes").size() > 20 && root.get("links").size() > 20, "a graph of some size");
        }
    }
}
