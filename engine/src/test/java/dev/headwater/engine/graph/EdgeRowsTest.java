package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The edge store, and cuts found in it by histogram. */
class EdgeRowsTest {
    @Test
    void runsBecomeRows() {
        var layout = new EdgeLayout(8);
        assertEquals(0, layout.run(1, 2));
        assertEquals(2, layout.run(3, 1), "continues the first run");
        assertEquals(3, layout.run(5, 0));
        assertEquals(3, layout.run(6, 2));
        layout.endRow().endRow();
        assertEquals(5, layout.run(0, 1));
        layout.endRow();
        try (EdgeRows edges = layout.fill(1, -2, 3, 4, 0, 6)) {
            assertArrayEquals(
                    new float[] {0, 1, -2, 3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0},
                    edges.toDense());
            assertEquals(3, edges.rows());
            assertEquals(8, edges.columns());
            assertEquals(6, edges.size());
            assertEquals(5, edges.nonZeros());
            var runs = new ArrayList<String>();
            edges.forEachRun(0, (column, count, offset) -> runs.add(column + "+" + count + "@" + offset));
            assertEquals(List.of("1+3@0", "6+2@3"), runs);
            var found = new ArrayList<String>();
            edges.forEachEdge((target, source, weight) -> found.add(target + "<-" + source + " " + weight));
            assertEquals(List.of("0<-1 1.0", "0<-2 -2.0", "0<-3 3.0", "0<-6 4.0", "2<-0 6.0"), found);
            float[] dense = edges.toDense();
            for (int i = 0; i < dense.length; i++) assertEquals(dense[i], edges.get(i / 8, i % 8), "entry " + i);
        }
    }

    @Test
    void runsThatDoNotFitAreRefused() {
        var layout = new EdgeLayout(8);
        layout.run(2, 3);
        assertThrows(IllegalArgumentException.class, () -> layout.run(4, 1));
        assertThrows(IllegalArgumentException.class, () -> layout.run(5, 4));
        assertThrows(IllegalArgumentException.class, () -> layout.run(6, -1));
        assertThrows(IllegalArgumentException.class, () -> layout.run(6, Integer.MAX_VALUE));
        assertThrows(IllegalArgumentException.class, () -> layout.endRow().fill(1, 2));
    }

    @Test
    void denseMatricesComeBack() {
        var random = new Random(1);
        float[] dense = new float[30 * 200];
        for (int i = 0; i < dense.length; i++) dense[i] = random.nextInt(100) < 5 ? random.nextFloat() - 0.5f : 0;
        try (EdgeRows edges = EdgeRows.fromDense(dense, 30, 200)) {
            assertArrayEquals(dense, edges.toDense());
            assertTrue(edges.size() < dense.length);
            float[] row = new float[200];
            edges.copyRow(7, row);
            assertArrayEquals(Arrays.copyOfRange(dense, 1400, 1600), row);
        }
    }

    @Test
    void filledBuffersAreAdoptedAndFreed() {
        var layout = new EdgeLayout(3);
        layout.run(0, 2);
        layout.endRow();
        var closed = new AtomicInteger();
        EdgeBuffer buffer = layout.buffer();
        try (Tensor computed = Tensor.ofFloats(new float[] {1, 2}, 2)) {
            Torch.copy(buffer.values(), computed);
        }
        EdgeRows edges = buffer.finish(closed::incrementAndGet);
        buffer.close();
        assertEquals(2, edges.get(0, 1));
        edges.close();
        edges.close();
        assertEquals(1, closed.get());
        assertThrows(IllegalStateException.class, () -> edges.get(0, 1));
    }

    /** More scores than are sorted at once, many of them alike in their leading bits. */
    @Test
    void edgeCutEqualsTheCutOfSortedScores() {
        int n = 1100;
        var random = new Random(2);
        float[] dense = new float[n * n];
        for (int i = 0; i < dense.length; i++)
            dense[i] = random.nextInt(4) == 0 ? random.nextFloat() : 1 + random.nextInt(1000) * 0x1p-23f;
        double[] coefficient = new double[n];
        boolean[] keep = new boolean[n];
        for (int r = 0; r < n; r++) {
            keep[r] = r % 50 != 7;
            coefficient[r] = r % 3 == 0 || !keep[r] ? 0 : 1 + r % 2 * 1e-9;
        }
        double[] scores = new double[n * n];
        double total = 0;
        for (int i = 0; i < scores.length; i++) {
            scores[i] = keep[i % n] ? coefficient[i / n] * dense[i] : 0;
            total += scores[i];
        }
        Arrays.sort(scores);
        try (EdgeRows edges = EdgeRows.fromDense(dense, n, n)) {
            for (double share : new double[] {0, 0.1, 0.5, 0.8, 0.98, 0.9999}) {
                int i = scores.length - 1;
                for (double sum = scores[i]; sum < share * total; sum += scores[i]) i--;
                assertEquals(
                        scores[i], edges.runs().cut(coefficient, keep, share), scores[i] * 1e-12, "share " + share);
            }
            double smallest = Arrays.stream(scores).filter(s -> s > 0).min().orElseThrow();
            assertEquals(smallest, edges.runs().cut(coefficient, keep, 1));
            assertEquals(Double.POSITIVE_INFINITY, edges.runs().cut(new double[n], keep, 0.5));
        }
    }
}
