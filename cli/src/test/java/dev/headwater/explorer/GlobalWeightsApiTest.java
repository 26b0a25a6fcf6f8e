package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.features.FeatureBuild;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Global weights over HTTP, from files that a build has left. */
class GlobalWeightsApiTest extends HostileExplorer {
    @Test
    void theStrongestOfBothDirectionsAreAnswered() throws IOException {
        assertEquals(204, client.get("/api/features/4/1/connections?scan=set").status());
        assertEquals(400, client.get("/api/features/4/1/connections").status());
        Path text = Files.writeString(
                directory.resolve("text.txt"), "Fact: the capital of the state containing Dallas is Austin\n");
        try (ReplacementModel model = ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT)) {
            FeatureBuild.run(
                    model,
                    new Corpus(List.of(text)),
                    FeatureBuild.Options.DEFAULT.withConnections(4),
                    features,
                    Progress.NONE);
        }
        int found = 0;
        for (int feature = 0; feature < 2048 && found < 3; feature++) {
            JsonNode answer = client.get("/api/features/4/" + feature + "/connections?scan=atlas-plt")
                    .json();
            assertEquals("TWERA", answer.get("by").asText());
            for (JsonNode one : answer.get("inputs")) {
                assertTrue(one.get("layer").intValue() < 4 && one.get("twera").isNumber(), one.toString());
                found++;
            }
        }
        assertTrue(found > 0);
        assertEquals(
                400, client.get("/api/features/9/1/connections?scan=atlas-plt").status());
        assertTrue(client.get("/api/features/4/99999/connections?scan=atlas-plt")
                .error()
                .contains("no feature 4/99999"));
    }
}
