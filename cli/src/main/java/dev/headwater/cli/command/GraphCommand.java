package dev.headwater.cli.command;

import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.GraphSummary;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.WholeGraph;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.sharing.SiteSet;
import dev.headwater.engine.sharing.Upload;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater graph}: prunes a whole graph from its file again, or says what is in it. */
@Command(
        name = "graph",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater graph [OPTIONS] FILE",
        description =
                "Prune a whole graph, as 'headwater attribute --raw' and circuit-tracer write it, and write it for front ends.",
        footer = {
            "",
            "Examples:",
            "  headwater graph graph.safetensors --node-threshold 0.6 --out graphs --slug dallas",
            "  headwater graph graph.safetensors --info",
            "  headwater graph circuit-tracer.pt --slug dallas",
            "  headwater graph graphs/dallas.json --validate"
        })
public final class GraphCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            paramLabel = "FILE",
            description =
                    "The whole graph, *.safetensors or circuit-tracer's *.pt; with --validate a graph for front ends, *.json.")
    private Path file;

    @Option(names = "--info", description = "Only say what the graph holds; write nothing.")
    private boolean info;

    @Option(
            names = "--validate",
            description = "Only say whether a graph for front ends keeps to Neuronpedia's schema.")
    private boolean validate;

    @Mixin
    private PruningOptions pruning;

    @Mixin
    private OutputOptions output;

    public GraphCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (validate) {
            return validate();
        }
        pruning.check();
        String title = file.getFileName().toString().replaceFirst("\\.(safetensors|pt)$", "");
        if (!info) {
            output.check(title);
        } else if (output.quiet() && !output.json()) {
            throw new UsageException("--info with --quiet has nothing to do; leave one out, or add --json");
        }
        try (AttributionGraph graph = WholeGraph.read(file, console::warn)) {
            List<String> transcoders = graph.provenance().transcoders();
            GraphJson.Labels labels =
                    transcoders.isEmpty() ? GraphJson.Labels.NONE : SetEvidence.labels(transcoders.getFirst());
            Pruning pruned = pruning.of(graph);
            Map<String, Path> files = new LinkedHashMap<>();
            if (!info) {
                files.put(
                        "graph",
                        GraphJson.write(
                                graph,
                                pruned,
                                new GraphJson.Options(
                                        output.slug(title),
                                        !output.named(),
                                        labels,
                                        SiteSet.featureDetails(
                                                graph.provenance().scan()),
                                        WholeGraph.attention(file).orElse(null)),
                                output.directory()));
                files.put("index", output.directory().resolve(GraphIndex.FILE));
            }
            output.print(GraphSummary.of(graph, pruned, labels, output.top(), files, Map.of(), Map.of()), console);
        }
        return 0;
    }

    private int validate() {
        Upload upload = Upload.of(file, Optional.empty(), Optional.empty());
        if (upload.problems().isEmpty()) {
            console.out().println(Text.visible(file + " keeps to Neuronpedia's graph schema."));
            upload.unstorable()
                    .ifPresent(reason -> console.err().println("But the site would not store it: " + reason + "."));
            return 0;
        }
        console.err().println(Text.visible(file + " does not keep to Neuronpedia's graph schema:"));
        upload.problems().forEach(problem -> console.err().println("  " + Text.visible(problem)));
        return ExitCode.FAILURE;
    }
}
