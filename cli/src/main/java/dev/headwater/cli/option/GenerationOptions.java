package dev.headwater.cli.option;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Sampling;
import java.util.Set;
import picocli.CommandLine.Option;

/** Whether to go on after the prompt, and how. */
public final class GenerationOptions {
    @Option(
            names = "--generate",
            paramLabel = "N",
            description = "Go on for up to N tokens, with the edits and without.")
    private Integer count;

    @Option(names = "--greedy", description = "Take the most probable token always (the default).")
    private boolean greedy;

    @Option(names = "--temperature", paramLabel = "T", description = "Draw tokens at this temperature instead.")
    private Double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most probable tokens only.")
    private Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "SHARE",
            description = "Draw from as few tokens as have this probability together.")
    private Double topP;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--no-stop", description = "Go on after the model's stop tokens.")
    private boolean noStop;

    public boolean wanted() {
        return count != null;
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        boolean draws = temperature != null || topK != null || topP != null;
        if (!wanted() && (greedy || noStop || draws)) {
            throw new UsageException((greedy
                            ? "--greedy"
                            : noStop
                                    ? "--no-stop"
                                    : temperature != null ? "--temperature" : topK != null ? "--top-k" : "--top-p")
                    + " is given without --generate");
        }
        if (greedy && draws) {
            throw new UsageException("--greedy contradicts "
                    + (temperature != null ? "--temperature" : topK != null ? "--top-k" : "--top-p"));
        }
        if (wanted()) {
            new Generation.Options(count, sampling(), Set.of());
        }
    }

    private Sampling sampling() {
        boolean draws = temperature != null || topK != null || topP != null;
        return draws
                ? new Sampling(
                        temperature == null ? 1 : temperature, topK == null ? 0 : topK, topP == null ? 1 : topP, seed)
                : Sampling.GREEDY;
    }

    public Generation.Options of(ReplacementModel model) {
        return new Generation.Options(count, sampling(), noStop ? Set.of() : Generation.stopTokens(model));
    }
}
