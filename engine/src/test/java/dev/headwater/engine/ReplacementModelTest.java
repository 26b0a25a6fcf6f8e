package dev.headwater.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Intervention;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What a model owns, and how it ends. */
class ReplacementModelTest {
    private static final String PROMPT = "The capital of France is";

    private static ReplacementModel atlas() {
        return ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
    }

    private static AttributionGraph graph(ReplacementModel model, Progress progress) {
        Prompt prompt = model.prompt(PROMPT);
        return Attribution.of(model, prompt, AttributionOptions.DEFAULT.withMaxFeatures(200), progress);
    }

    @Test
    void whatIsTheSameForEveryPromptIsMadeOnceAndCounted() {
        ReplacementModel model = atlas();
        graph(model, Progress.NONE).close();
        var linear = model.linear();
        long left = model.memory().left(Place.DEVICE);
        graph(model, Progress.NONE).close();
        assertSame(linear, model.linear());
        assertEquals(left, model.memory().left(Place.DEVICE), "a graph gives back what it took");
        Map<String, Long> peaks = model.memory().peaks();
        for (String part : new String[] {"folded weights", "gradients", "edges", "decoder vectors"}) {
            assertTrue(peaks.get(part) > 0, part + " in " + peaks);
        }
        long before = model.memory().left(Place.DEVICE);
        model.close();
        assertTrue(model.memory().left(Place.DEVICE) > before, "the folded weights go with the model");
    }

    @Test
    void closingWaitsForWorkAndThenNothingBegins() throws InterruptedException {
        ReplacementModel model = atlas();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicReference<Object> outcome = new AtomicReference<>();
        AtomicBoolean finished = new AtomicBoolean();
        Thread worker = Thread.ofPlatform().start(() -> {
            try (AttributionGraph graph = graph(model, new Progress() {
                @Override
                public void phase(String name, long total) {
                    if (name.equals("feature rows")) {
                        inside.countDown();
                        try {
                            goOn.await();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    }
                }
            })) {
                finished.set(true);
                outcome.set(graph.featureCount());
            } catch (RuntimeException | Error e) {
                outcome.set(e);
            }
        });
        inside.await();
        AtomicBoolean early = new AtomicBoolean();
        Thread closer = Thread.ofPlatform().start(() -> {
            model.close();
            early.set(!finished.get());
        });
        while (closer.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        goOn.countDown();
        worker.join();
        closer.join();
        assertEquals(200, outcome.get());
        assertFalse(early.get(), "the model was closed before the graph was made");
        for (Runnable late : new Runnable[] {
            () -> graph(model, Progress.NONE),
            model::linear,
            () -> model.trace(new int[] {1}),
            () -> Baseline.of(model, new Prompt("x", new int[] {1}, java.util.List.of("x")))
        }) {
            String message = assertThrows(HeadwaterException.class, late::run).getMessage();
            assertTrue(message.contains("is closed"), message);
        }
        model.close();
    }

    @Test
    void oneThreadCannotCloseTheModelUnderItsOwnWork() {
        try (ReplacementModel model = atlas();
                Baseline baseline = Baseline.of(model, model.prompt(PROMPT))) {
            try (var _ = model.use()) {
                assertThrows(IllegalStateException.class, model::close);
            }
            baseline.apply(Intervention.NONE).close();
        }
    }
}
