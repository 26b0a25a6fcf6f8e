package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.GoldenCase;
import dev.headwater.engine.UsageException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many windows in one pass: what each of them gives alone, up to rounding. */
class WindowPassTest {
    private static final Set<FeatureSite> SITES = EnumSet.allOf(FeatureSite.class);

    /** Learned positions, grouped heads, sliding windows with soft caps, sinks; windows of all lengths, longer than what is packed too. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt2-plt-relu", "llama-plt-relu-skip", "gemma2-plt-npz", "gpt-oss-clt-relu"})
    void eachWindowSeesItselfOnly(String name) {
        try (LanguageModel model = open(name)) {
            List<int[]> windows = windows(model, 40);
            for (int left = 0; left < 2; left++) {
                List<String> order = new ArrayList<>();
                int skipped = left;
                List<Trace> alone = windows.stream()
                        .map(window -> model.forward(window, new TraceRequest(SITES, false, TraceRequest.Logits.NONE)))
                        .toList();
                WindowPass pass = new WindowPass(model, windows, left);
                pass.run(model.config().layers(), SITES, (site, layer, rows) -> {
                    order.add(layer + " " + site);
                    assertEquals(pass.rows(), rows.size(0));
                    float[] together = rows.toFloats();
                    int width = model.config().width();
                    int row = 0;
                    for (Trace trace : alone) {
                        float[] one = trace.site(site, layer).toFloats();
                        for (int i = skipped * width; i < one.length; i++) {
                            assertEquals(
                                    one[i],
                                    together[row * width + i - skipped * width],
                                    2e-5 * (1 + Math.abs(one[i])),
                                    site + " of layer " + layer);
                        }
                        row += trace.positions() - skipped;
                    }
                    assertEquals(pass.rows(), row);
                });
                alone.forEach(Trace::close);
                assertEquals(model.config().layers() * SITES.size(), order.size());
            }
        }
    }

    @Test
    void onlyTheLayersAskedForAreRunAndTheSameWindowsGiveTheSameBits() {
        try (LanguageModel model = open("llama-plt-relu-skip")) {
            List<int[]> windows = windows(model, 10);
            List<float[]> first = read(model, windows, 2);
            List<float[]> all = read(model, windows, model.config().layers());
            assertEquals(2, first.size());
            for (int layer = 0; layer < 2; layer++) {
                org.junit.jupiter.api.Assertions.assertArrayEquals(all.get(layer), first.get(layer));
            }
        }
    }

    @Test
    void badWindowsAreRefused() {
        try (LanguageModel model = open("llama-plt-relu-skip")) {
            assertThrows(IllegalArgumentException.class, () -> new WindowPass(model, List.of(), 0));
            assertThrows(IllegalArgumentException.class, () -> new WindowPass(model, List.of(new int[] {1}), 1));
            WindowPass pass = new WindowPass(model, List.of(new int[] {1, 1 << 20}), 1);
            String message = assertThrows(
                            UsageException.class, () -> pass.run(1, Set.of(FeatureSite.MLP_IN), (_, _, _) -> {}))
                    .getMessage();
            assertTrue(message.contains("position 1"), message);
        }
    }

    private static List<float[]> read(LanguageModel model, List<int[]> windows, int layers) {
        List<float[]> values = new ArrayList<>();
        new WindowPass(model, windows, 1)
                .run(layers, Set.of(FeatureSite.MLP_OUT), (_, _, rows) -> values.add(rows.toFloats()));
        return values;
    }

    private static List<int[]> windows(LanguageModel model, int count) {
        Random random = new Random(5);
        int longest = Math.min(model.config().maxPositions(), 150);
        return IntStream.range(0, count)
                .mapToObj(i -> random.ints(
                                i % 13 == 0 ? longest : 2 + random.nextInt(Math.min(40, longest - 1)),
                                0,
                                model.config().vocab())
                        .toArray())
                .toList();
    }

    private static LanguageModel open(String name) {
        try (GoldenCase golden = new GoldenCase(name)) {
            return LanguageModel.load(golden.model(), DType.F32, Device.CPU);
        }
    }
}
