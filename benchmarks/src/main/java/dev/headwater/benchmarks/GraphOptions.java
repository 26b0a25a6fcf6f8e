package dev.headwater.benchmarks;

import java.util.List;
import picocli.CommandLine.Option;

/** What is traced: graphs of a random model, all of one size, for prompts of several lengths. */
final class GraphOptions {
    @Option(
            names = "--model",
            paramLabel = "MODEL",
            description = "A random model, as 'matrix' has them (default: ${DEFAULT-VALUE}).")
    String model = "bench";

    @Option(
            names = "--tokens",
            split = ",",
            paramLabel = "N",
            description = "Prompt lengths (default: ${DEFAULT-VALUE}).")
    List<Integer> tokens;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            description = "Features in the graph (default: ${DEFAULT-VALUE}).")
    int features;

    GraphOptions(int features, Integer... tokens) {
        this.features = features;
        this.tokens = List.of(tokens);
    }
}
