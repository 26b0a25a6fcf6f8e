package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.Progress;
import dev.headwater.engine.weights.BoundedJson;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command {@code plan}: its figures beside those of real runs of the bundled model. */
class PlanCommandTest {
    private static final int TOKENS = 120;
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is Austin. The day after Monday is Tuesday. ";

    @ParameterizedTest
    @ValueSource(strings = {"atlas-plt", "atlas-clt"})
    void figuresAreOfTheOrderOfARealRun(String transcoders) throws IOException {
        try (ReplacementModel model = ReplacementModel.load("atlas", transcoders, ReplacementModel.Options.DEFAULT)) {
            int[] tokens = Arrays.copyOf(model.prompt(PROMPT.repeat(20)).tokens(), TOKENS);
            double seconds = Double.MAX_VALUE;
            for (int run = 0; run < 2; run++) {
                long start = System.nanoTime();
                try (var graph = Attribution.of(model, model.prompt(tokens), AttributionOptions.DEFAULT.withMaxFeatures(1000), Progress.NONE)) {
                    seconds = Math.min(seconds, (System.nanoTime() - start) / 1e9);
                    JsonNode plan = plan("-t", transcoders, "--tokens", Integer.toString(TOKENS), "--max-features", "1000");
                    near("active features", graph.active().count(), plan.get("active_features").doubleValue());
                    near("edges", 4.0 * graph.edges().size(), plan.at("/memory_parts/edges").doubleValue());
                    if (run == 1) {
                        near("seconds", seconds, plan.get("seconds").doubleValue());
                    }
                }
            }
        }
    }

    private static void near(String what, double real, double planned) {
        assertTrue(planned > real / 10 && planned < real * 10, what + ": planned " + planned + ", really " + real);
    }

    private static JsonNode plan(String... args) throws IOException {
        String[] all = new String[args.length + 2];
        all[0] = "plan";
        all[1] = "--json";
        System.arraycopy(args, 0, all, 2, args.length);
        Run run = Run.headwater(all);
        assertEquals(0, run.code(), run.err());
        return BoundedJson.mapper().readTree(run.out());
    }

    @Test
    void whatIsNotHereHasItsDiskPlanned() throws IOException {
        JsonNode plan = plan("-m", "google/gemma-3-27b-pt", "-t", "mntss/clt-gemma-2-2b-2.5M");
        assertTrue(plan.at("/transcoders/here").booleanValue() || plan.at("/transcoders/bytes").longValue() == 172_000_000_000L, plan.toString());
        assertTrue(Run.headwater("plan").out().contains("time         about"));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"--tokens 0, --tokens is 0", "--tokens 5000, the model takes at most 128", "--max-features -1, --max-features is -1"})
    void badRequestsAreRefused(String options, String reason) {
        Run run = Run.headwater(("plan " + options).split(" "));
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(reason), run.err());
    }
}
