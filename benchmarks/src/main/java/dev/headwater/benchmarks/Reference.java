package dev.headwater.benchmarks;

import dev.headwater.engine.HeadwaterException;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** Where the Python library is that we compare with. Only the user knows. */
final class Reference {
    private static final Path SCRIPT = Path.of("benchmarks", "compare", "reference.py");

    @Option(
            names = "--python",
            paramLabel = "FILE",
            required = true,
            description = "Python with torch, transformers 4, safetensors, pyyaml and what the library imports.")
    private String python;

    @Option(
            names = "--circuit-tracer",
            paramLabel = "DIR",
            description = "Clone of circuit-tracer, if it is not installed there.")
    private Path circuitTracer;

    @Option(
            names = "--transformer-lens",
            paramLabel = "DIR",
            description = "Clone of TransformerLens 2, if it is not installed there.")
    private Path transformerLens;

    @Option(names = "--threads", paramLabel = "N", description = "Threads for both (default: all processors).")
    private int threads = Runtime.getRuntime().availableProcessors();

    int threads() {
        return threads;
    }

    /** Fails early where a clone is not what it should be. */
    void check() {
        require(circuitTracer, "circuit_tracer", "--circuit-tracer");
        require(transformerLens, "transformer_lens", "--transformer-lens");
    }

    private static void require(Path clone, String packageName, String option) {
        if (clone != null && !Files.isDirectory(clone.resolve(packageName))) {
            throw new HeadwaterException("%s is %s, which has no folder %s".formatted(option, clone, packageName));
        }
    }

    /** Runs our script on the library; returns the largest memory seen, in bytes. */
    long run(List<String> arguments) {
        List<String> command =
                new ArrayList<>(List.of(python, Benchmarks.HOME.resolve(SCRIPT).toString()));
        command.addAll(arguments);
        command.addAll(List.of("--threads", Integer.toString(threads)));
        String path = Stream.of(circuitTracer, transformerLens)
                .filter(clone -> clone != null)
                .map(clone -> clone.toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
        return ChildProcess.run(command, Map.of("PYTHONPATH", path, "OMP_NUM_THREADS", Integer.toString(threads)));
    }
}
