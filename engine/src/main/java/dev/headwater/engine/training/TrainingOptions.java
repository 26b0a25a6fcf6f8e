package dev.headwater.engine.training;

import dev.headwater.bindings.DType;
import dev.headwater.engine.UsageException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a set is trained.
 *
 * @param shape    what it is to be
 * @param budget   when it is done
 * @param settings of the way there, which have values that suit most models
 */
public record TrainingOptions(TrainingShape shape, Budget budget, Settings settings) {
    /**
     * When training ends: by whichever comes first.
     *
     * @param tokens to read; {@link Long#MAX_VALUE} for all of the text, once, or, under a limit of time, as often as that allows
     * @param time   null for no limit; two runs under a limit of time are not the same run
     * @param fvu    mean fraction of variance unexplained on held-out text at which it is good enough; 0 for none
     */
    public record Budget(long tokens, @Nullable Duration time, double fvu) {
        /** All of the text, once. */
        public static final Budget ALL = new Budget(Long.MAX_VALUE, null, 0);

        public Budget {
            if (tokens < 1 || fvu < 0 || fvu >= 1 || time != null && !time.isPositive()) {
                throw new UsageException(
                        "a budget of %d tokens, %s and a fraction of variance unexplained of %s cannot be"
                                .formatted(tokens, time, fvu));
            }
        }
    }

    /**
     * Settings of the optimiser and of the flow of activations.
     *
     * @param batch   positions of a step
     * @param rate    of the optimiser, on scaled activations
     * @param window  tokens that the model reads at once
     * @param buffer  positions whose activations are held at a time
     * @param visits  how often a position is learned from while it is held
     * @param heldOut tokens of documents that are held out to judge by, about
     * @param refit   whether decoders are solved in closed form at the end
     * @param seed    of all that is random
     * @param dtype   of the set's matrices on disk
     * @param memory  bytes that may be taken beside the model; layers that do not fit wait for another turn
     */
    public record Settings(
            int batch,
            double rate,
            int window,
            int buffer,
            int visits,
            int heldOut,
            boolean refit,
            long seed,
            DType dtype,
            long memory) {
        /** What suits a model of some hundred million parameters on a laptop. */
        public static final Settings DEFAULT =
                new Settings(2048, 1e-3, 256, 32768, 4, 4096, true, 0, DType.F32, 4L << 30);

        public Settings {
            if (batch < 1 || window < 2 || buffer < batch || visits < 1 || visits > 64 || heldOut < 1 || memory < 1) {
                throw new UsageException(
                        "settings of a batch of %d positions, windows of %d tokens, a buffer of %d positions and %d visits, %d tokens held out and %d bytes of memory cannot be: the buffer holds a batch or more"
                                .formatted(batch, window, buffer, visits, heldOut, memory));
            }
            if (!(rate > 0 && rate < 1)) {
                throw new UsageException("a rate of " + rate + " is not between 0 and 1");
            }
        }

        /** {@return these settings with another batch} */
        public Settings withBatch(int value) {
            return new Settings(
                    value, rate, window, Math.max(buffer, value), visits, heldOut, refit, seed, dtype, memory);
        }

        /** {@return these settings with another rate} */
        public Settings withRate(double value) {
            return new Settings(batch, value, window, buffer, visits, heldOut, refit, seed, dtype, memory);
        }

        /** {@return these settings with windows of another length} */
        public Settings withWindow(int value) {
            return new Settings(batch, rate, value, buffer, visits, heldOut, refit, seed, dtype, memory);
        }

        /** {@return these settings with another buffer} */
        public Settings withBuffer(int positions, int visitsOfEach) {
            return new Settings(batch, rate, window, positions, visitsOfEach, heldOut, refit, seed, dtype, memory);
        }

        /** {@return these settings with another number of tokens held out} */
        public Settings withHeldOut(int value) {
            return new Settings(batch, rate, window, buffer, visits, value, refit, seed, dtype, memory);
        }

        /** {@return these settings with or without decoders solved in closed form} */
        public Settings withRefit(boolean value) {
            return new Settings(batch, rate, window, buffer, visits, heldOut, value, seed, dtype, memory);
        }

        /** {@return these settings with another seed} */
        public Settings withSeed(long value) {
            return new Settings(batch, rate, window, buffer, visits, heldOut, refit, value, dtype, memory);
        }

        /** {@return these settings with matrices of another type on disk} */
        public Settings withDtype(DType value) {
            return new Settings(batch, rate, window, buffer, visits, heldOut, refit, seed, value, memory);
        }

        /** {@return these settings with another bound on memory} */
        public Settings withMemory(long bytes) {
            return new Settings(batch, rate, window, buffer, visits, heldOut, refit, seed, dtype, bytes);
        }
    }
}
