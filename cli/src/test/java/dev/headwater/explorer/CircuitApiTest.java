package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** Circuits of a graph over HTTP. */
class CircuitApiTest extends ExplorerCase {
    private static final String EXPLAIN = "{\"graph\":\"" + SampleGraphs.DALLAS + "\",\"size\":10,\"answer\":3913}";
    private static final String JUDGE = "{\"graph\":\"" + SampleGraphs.DALLAS
            + "\",\"features\":[{\"layer\":0,\"position\":9,\"feature\":94},{\"layer\":1,\"position\":9,\"feature\":696}]}";
    private static final String WHY_NOT = "{\"graph\":\"" + SampleGraphs.DALLAS + "\",\"token\":\" Houston\"}";

    private JsonNode last(String kind, String body) {
        var accepted = client.send("POST", "/api/jobs/" + kind, body);
        assertEquals(202, accepted.status(), accepted.error());
        return events(accepted.json().get("id").textValue()).getLast();
    }

    @Test
    void aCircuitIsFoundWithTheTimeBesideIt() {
        JsonNode done = last("explain", EXPLAIN);
        assertEquals("DONE", done.get("state").textValue(), done.toString());
        assertEquals("explain", done.get("kind").textValue());
        assertEquals(1416, done.at("/result/interventions").intValue());
        assertEquals(1.8, done.at("/result/seconds").doubleValue());
        assertEquals(94, done.at("/result/boxes/0/members/0/feature/feature").intValue());
        assertEquals("NaN", done.at("/result/circuit/turned/necessity").textValue());
    }

    @Test
    void featuresAreJudgedAndAnswersDoubted() {
        JsonNode judged = last("judge", JUDGE);
        assertEquals(2, judged.at("/result/size").intValue(), judged.toString());
        assertEquals(0.35, judged.at("/result/random/necessity/mean").doubleValue());
        JsonNode card = last("card", JUDGE);
        assertEquals(0.75, card.at("/result/total/correlation").doubleValue(), card.toString());
        JsonNode doubted = last("why-not", WHY_NOT);
        assertEquals(1320, doubted.at("/result/features/0/feature/feature").intValue(), doubted.toString());
        JsonNode failed = last("why-not", WHY_NOT.replace(" Houston", "Xx"));
        assertEquals("FAILED", failed.get("state").textValue());
        assertEquals("'Xx' is 3 tokens, not one", failed.get("error").textValue());
    }

    @Test
    void whatCannotBeIsRefusedAtOnce() {
        for (String[] wrong : new String[][] {
            {"explain", EXPLAIN.replace("10", "0")},
            {"explain", EXPLAIN.replace("10", "201")},
            {"explain", EXPLAIN.replace("\"size\":10", "\"budget\":20001")},
            {"explain", EXPLAIN.replace("3913", "3")},
            {"explain", "{}"},
            {"judge", JUDGE.replaceAll("\\[.*]", "[]")},
            {"judge", JUDGE.replace("\"layer\":0", "\"layer\":-1")},
            {"card", JUDGE.replaceAll("\\[.*]", "[]")},
            {"why-not", WHY_NOT.replace(" Houston", "")},
        }) {
            var answer = client.send("POST", "/api/jobs/" + wrong[0], wrong[1]);
            assertEquals(400, answer.status(), wrong[1]);
            assertTrue(answer.error().length() > 10, answer.error());
        }
        assertEquals(
                404,
                client.send("POST", "/api/jobs/explain", "{\"graph\":\"nobody\"}")
                        .status());
        var other = client.send("POST", "/api/jobs/explain", "{\"graph\":\"" + SampleGraphs.GEMMA + "\"}");
        assertEquals(422, other.status());
        assertTrue(other.error().contains("this explorer runs atlas-plt"), other.error());
    }

    /** A trace goes on, as it leaves a graph; who asked for a circuit and went away wants none. */
    @Test
    void whatNobodyWaitsForAnyMoreIsCancelled() throws InterruptedException {
        for (String kind : new String[] {"explain", "attribute"}) {
            Job job = new Job("1", kind, "", progress -> {
                for (int i = 0; i < 300 && !progress.cancelled(); i++) {
                    Browser.pause(1);
                }
                if (progress.cancelled()) {
                    throw new CancellationException();
                }
                return 1;
            });
            job.follow();
            job.follow();
            job.leave(Duration.ZERO);
            job.leave(Duration.ofMillis(20));
            job.run();
            assertEquals(
                    kind.equals("explain") ? Job.State.CANCELLED : Job.State.DONE,
                    job.status().state());
        }
    }
}
