package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LinkTextTest {
    private static final String[] NAMES = {"E_1_0", "", "2_37_1"};

    private static String text(ByteBuffer buffer) {
        return StandardCharsets.US_ASCII.decode(buffer).toString();
    }

    @Test
    void linksFollowEachOther() {
        var links = new LinkText(NAMES);
        assertEquals("", text(links.of(new int[0], new int[0], new float[0], 0, 0)));
        assertEquals(
                ",{\"source\":\"E_1_0\",\"target\":\"2_37_1\",\"weight\":1.0}"
                        + ",{\"source\":\"\",\"target\":\"2_37_1\",\"weight\":-1.0E-5}",
                text(links.of(new int[] {2, 0, 1}, new int[] {2, 2, 2}, new float[] {9, 1, -1e-5f}, 1, 2)));
    }

    /** More than one core writes at a time. */
    @Test
    void manyLinksKeepTheirOrder() {
        var random = new SplittableRandom(3);
        int[] source = random.ints(10_001, 0, 3).toArray();
        int[] target = random.ints(10_001, 0, 3).toArray();
        float[] weight = new float[10_001];
        var expected = new StringBuilder();
        for (int e = 0; e < weight.length; e++) {
            weight[e] = (float) random.nextGaussian();
            expected.append(",{\"source\":\"%s\",\"target\":\"%s\",\"weight\":%s}"
                    .formatted(NAMES[source[e]], NAMES[target[e]], Float.toString(weight[e])));
        }
        assertEquals(expected.toString(), text(new LinkText(NAMES).of(source, target, weight, 0, weight.length)));
    }
}
