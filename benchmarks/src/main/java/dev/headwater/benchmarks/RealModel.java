package dev.headwater.benchmarks;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A real model that is traced in place of a random one, if there is one. */
final class RealModel {
    @Option(
            names = "--checkpoint",
            paramLabel = "FILE",
            description = "A real model instead, with --transcoders and --text.")
    private @Nullable Path checkpoint;

    @Option(names = "--transcoders", paramLabel = "DIR", description = "That model's transcoders.")
    private @Nullable Path transcoders;

    @Option(names = "--text", paramLabel = "FILE", description = "The prompts are the beginnings of this text.")
    private @Nullable Path text;

    /** @throws UsageException if not all or none of the options are there */
    boolean wanted() {
        boolean real = checkpoint != null;
        if (real != (transcoders != null) || real != (text != null)) {
            throw new UsageException("A real model needs --checkpoint, --transcoders and --text");
        }
        return real;
    }

    /** What processes are told to open: the real model, or else a random one. */
    List<String> options(String random) throws IOException {
        return checkpoint != null && transcoders != null
                ? List.of("--checkpoint", checkpoint.toString(), "--transcoders", transcoders.toString())
                : List.of("--model", BenchmarkModel.of(random).directory().toString());
    }

    /** The first tokens of the text, or else of a random model's prompt. */
    int[] tokens(String random, int length) throws IOException {
        if (text == null || checkpoint == null) {
            return BenchmarkModel.of(random).tokens(length);
        }
        Tokenizer tokenizer = Tokenizer.open(checkpoint);
        int[] all = tokenizer.withLeadingSpecial(tokenizer.encode(Files.readString(text), false));
        if (all.length < length) {
            throw new HeadwaterException(text + " has " + all.length + " tokens, fewer than " + length);
        }
        return Arrays.copyOf(all, length);
    }

    /** Of its residual stream. */
    int width(String random) throws IOException {
        return checkpoint != null
                ? ModelConfig.read(checkpoint).width()
                : BenchmarkModel.of(random).shape().width();
    }

    /** What a table says of it. */
    String name(String random) throws IOException {
        return checkpoint != null
                ? checkpoint.getFileName().toString()
                : BenchmarkModel.of(random).shape().toString();
    }
}
