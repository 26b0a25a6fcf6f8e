package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What stays on a GPU follows from sizes alone. */
class ResidencyTest {
    private static final long GB = 1_000_000_000L;

    private static long[] layers(int count, long bytes) {
        long[] all = new long[count];
        Arrays.fill(all, bytes);
        return all;
    }

    @Test
    void allOfASetThatFits() {
        // Gemma-2-2B's 16k set in bfloat16: 26 layers of 16,384 features, 2,304 wide.
        long matrix = 16384L * 2304 * 2;
        Residency large = Residency.of(60 * GB, layers(26, matrix), layers(26, matrix));
        assertEquals(26, large.encoderLayers());
        assertEquals(26, large.decoderLayers());
        assertEquals(52 * matrix, large.bytes());
        assertEquals(60 * GB - 52 * matrix, large.work());
        assertEquals(0, large.streamedBytes());
        assertEquals(
                "encoders of all 26 layers stay (1.96 GB); decoders of all 26 layers stay (1.96 GB)", large.describe());
    }

    @Test
    void encodersComeFirstAndWorkKeepsAThird() {
        Residency some = Residency.of(9 * GB, layers(4, GB), new long[] {GB, GB, 3 * GB, GB});
        assertEquals(4, some.encoderLayers());
        assertEquals(2, some.decoderLayers());
        assertEquals(3 * GB, some.work());
        assertEquals(
                "encoders of all 4 layers stay (4.00 GB); decoders of 2 of 4 layers stay (2.00 GB), of the others their"
                        + " active features' rows are sent",
                some.describe());
        Residency few = Residency.of(4 * GB, layers(4, GB), layers(4, GB));
        assertEquals(2, few.encoderLayers());
        assertEquals(0, few.decoderLayers());
        assertEquals(2 * GB, few.streamedBytes());
    }

    /** Gemma-2-2B's cross-layer set of 426k features: 26.5 GB of decoders in bfloat16. */
    @Test
    void ofASetThatIsElsewhere() {
        var set = new SetOutline(TranscoderConfig.Kind.CROSS_LAYER, 16384, OptionalInt.empty());
        long bytes = 16384L * 2304 * 2 * (26 + 351);
        Residency all = Residency.of(Long.MAX_VALUE, set, 26, 2304, bytes);
        assertEquals(bytes, all.bytes());
        assertEquals((12 * GB + bytes * 3 / 2) * 4 / 3, all.wholeFrom(12 * GB));
        assertEquals(2 * bytes, Residency.of(Long.MAX_VALUE, set, 26, 2304, -1).bytes());
        var single = new SetOutline(TranscoderConfig.Kind.PER_LAYER, 2048, OptionalInt.empty());
        assertEquals(
                2 * 6 * 2048 * 192 * 2,
                Residency.of(GB, single, 6, 192, 9_500_000).bytes());
    }

    @Test
    void nothingWhereThereIsNoRoom() {
        for (long room : new long[] {-5, 0, 1}) {
            Residency none = Residency.of(room, layers(3, GB), layers(3, GB));
            assertEquals(0, none.bytes());
            assertEquals(3 * GB, none.streamedBytes());
            assertTrue(
                    none.describe().startsWith("encoders do not fit: streamed for each prompt; decoders do not fit:"));
        }
        assertEquals("nothing of the features' weights has to stay", Residency.NONE.describe());
    }
}
