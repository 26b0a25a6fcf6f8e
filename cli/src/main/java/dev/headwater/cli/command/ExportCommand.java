package dev.headwater.cli.command;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.cli.table.GraphTables;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater export}: graphs as tables. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater export DIR --parquet OUT",
        description =
                "Write the graphs of a directory as tables for Spark, DuckDB, Polars and pandas: a row for each graph, node and edge.",
        footer = {"", "Example:", "  headwater export graphs --parquet tables"})
public final class ExportCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(paramLabel = "DIR", description = "Directory of graphs, as 'batch' writes them.")
    private Path directory;

    @Option(
            names = "--parquet",
            paramLabel = "OUT",
            required = true,
            description = "Directory for graphs.parquet, nodes.parquet and edges.parquet, made if missing.")
    private Path out;

    public ExportCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        try (var progress = new ProgressDisplay(console, interrupt, false)) {
            GraphTables.Rows rows = GraphTables.write(directory, out, console::warn, progress);
            progress.close();
            long[] counts = {rows.graphs(), rows.nodes(), rows.edges()};
            for (int i = 0; i < counts.length; i++) {
                Path file = out.resolve(GraphTables.FILES.get(i));
                console.out()
                        .println(Text.visible(file.toString()) + ": " + Text.count(counts[i])
                                + (counts[i] == 1 ? " row" : " rows") + ", " + Text.bytes(Files.size(file)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return 0;
    }
}
