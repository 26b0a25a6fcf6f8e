package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.Run;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command {@code plan}: its figures beside those of real runs of the bundled model. */
class PlanCommandTest {
    private static final int TOKENS = 60;
    private static final String PROMPT =
            "Fact: the capital of the state containing Dallas is Austin. The day after Monday is Tuesday. ";

    /** The guess is off by less than its range, and the rest is near once the number of active features is given. */
    @ParameterizedTest
    @ValueSource(strings = {"atlas-plt", "atlas-clt"})
    void figuresAreOfTheOrderOfARealRun(String transcoders) throws IOException {
        String[] options = {"-t", transcoders, "--tokens", Integer.toString(TOKENS), "--max-features", "0"};
        try (ReplacementModel model = ReplacementModel.load("atlas", transcoders, ReplacementModel.Options.DEFAULT)) {
            int[] tokens = Arrays.copyOf(model.prompt(PROMPT.repeat(20)).tokens(), TOKENS);
            double seconds = Double.MAX_VALUE;
            for (int run = 0; run < 2; run++) {
                long start = System.nanoTime();
                try (var graph = Attribution.of(
                        model, model.prompt(tokens), AttributionOptions.DEFAULT.withMaxFeatures(0), Progress.NONE)) {
                    seconds = Math.min(seconds, (System.nanoTime() - start) / 1e9);
                    JsonNode plan = plan(options);
                    within("active features", graph.active().count(), plan.get("active_features_range"));
                    near(
                            "edges",
                            10,
                            4.0 * graph.edges().size(),
                            plan.at("/memory_parts/edges").doubleValue());
                    if (run == 1) {
                        near("seconds", 10, seconds, plan.get("seconds").doubleValue());
                    }
                    JsonNode told = plan(Stream.concat(
                                    Stream.of(options),
                                    Stream.of(
                                            "--active-per-token",
                                            Integer.toString(graph.active().count() / TOKENS)))
                            .toArray(String[]::new));
                    near(
                            "active features",
                            1.2,
                            graph.active().count(),
                            told.get("active_features").doubleValue());
                    near(
                            "edges",
                            3,
                            4.0 * graph.edges().size(),
                            told.at("/memory_parts/edges").doubleValue());
                    assertEquals(told.get("memory"), told.at("/memory_range/0"), "no range where nothing is guessed");
                }
            }
        }
    }

    private static void within(String what, double real, JsonNode range) {
        assertTrue(
                range.get(0).doubleValue() <= real && real <= range.get(1).doubleValue(),
                what + ": planned " + range + ", really " + real);
    }

    private static void near(String what, double factor, double real, double planned) {
        assertTrue(
                planned > real / factor && planned < real * factor, what + ": planned " + planned + ", really " + real);
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
    void whatCannotBeLookedUpHasItsDiskPlannedFromTheList() throws IOException {
        JsonNode plan = plan("-m", "google/gemma-3-27b-pt", "-t", "mntss/clt-gemma-2-2b-2.5M");
        assertEquals(172_000_000_000L, plan.at("/transcoders/bytes").longValue(), plan.toString());
        assertTrue(plan.get("unknown").textValue().contains("HF_HUB_OFFLINE"), plan.toString());
        Run run = Run.headwater("plan", "-m", "google/gemma-3-27b-pt", "-t", "mntss/clt-gemma-2-2b-2.5M");
        assertTrue(
                run.out().contains("disk         227 GB to fetch, ")
                        && run.out().contains("Memory and time are not known: "),
                run.out());
        Run unlisted = Run.headwater("plan", "-m", "org/unlisted", "-t", "mntss/clt-gemma-2-2b-2.5M");
        assertEquals(1, unlisted.code(), unlisted.out());
        assertTrue(unlisted.err().startsWith("headwater: org/unlisted is not in the cache"), unlisted.err());
    }

    @Test
    void aGpuThatIsNotHereIsAssumed() {
        Run run = Run.headwater("plan", "--device", "cuda:7");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(" on a GPU (there is none here to compare with): weights "), run.out());
        assertTrue(run.out().contains("20,000 GFLOP/s (assumed, there is no such device here)"), run.out());
        assertTrue(
                run.out()
                        .matches(
                                "(?s).*features     [\\d,]+ expected to be active \\([\\d,]+ to [\\d,]+\\), of 2,048 a layer\n.*"),
                run.out());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "--tokens 0, --tokens is 0",
        "--tokens 5000, the model takes at most 128",
        "--max-features -1, --max-features is -1",
        "--active-per-token 0, --active-per-token is 0"
    })
    void badRequestsAreRefused(String options, String reason) {
        Run run = Run.headwater(("plan " + options).split(" "));
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(reason), run.err());
    }
}
