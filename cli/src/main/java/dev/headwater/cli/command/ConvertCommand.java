package dev.headwater.cli.command;

import dev.headwater.bindings.Device;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Megabytes;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.WholeGraph;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.transcoder.TranscoderConfig;
import dev.headwater.engine.transcoder.TranscoderConverter;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater convert}: transcoders rewritten so that single features can be read, and whole graphs without pickle. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description =
                "Rewrite transcoders, bit for bit, so that the rows of a feature lie together and reading few features touches little of the disk; "
                        + "or a whole graph of circuit-tracer (*.pt) as safetensors.",
        footer = {
            "",
            "Examples:",
            "  headwater convert gemma gemma-by-rows",
            "  headwater attribute -m google/gemma-2-2b -t ./gemma-by-rows PROMPT",
            "  headwater convert dallas.pt dallas.safetensors"
        })
public final class ConvertCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(
            paramLabel = "SOURCE",
            description =
                    "Transcoders: a directory, a repository org/name[/folder][@revision], or a bundled set. Or a graph, *.pt.")
    private String source;

    @Parameters(
            paramLabel = "TARGET",
            description = "Directory, or for a graph file *.safetensors, to make; it must not exist.")
    private Path target;

    @Option(names = "--quiet", description = "Print nothing but errors.")
    private boolean quiet;

    public ConvertCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        if (Files.exists(target)) {
            throw new UsageException(target + " exists already; name one that does not");
        }
        GraphFile.checkName(target);
        OutputOptions.checkWritable(target.toAbsolutePath().resolveSibling(""));
        Stopwatch watch = new Stopwatch();
        Path graph = Path.of(source);
        if (WholeGraph.isNamed(graph) && Files.isRegularFile(graph)) {
            return convertGraph(graph, watch);
        }
        try (var display = new ProgressDisplay(console, interrupt, quiet);
                Hub hub = Hub.open()) {
            var progress = new Megabytes(display);
            Path directory = hub.transcoders(Reference.parse(source), progress).directory();
            try (TranscoderSet set = TranscoderSet.open(directory, Device.CPU, hub.files(progress))) {
                TranscoderConverter.convert(set, target, progress);
                display.close();
                if (!quiet) {
                    console.out()
                            .printf(
                                    "%s: %s layers of %s %s features, %s, %s%n",
                                    target,
                                    Text.count(set.layers()),
                                    Text.count(set.features()),
                                    set.kind() == TranscoderConfig.Kind.PER_LAYER ? "per-layer" : "cross-layer",
                                    Text.bytes(size(target)),
                                    Text.seconds(watch.lap()));
                }
            }
        }
        return 0;
    }

    private int convertGraph(Path from, Stopwatch watch) {
        if (!target.toString().endsWith(".safetensors")) {
            throw new UsageException(
                    target + ": the name of a whole graph's file ends in .safetensors; to make one for front "
                            + "ends, use 'headwater graph " + from + "'");
        }
        try (AttributionGraph graph = WholeGraph.read(from, console::warn)) {
            GraphFile.write(graph, WholeGraph.attention(from).orElse(null), target);
            if (!quiet) {
                console.out()
                        .println(Text.visible(target + ": " + Text.count(graph.featureCount()) + " of "
                                + Text.count(graph.active().count()) + " active features, "
                                + Text.count(graph.positions()) + " tokens, "
                                + Text.bytes(target.toFile().length()) + ", " + Text.seconds(watch.lap())));
            }
        }
        return 0;
    }

    /** Bytes of a directory's files. */
    static long size(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + directory + ": " + e.getMessage(), e);
        }
    }
}
