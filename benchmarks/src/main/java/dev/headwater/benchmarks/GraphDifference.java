package dev.headwater.benchmarks;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.weights.SafetensorsFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How far two files of the same prompt's graph differ: in tensors named as {@link
 * dev.headwater.engine.document.GraphFile} names them.
 *
 * @param features selected in either
 * @param common   selected in both
 * @param edges    largest difference of an edge between nodes of both, as a share of the first graph's largest edge; what is
 *                 not a number in either was not computed, and is not compared
 */
record GraphDifference(int features, int common, double edges) {
    /** What counts as the same graph. */
    private static final double TOLERANCE = 1e-4;

    /** @throws HeadwaterException if the prompts or the targets differ */
    static GraphDifference between(Path first, Path second) {
        try (SafetensorsFile a = SafetensorsFile.open(first);
                SafetensorsFile b = SafetensorsFile.open(second)) {
            if (!Arrays.equals(longs(a, "input_tokens"), longs(b, "input_tokens"))
                    || !Arrays.equals(longs(a, "logit_tokens"), longs(b, "logit_tokens"))) {
                throw new HeadwaterException("%s and %s explain different prompts or targets".formatted(first, second));
            }
            List<List<Long>> nodesOfA = selected(a);
            Map<List<Long>, Integer> nodesOfB = new HashMap<>();
            for (List<Long> node : selected(b)) {
                nodesOfB.put(node, nodesOfB.size());
            }
            int sizeOfA = (int) a.info("adjacency_matrix").size(0);
            int sizeOfB = (int) b.info("adjacency_matrix").size(0);
            int[] map = new int[sizeOfA];
            int common = 0;
            for (int i = 0; i < sizeOfA; i++) {
                map[i] = i < nodesOfA.size()
                        ? nodesOfB.getOrDefault(nodesOfA.get(i), -1)
                        : i - nodesOfA.size() + nodesOfB.size();
                common += i < nodesOfA.size() && map[i] >= 0 ? 1 : 0;
            }
            return new GraphDifference(
                    nodesOfA.size() + nodesOfB.size() - common,
                    common,
                    edges(a.data("adjacency_matrix"), sizeOfA, b.data("adjacency_matrix"), sizeOfB, map));
        }
    }

    private static double edges(MemorySegment a, long sizeOfA, MemorySegment b, long sizeOfB, int[] map) {
        double largest = 0;
        double difference = 0;
        for (int r = 0; r < sizeOfA; r++) {
            for (int c = 0; c < sizeOfA; c++) {
                float value = a.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, r * sizeOfA + c);
                largest = Float.isNaN(value) ? largest : Math.max(largest, Math.abs(value));
                if (map[r] >= 0 && map[c] >= 0) {
                    float other = b.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, map[r] * sizeOfB + map[c]);
                    if (!Float.isNaN(value) && !Float.isNaN(other)) {
                        difference = Math.max(difference, Math.abs(value - other));
                    }
                }
            }
        }
        return difference / largest;
    }

    /** (layer, position, feature) of each selected feature. */
    private static List<List<Long>> selected(SafetensorsFile file) {
        long[] triples = longs(file, "active_features");
        return Arrays.stream(longs(file, "selected_features"))
                .mapToObj(i -> List.of(triples[(int) i * 3], triples[(int) i * 3 + 1], triples[(int) i * 3 + 2]))
                .toList();
    }

    private static long[] longs(SafetensorsFile file, String name) {
        return file.data(name).toArray(ValueLayout.JAVA_LONG_UNALIGNED);
    }

    @Override
    public String toString() {
        String same = features == common && edges <= TOLERANCE ? "the same graph" : "NOT the same graph";
        return String.format(
                Locale.ROOT,
                "%s: %d of %d features in both, edges differ by at most %.1e of the largest",
                same,
                common,
                features,
                edges);
    }
}
