package dev.headwater.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a random model for others to measure with. */
@Command(
        name = "model",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Writes a random model with transcoders, as transformers and circuit-tracer read them, and a prompt of token ids.")
final class ModelCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "MODEL",
            description = "bench, small, …, or with other sizes: bench:layers=24,features=12288.")
    private String shape;

    @Option(names = "--out", paramLabel = "DIR", description = "Where to (default: benchmarks/target/models).")
    private Path out = Benchmarks.models();

    @Option(
            names = "--tokens",
            paramLabel = "N",
            defaultValue = "64",
            description = "Length of the prompt (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Override
    public Integer call() throws IOException {
        BenchmarkModel model = BenchmarkModel.in(out, ModelShape.parse(shape));
        String ids =
                Arrays.stream(model.tokens(tokens)).mapToObj(Integer::toString).collect(Collectors.joining(" "));
        Files.writeString(model.directory().resolve("ids_" + tokens + ".txt"), ids);
        System.out.println(model.directory());
        return 0;
    }
}
