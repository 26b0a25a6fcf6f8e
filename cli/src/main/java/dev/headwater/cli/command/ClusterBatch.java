package dev.headwater.cli.command;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * The driver of a batch that a cluster works off: {@link BatchCommand}'s lines, names, groups, records and index, with the graphs
 * made elsewhere. It loads no model: prompts' lengths, by which lines are grouped, are asked of the workers too.
 *
 * <p>A worker puts a graph into the folder, then the answer under {@link ClusterWorker#PARTS}; the driver takes up answers that it
 * finds there when it starts, and removes them when records and index are whole. So whoever is lost, each line is found to be done or
 * is done again, with the same bytes.
 */
@Command(name = "batch", sortOptions = false, description = "Make the attribution graph of each prompt in a file.")
public final class ClusterBatch implements Callable<Integer> {
    private final Console console;
    private final Progress progress;
    private final Function<String, Folder> folders;
    private final Supplier<Cluster> clusters;

    @Mixin
    private BatchInput input;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "DIR",
            required = true,
            description = "Folder for the graphs, graph-metadata.json and batch.jsonl, made if missing.")
    private String out;

    @Mixin
    private BatchOptions how;

    @Option(names = "--json", description = "Print a summary as JSON on standard output.")
    private boolean json;

    @Option(names = "--quiet", description = "Print nothing but errors (and the JSON of --json).")
    private boolean quiet;

    @Spec
    private CommandSpec command;

    /**
     * @param folders  the folder of that name
     * @param clusters starts the cluster, once if at all
     */
    public ClusterBatch(
            Console console, Progress progress, Function<String, Folder> folders, Supplier<Cluster> clusters) {
        this.console = console;
        this.progress = progress;
        this.folders = folders;
        this.clusters = clusters;
    }

    @Override
    public Integer call() {
        AttributionOptions options = how.check();
        Folder folder = folders.apply(out);
        Path staging = staging();
        try {
            List<BatchLine> read = input.lines(name -> here(name, staging));
            if (!quiet) {
                BatchLine.warning(read).ifPresent(console.err()::println);
            }
            folder.make();
            Stopwatch watch = new Stopwatch();
            Path ledger = folder.local().orElse(staging);
            if (folder.local().isEmpty()) {
                folder.fetch(BatchRecords.FILE, ledger.resolve(BatchRecords.FILE));
                folder.fetch(GraphIndex.FILE, ledger.resolve(GraphIndex.FILE));
            }
            ClusterRun.Outcome outcome;
            try (BatchRecords records = BatchRecords.open(ledger)) {
                ClusterTasks tasks = new ClusterTasks(
                        CommandArguments.of(command.commandLine().getParseResult(), ClusterWorker::takes, true),
                        folder.toString(),
                        how.together());
                outcome = new ClusterRun(folder, ledger, staging, records, how.settingsElsewhere(options), this::say)
                        .of(read, tasks, progress, clusters);
            }
            if (folder.local().isEmpty()) {
                folder.put(ledger.resolve(BatchRecords.FILE), BatchRecords.FILE);
                if (Files.exists(ledger.resolve(GraphIndex.FILE))) {
                    folder.put(ledger.resolve(GraphIndex.FILE), GraphIndex.FILE);
                }
            }
            folder.delete(ClusterWorker.PARTS);
            var report =
                    new BatchReport(read.size(), outcome.made(), outcome.present(), outcome.failed(), out, watch.lap());
            say(report.sentence(), false);
            if (json) {
                console.out().println(report.json());
            }
            return outcome.failed() == 0 ? 0 : ExitCode.FAILURE;
        } finally {
            delete(staging);
        }
    }

    private void say(String sentence, boolean fault) {
        if (fault) {
            console.err().println(sentence);
        } else if (!quiet) {
            (json ? console.err() : console.out()).println(sentence);
        }
    }

    /** Brings an input here that is not. */
    private Path here(String name, Path staging) {
        int slash = name.lastIndexOf('/');
        if (slash < 0 || !name.matches("[a-zA-Z][a-zA-Z0-9+.-]*:.*")) {
            return Path.of(name);
        }
        // Apart from copies of what is in the folder, which may have the same names.
        Path file = staging.resolve("input").resolve(name.substring(slash + 1));
        AtomicFile.createDirectories(staging.resolve("input"), "prompts");
        if (!folders.apply(name.substring(0, slash)).fetch(name.substring(slash + 1), file)) {
            throw new HeadwaterException("There is no file " + name);
        }
        return file;
    }

    private static Path staging() {
        try {
            return Files.createTempDirectory("headwater-batch");
        } catch (IOException e) {
            throw new HeadwaterException("No temporary directory can be made: " + e.getMessage(), e);
        }
    }

    private static void delete(Path staging) {
        try {
            Trees.delete(staging);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot remove " + staging + ": " + e.getMessage(), e);
        }
    }
}
