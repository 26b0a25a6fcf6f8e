package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Style;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphComparison;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.files.BoundedJson;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater compare}: what two graphs share. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater compare [OPTIONS] A B",
        description = "Compare two graphs: nodes and edges in common, how alike the weights are, what only one has.",
        footer = {"", "Example:", "  headwater compare graphs/dallas.json graphs/oakland.json"})
public final class CompareCommand implements Callable<Integer> {
    private static final int NAME = 22;
    private static final int TOKEN = 16;

    private final Console console;

    @Parameters(
            index = "0",
            paramLabel = "A",
            description = "A graph: *.json of a front end, or a whole one, *.safetensors or circuit-tracer's *.pt.")
    private Path first;

    @Parameters(index = "1", paramLabel = "B", description = "The other.")
    private Path second;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "5",
            description = "Nodes to print of those that only one has (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--json", description = "Print everything as JSON.")
    private boolean json;

    public CompareCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws JsonProcessingException {
        if (top < 0) {
            throw new UsageException("--top is " + top + "; it can't be negative");
        }
        try (PlainGraph a = PlainGraph.read(first);
                PlainGraph b = PlainGraph.read(second)) {
            GraphComparison comparison = GraphComparison.of(a, b);
            if (json) {
                console.out()
                        .println(BoundedJson.mapper()
                                .writerWithDefaultPrettyPrinter()
                                .writeValueAsString(comparison));
            } else {
                print(comparison);
            }
        }
        return 0;
    }

    private void print(GraphComparison comparison) {
        Style style = console.style();
        console.out().println(style.bold(Text.pad("", 10)) + style.dim("    common     only A     only B    Jaccard"));
        row("nodes", comparison.nodes());
        row("features", comparison.features());
        row("edges", comparison.edges());
        console.out().println();
        console.out()
                .println(String.format(
                        Locale.ROOT,
                        "%s%.6f over common edges; largest difference of a weight %.3g",
                        style.bold(Text.pad("weights", 10)),
                        comparison.correlation(),
                        comparison.largestDifference()));
        lone("only in A", comparison.onlyInFirst());
        lone("only in B", comparison.onlyInSecond());
    }

    private void row(String name, GraphComparison.Overlap overlap) {
        console.out()
                .println(console.style().bold(Text.pad(name, 10))
                        + String.format(
                                Locale.ROOT,
                                "%,10d %,10d %,10d %10.3f",
                                overlap.common(),
                                overlap.onlyFirst(),
                                overlap.onlySecond(),
                                overlap.jaccard()));
    }

    private void lone(String title, List<GraphComparison.Lone> nodes) {
        if (nodes.isEmpty() || top == 0) {
            return;
        }
        console.out().println();
        console.out()
                .println(console.style().bold(Text.pad(title, NAME))
                        + console.style().dim("share of influence  " + Text.pad("token", TOKEN) + "label"));
        for (GraphComparison.Lone node : nodes.subList(0, Math.min(top, nodes.size()))) {
            String row = Text.pad(node.node(), NAME)
                    + String.format(Locale.ROOT, "%18.4f  ", node.influence())
                    + Text.pad(node.token().isEmpty() ? "" : "\"" + Text.visible(node.token()) + "\"", TOKEN)
                    + Text.cut(Text.visible(node.label()), Math.max(1, console.width() - NAME - TOKEN - 20));
            console.out().println(row.stripTrailing());
        }
    }
}
