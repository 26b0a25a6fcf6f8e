package dev.headwater.engine;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.util.HexFormat;
import java.util.List;

/**
 * Damaged inputs give a {@link HeadwaterException} of one short sentence or are read; nothing else may come out of a
 * parser.
 */
public final class Fuzz {
    /** More inputs, or others, with -Dfuzz.inputs=1000000 -Dfuzz.seed=42. */
    private static final int INPUTS = Integer.getInteger("fuzz.inputs", 20_000);

    public static final long SEED = Long.getLong("fuzz.seed", 0);

    private Fuzz() {}

    /** What is tried. */
    public interface Parser {
        void read(byte[] input) throws IOException;
    }

    public static void run(String format, Mutator mutator, List<byte[]> seeds, Parser parser) throws IOException {
        for (byte[] seed : seeds) {
            parser.read(seed);
        }
        int refused = 0;
        long start = System.nanoTime();
        for (int i = 0; i < INPUTS; i++) {
            byte[] input = mutator.damage(seeds.get(i % seeds.size()));
            try {
                parser.read(input);
            } catch (HeadwaterException expected) {
                refused++;
                if (expected.getMessage().length() > 1000
                        || expected.getMessage().chars().anyMatch(Character::isISOControl)) {
                    fail("%s input %d: not one short sentence: %s".formatted(format, i, expected.getMessage()));
                }
            } catch (RuntimeException | Error unexpected) {
                fail(
                        "%s input %d: %s"
                                .formatted(format, i, HexFormat.of().formatHex(input, 0, Math.min(2000, input.length))),
                        unexpected);
            }
        }
        System.out.printf(
                "fuzz %s: %d inputs, %d refused, %.1f s%n", format, INPUTS, refused, (System.nanoTime() - start) / 1e9);
        assertTrue(refused > INPUTS / 4, "the damage was noticed");
    }
}
