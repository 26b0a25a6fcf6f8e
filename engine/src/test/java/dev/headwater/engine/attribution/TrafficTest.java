package dev.headwater.engine.attribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Traffic;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.transcoder.Residency;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an attribution moves between host and device, told by a device that pretends. */
class TrafficTest {
    static List<String> cases() {
        return GoldenCase.names();
    }

    /** Steps of each phase. */
    private static final class Steps implements Progress {
        final Map<String, List<Traffic>> of = new LinkedHashMap<>();
        private String phase = "";

        @Override
        public void phase(String name, long total) {
            phase = name;
        }

        @Override
        public void traffic(Traffic traffic) {
            of.computeIfAbsent(phase, _ -> new ArrayList<>()).add(traffic);
        }
    }

    private static ReplacementModel open(GoldenCase golden, Device device) {
        return ReplacementModel.open(
                golden.model(), golden.transcoders(), ReplacementModel.Options.DEFAULT.withDevice(device));
    }

    /** Whatever the layers and the targets: their numbers go down, what was computed comes up. */
    @ParameterizedTest
    @MethodSource("cases")
    void aRoundMovesIndicesDownAndEdgesUp(String name) {
        for (boolean stays : new boolean[] {true, false}) {
            try (GoldenCase golden = new GoldenCase(name);
                    ReplacementModel model = open(golden, Device.PRETENDED)) {
                if (!stays) {
                    model.basis().keep(Residency.NONE);
                }
                for (int perRound : new int[] {2, 9}) {
                    var steps = new Steps();
                    Attribution.of(
                                    model,
                                    model.prompt(golden.ints("input_tokens")),
                                    GoldenAttributionTest.options(golden)
                                            .withMaxFeatures(18)
                                            .withBatchSize(perRound)
                                            .withUpdateInterval(1),
                                    steps)
                            .close();
                    List<Traffic> rounds = steps.of.get("feature rows");
                    assertTrue(rounds.size() >= 2, () -> name + " has a few rounds: " + rounds);
                    for (Traffic round : rounds) {
                        assertTrue(round.toDevice() <= (stays ? 2 : 3), () -> name + ": " + round);
                        assertEquals(1, round.toHost(), () -> name + ": " + round);
                        assertEquals(1, round.waits(), () -> name + ": " + round);
                    }
                }
            }
        }
    }

    @Test
    void onTheProcessorNothingMoves() {
        try (GoldenCase golden = new GoldenCase("llama-plt-relu-skip");
                ReplacementModel model = open(golden, Device.CPU)) {
            var steps = new Steps();
            try (AttributionGraph graph = Attribution.of(
                    model, model.prompt(golden.ints("input_tokens")), GoldenAttributionTest.options(golden), steps)) {
                assertTrue(graph.size() > 0);
            }
            assertEquals(Map.of(), steps.of);
        }
    }
}
