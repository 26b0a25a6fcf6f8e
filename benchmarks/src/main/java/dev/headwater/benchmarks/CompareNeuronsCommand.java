package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import dev.headwater.benchmarks.OnceCommand.Figures;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The same neurons' graph by TransluceAI/circuits and by Headwater, turn by turn, each in a process of its own. */
@Command(
        name = "compare-neurons",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Side by side with the neuron tracing of TransluceAI/circuits: the same model, prompt, number of neurons and threads, alternating, "
                    + "medians of several processes. The target is the likeliest next token.",
            "Prints times, memory and ratios, and whether both chose the same neurons and found the same edges between them. "
                    + "Error nodes, which Headwater's graph has, are not compared."
        })
final class CompareNeuronsCommand implements Callable<Integer> {
    private static final Path SCRIPT = Path.of("benchmarks", "compare", "transluce.py");

    private static final String MIB = "peak memory, MiB";

    @Option(
            names = "--python",
            paramLabel = "FILE",
            required = true,
            description = "Python with torch, transformers 4, safetensors and gguf.")
    private String python;

    @Option(names = "--circuits", paramLabel = "DIR", required = true, description = "Clone of TransluceAI/circuits.")
    private Path circuits;

    @Option(
            names = "--checkpoint",
            paramLabel = "FILE",
            required = true,
            description = "A Llama: a GGUF file, or a folder of HuggingFace's format.")
    private Path checkpoint;

    @Option(
            names = "--prompt",
            paramLabel = "TEXT",
            defaultValue = "The capital of France is",
            description = "What is traced (default: ${DEFAULT-VALUE}).")
    private String prompt;

    @Option(
            names = "--neurons",
            split = ",",
            paramLabel = "N",
            defaultValue = "300,1000",
            description = "Neurons in the graph (default: ${DEFAULT-VALUE}).")
    private List<Integer> neurons;

    @Option(names = "--cold", description = "No short attribution before the measured one, in either.")
    private boolean cold;

    @Option(names = "--threads", paramLabel = "N", description = "Threads for both (default: all processors).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Mixin
    private final TableOptions tables = new TableOptions(3);

    private enum Side {
        CIRCUITS("circuits/core"),
        HEADWATER("Headwater");

        final String label;

        Side(String label) {
            this.label = label;
        }
    }

    @Override
    public Integer call() throws IOException {
        int repeat = tables.repeat();
        if (!Files.isDirectory(circuits.resolve("circuits/core"))) {
            throw new HeadwaterException("--circuits is " + circuits + ", which has no folder circuits/core");
        }
        if (neurons.stream().anyMatch(n -> n < 16)) {
            throw new UsageException("--neurons must be at least 16");
        }
        Tokenizer tokenizer = Tokenizer.open(checkpoint);
        int[] tokens = tokenizer.withLeadingSpecial(tokenizer.encode(prompt, false));
        Path folder = Files.createTempDirectory("headwater-compare");
        try {
            Path ids = folder.resolve("ids.txt");
            Files.writeString(
                    ids, IntStream.of(tokens).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
            StringBuilder text = new StringBuilder();
            text.append(
                    "%s, \"%s\" (%d tokens), %d threads; processes in turn, %d of each; medians (least to greatest).%n"
                            .formatted(checkpoint.getFileName(), prompt, tokens.length, threads, repeat));
            for (int count : neurons) {
                text.append(compare(count, repeat, ids, folder));
            }
            System.out.print(text);
            tables.record(text.toString());
            return 0;
        } finally {
            Trees.delete(folder);
        }
    }

    private String compare(int count, int repeat, Path ids, Path folder) throws IOException {
        Map<Side, List<Figures>> runs = new EnumMap<>(Side.class);
        for (int round = 1; round <= repeat; round++) {
            for (Side side : Side.values()) {
                Figures figures = run(side, count, ids, folder, round == repeat);
                runs.computeIfAbsent(side, _ -> new ArrayList<>()).add(figures);
                System.err.printf(
                        Locale.ROOT,
                        "%d neurons, round %d of %d, %s: %.2f s, %d MiB%n",
                        count,
                        round,
                        repeat,
                        side.label,
                        figures.total(),
                        figures.peak() >> 20);
            }
        }
        Map<String, ToDoubleFunction<Figures>> rows = new LinkedHashMap<>();
        rows.put("**graph, s**", Figures::total);
        rows.put("graph, CPU s", Figures::cpu);
        rows.put("loading the model, s", Figures::load);
        rows.put(MIB, f -> f.peak() / 1048576.0);
        Table table = new Table(count + " neurons", Side.CIRCUITS.label, Side.HEADWATER.label, "ratio");
        rows.forEach((name, figure) -> {
            String format = name.equals(MIB) ? "%.0f" : "%.3f";
            Sample theirs = sample(runs, Side.CIRCUITS, figure);
            Sample ours = sample(runs, Side.HEADWATER, figure);
            table.row(
                    name,
                    theirs.spread(format),
                    ours.spread(format),
                    String.format(Locale.ROOT, "%.1f", theirs.median() / ours.median()));
        });
        return "\n" + table.print(Table.Format.MARKDOWN) + "\n"
                + GraphDifference.between(graph(Side.CIRCUITS, folder), graph(Side.HEADWATER, folder)) + ".\n";
    }

    private Figures run(Side side, int count, Path ids, Path folder, boolean keep) {
        Path json = folder.resolve("figures.json");
        List<String> arguments = new ArrayList<>(
                List.of("--checkpoint", checkpoint.toString(), "--ids", ids.toString(), "--json", json.toString()));
        if (cold) {
            arguments.add("--cold");
        }
        if (keep) {
            arguments.addAll(List.of("--graph", graph(side, folder).toString()));
        }
        long seen;
        if (side == Side.CIRCUITS) {
            List<String> command = new ArrayList<>(
                    List.of(python, Benchmarks.HOME.resolve(SCRIPT).toString()));
            command.addAll(arguments);
            command.addAll(List.of("--neurons", Integer.toString(count), "--threads", Integer.toString(threads)));
            seen = ChildProcess.run(
                    command,
                    Map.of(
                            "PYTHONPATH",
                            circuits.toAbsolutePath().toString(),
                            "OMP_NUM_THREADS",
                            Integer.toString(threads)));
        } else {
            arguments.addFirst("once");
            arguments.addAll(List.of("--neurons", "--max-features", Integer.toString(count), "--max-logits", "1"));
            seen = ChildProcess.run(
                    ChildProcess.ownCommand(List.of("-Xmx512m", "-Dheadwater.threads=" + threads), arguments),
                    Map.of());
        }
        return Figures.read(json, keep ? 0 : seen);
    }

    private static Path graph(Side side, Path folder) {
        return folder.resolve(side + ".safetensors");
    }

    private static Sample sample(Map<Side, List<Figures>> runs, Side side, ToDoubleFunction<Figures> figure) {
        return Sample.of(requireNonNull(runs.get(side)).stream()
                .map(figure::applyAsDouble)
                .toList());
    }
}
