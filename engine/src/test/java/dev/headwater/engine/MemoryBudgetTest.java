package dev.headwater.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.MemoryBudget.Place;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
    private static final Device CUDA = new Device(Device.Type.CUDA, 0);

    @Test
    void partsAreCountedUntilTheyAreClosed() {
        MemoryBudget budget = MemoryBudget.of(Device.CPU, 1000, 0);
        try (var gradients = budget.reserve("gradients", Place.DEVICE, 300);
                var edges = budget.reserve("edges", Place.HOST, 500)) {
            assertEquals(200, budget.left(Place.HOST), "on the CPU both are the host's");
            assertEquals(200, budget.working(Place.DEVICE));
            String message = assertThrows(HeadwaterException.class, () -> budget.reserve("rows", Place.HOST, 201))
                    .getMessage();
            assertTrue(message.contains("rows") && message.contains("gradients, edges"), message);
            gradients.close();
            gradients.close();
            assertEquals(500, budget.left(Place.HOST), "a part is given back once");
            budget.reserve("edges", Place.HOST, 100).close();
        }
        assertEquals(1000, budget.left(Place.HOST));
        assertEquals(333, budget.working(Place.HOST));
        assertEquals(800, budget.peak(Place.HOST));
        assertEquals(Map.of("gradients", 300L, "edges", 600L), budget.peaks());
    }

    @Test
    void aDeviceHasItsOwn() {
        MemoryBudget budget = MemoryBudget.of(CUDA, 1000, 100);
        budget.reserve("edges", Place.HOST, 900);
        budget.reserve("gradients", Place.DEVICE, 90);
        assertEquals(100, budget.left(Place.HOST));
        assertEquals(10, budget.left(Place.DEVICE));
        String message = assertThrows(HeadwaterException.class, () -> budget.reserve("rows", Place.DEVICE, 50))
                .getMessage();
        assertTrue(message.contains("cuda:0"), message);
    }

    @Test
    void threadsShareIt() {
        MemoryBudget budget = MemoryBudget.of(Device.CPU, 1_000_000, 0);
        IntStream.range(0, 10_000)
                .parallel()
                .forEach(i -> budget.reserve("part " + i % 3, Place.HOST, 7).close());
        assertEquals(1_000_000, budget.left(Place.HOST));
        assertTrue(budget.peak(Place.HOST) >= 7);
    }
}
