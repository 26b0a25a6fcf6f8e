package dev.headwater.engine.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionBlockTest {
    private static final AttentionBlock BLOCK = new AttentionBlock(
            1,
            2,
            4,
            0.8,
            List.of(new AttentionBlock.Ranked(1, 3, 0.5)),
            List.of(new AttentionBlock.Edge("E_5_0", "1_7_1", List.of(new AttentionBlock.Part(0, 2, 0.25f)), -0.5)),
            List.of(new AttentionBlock.Score(
                    "1_7_1",
                    1,
                    3,
                    1,
                    0,
                    2.5,
                    0.5,
                    1,
                    List.of(new AttentionBlock.Source("E_5_0", 1)),
                    List.of(new AttentionBlock.Source("0_9_0", 2)),
                    new AttentionBlock.Rest(1.5, 0.5),
                    List.of(new AttentionBlock.Pair("E_5_0", "0_9_0", 3)))));

    @Test
    void textAndBack() {
        assertEquals(BLOCK, AttentionBlock.parse(BLOCK.toBytes(), "x"));
    }

    @Test
    void neuronpediasFieldsOfTheNodeItWasExplainedFor() {
        var tracing = BLOCK.tracingOf("1_7_1").orElseThrow();
        assertEquals(
                "{\"pair_wise_contributors\":[[\"E_5_0\",\"0_9_0\",3.0]],\"top_q_marginal_contributors\":[[\"E_5_0\",1.0]],"
                        + "\"top_k_marginal_contributors\":[[\"0_9_0\",2.0]]}",
                tracing.toString());
        assertTrue(QkTracing.isSound(tracing));
        assertTrue(BLOCK.tracingOf("0_9_0").isEmpty());
        assertEquals(1, BLOCK.among(name -> true).edges().size());
        assertTrue(BLOCK.among("E_5_0"::equals).edges().isEmpty());
    }

    @Test
    void settingsOfTheResults() {
        assertEquals(1, BLOCK.topFraction(), "the one head that influence passes");
        assertEquals(1, BLOCK.topK());
        assertEquals(0, new AttentionBlock(1, 2, 4, 0.8, BLOCK.influence(), null, null).topFraction());
    }

    private static Path settings(Path directory, String settings) throws IOException {
        return Files.writeString(
                directory.resolve("s.json"),
                "{\"metadata\": {\"slug\": \"s\", \"scan\": \"m\", \"prompt\": \"\", \"prompt_tokens\": [], \"generation_settings\": {"
                        + settings + "}}, \"nodes\": [], \"links\": []}");
    }

    @Test
    void settingsAreRead(@TempDir Path directory) throws IOException {
        Path full = settings(directory, "\"enable_qk_tracing\": true, \"qk_top_fraction\": 0.6, \"qk_topk\": 10");
        assertEquals(new QkTracing.Settings(true, 0.6, 10), QkTracing.Settings.of(GraphDocument.read(full)));
        assertTrue(GraphSchema.check(full, GraphSchema.Reader.EXPLORER).isValid());
        assertEquals(
                new QkTracing.Settings(false, 0, 0),
                QkTracing.Settings.of(GraphDocument.read(settings(directory, ""))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"enable_qk_tracing\": 1",
                "\"qk_top_fraction\": 1.5",
                "\"qk_top_fraction\": -0.1",
                "\"qk_top_fraction\": \"0.5\"",
                "\"qk_topk\": 2.5",
                "\"qk_topk\": -1",
                "\"qk_topk\": null"
            })
    void settingsOfAnotherKindAreRefused(String wrong, @TempDir Path directory) throws IOException {
        Path file = settings(directory, wrong);
        assertEquals(
                1,
                GraphSchema.check(file, GraphSchema.Reader.EXPLORER).problems().size());
        GraphDocument document = GraphDocument.read(file);
        String message = assertThrows(HeadwaterException.class, () -> QkTracing.Settings.of(document))
                .getMessage();
        assertTrue(message.contains("generation_settings are not of Neuronpedia's form"), message);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{\"pair_wise_contributors\": [[\"a\", 1]]}",
                "{\"top_q_marginal_contributors\": [[\"a\", \"b\"]]}",
                "3"
            })
    void tracingOfAnotherFormIsNotSound(String json) throws IOException {
        assertFalse(QkTracing.isSound(BoundedJson.mapper().readTree(json)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "{\"version\": 2, \"layers\": 2, \"heads\": 4, \"share\": 0.8}",
                "{\"version\": 1, \"layers\": 2, \"heads\": 4, \"share\": 0.8, \"influence\": [[2, 0, 1]]}",
                "{\"version\": 1, \"layers\": 2, \"heads\": 4, \"share\": 0.8, \"edges\": [{\"source\": \"E_5_0\"}]}",
                "{\"version\": 1, \"layers\": 2, \"heads\": 4, \"share\": 0.8, \"edges\": [{\"source\": \"x\", \"target\": \"E_5_0\", \"parts\": [], \"rest\": 0}]}",
                "{\"version\": 1, \"layers\": 2, \"heads\": 4, \"share\": 0.8, \"scores\": [{\"layer\": 1}]}",
                "\"text\""
            })
    void whatIsNotSoundIsRefusedInASentence(String block, @TempDir Path directory) throws IOException {
        Path file = Files.writeString(
                directory.resolve("g.json"),
                "{\"metadata\": {\"schema_version\": 1}, \"nodes\": [{\"node_id\": \"E_5_0\", \"feature\": 0, \"layer\": \"E\", \"ctx_idx\": 0, "
                        + "\"feature_type\": \"embedding\"}], \"links\": [], \"attention_heads\": " + block + "}",
                StandardCharsets.UTF_8);
        GraphDocument document = GraphDocument.read(file);
        var failure = assertThrows(HeadwaterException.class, () -> AttentionBlock.of(document, "g.json"));
        assertTrue(
                failure.getMessage().startsWith("g.json says something of attention that is not sound"),
                failure.getMessage());
    }
}
