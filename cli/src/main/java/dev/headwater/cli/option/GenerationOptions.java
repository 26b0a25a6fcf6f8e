package dev.headwater.cli.option;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Sampling;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether to go on after the prompt, and how. */
public final class GenerationOptions {
    private static final int MOST_SAMPLES = 1000;

    @Option(
            names = "--generate",
            paramLabel = "N",
            description = "Go on for up to N tokens, with the edits and without.")
    private @Nullable Integer count;

    @Option(names = "--greedy", description = "Take the most probable token always (the default).")
    private boolean greedy;

    @Option(names = "--temperature", paramLabel = "T", description = "Draw tokens at this temperature instead.")
    private @Nullable Double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most probable tokens only.")
    private @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "SHARE",
            description = "Draw from as few tokens as have this probability together.")
    private @Nullable Double topP;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--samples",
            paramLabel = "N",
            description =
                    "Draw N continuations with the edits and N without, the first with --seed, the next with one more.")
    private @Nullable Integer samples;

    @Option(names = "--no-stop", description = "Go on after the model's stop tokens.")
    private boolean noStop;

    public boolean wanted() {
        return count != null;
    }

    /** How many continuations of each side; 0 if none. */
    public int samples() {
        return !wanted() ? 0 : samples == null ? 1 : samples;
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        if (!wanted() && (greedy || noStop || draws())) {
            throw new UsageException(
                    (greedy ? "--greedy" : noStop ? "--no-stop" : drawing()) + " is given without --generate");
        }
        if (greedy && draws()) {
            throw new UsageException("--greedy contradicts " + drawing());
        }
        if (samples != null && (samples < 1 || samples > MOST_SAMPLES)) {
            throw new UsageException("--samples is " + samples + "; it can be 1 to " + MOST_SAMPLES);
        }
        if (count != null) {
            new Generation.Options(count, sampling(0), Set.of());
        }
    }

    private boolean draws() {
        return temperature != null || topK != null || topP != null || samples != null;
    }

    private String drawing() {
        return temperature != null
                ? "--temperature"
                : topK != null ? "--top-k" : topP != null ? "--top-p" : "--samples";
    }

    private Sampling sampling(int sample) {
        return draws()
                ? new Sampling(
                        temperature == null ? 1 : temperature,
                        topK == null ? 0 : topK,
                        topP == null ? 1 : topP,
                        seed + sample)
                : Sampling.GREEDY;
    }

    /** @param sample counted from 0; each has a seed of its own */
    public Generation.Options of(ReplacementModel model, int sample) {
        if (count == null) {
            throw new IllegalStateException("--generate is not given");
        }
        return new Generation.Options(count, sampling(sample), noStop ? Set.of() : Generation.stopTokens(model));
    }
}
