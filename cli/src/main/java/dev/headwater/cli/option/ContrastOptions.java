package dev.headwater.cli.option;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.files.Sha256;
import dev.headwater.engine.graph.Prompt;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a prompt is held against. */
public final class ContrastOptions {
    @Option(
            names = "--contrast",
            paramLabel = "FILE",
            description =
                    "With --neurons: count activations from their mean over these prompts instead of from 0. FILE is as for 'batch'; with "
                            + "a 'contrast' in each line (a prompt, or a list of them) it holds pairs.")
    private @Nullable Path file;

    private @Nullable ContrastFile read;

    public boolean isGiven() {
        return file != null;
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check(ModelOptions model) {
        if (file == null) {
            return;
        }
        if (!model.neurons()) {
            throw new UsageException("--contrast needs a model's own neurons as features; give --neurons");
        }
        check();
    }

    /** As above, where the graph says what the features are. */
    public void check() {
        if (file != null) {
            read = ContrastFile.read(file);
        }
    }

    /** What this prompt is held against, empty for nothing. */
    public Optional<Contrast> of(ReplacementModel model, Prompt prompt) {
        return read == null ? Optional.empty() : Optional.of(read.of(model, prompt));
    }

    /** Number of prompts whose mean is taken, 0 without a contrast. */
    public int prompts() {
        return read == null ? 0 : read.prompts();
    }

    /** Adds to what a graph depends on the file's hash, which tells whether it is the same as before; nothing without one. */
    public ObjectNode noted(ObjectNode settings) {
        try {
            return file == null ? settings : settings.put("contrast", Sha256.of(file));
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
