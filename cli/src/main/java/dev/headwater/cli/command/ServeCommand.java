package dev.headwater.cli.command;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphHead;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.WholeGraph;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.sharing.SiteSet;
import dev.headwater.explorer.Engine;
import dev.headwater.explorer.ExplorerConfig;
import dev.headwater.explorer.ExplorerServer;
import dev.headwater.explorer.Front;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater serve}: the explorer, until Ctrl-C. */
@Command(
        name = "serve",
        aliases = "start-server",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = "Open graphs in the explorer: see, annotate, steer and make new ones.",
        footer = {
            "",
            "Examples:",
            "  headwater serve",
            "  headwater serve graphs --port 8041",
            "  headwater serve graphs -m org/model -t org/transcoders --host 0.0.0.0"
        })
public final class ServeCommand implements Callable<Integer> {
    /** That are looked at to see whether feature files fit them. */
    private static final int MOST_GRAPHS = 200;

    private final Console console;
    private final Interrupt interrupt;

    @Parameters(
            arity = "0..1",
            paramLabel = "DIR|FILE",
            defaultValue = "graphs",
            description = "Directory of graph files, made if missing, or one graph file (default: ./${DEFAULT-VALUE}).")
    private Path graphs;

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            defaultValue = ExplorerConfig.LOOPBACK,
            description =
                    "Address to listen on (default: ${DEFAULT-VALUE}). Any but this computer's own asks visitors for a token.")
    private String host;

    @Option(
            names = "--port",
            paramLabel = "PORT",
            defaultValue = "8041",
            description = "Port, 0 for any that is free (default: ${DEFAULT-VALUE}).")
    private int port;

    @Option(
            names = "--features",
            paramLabel = "DIR",
            description = "Directory with details of features; may be given again.")
    private List<Path> features = new ArrayList<>();

    @Option(
            names = "--base-path",
            paramLabel = "PATH",
            defaultValue = "",
            description = "Path below which a proxy shows the explorer, such as /user/me/proxy/8041.")
    private String basePath;

    @Option(
            names = "--allow-host",
            paramLabel = "HOST",
            description = "Host name (and port) under which a proxy is reached; may be given again.")
    private List<String> hosts = new ArrayList<>();

    @Option(
            names = "--frame-ancestors",
            paramLabel = "PAGE",
            split = "[, ]+",
            description =
                    "Pages that may show the explorer in a frame: self or https://host[:port], separated by commas.")
    private List<String> ancestors = new ArrayList<>();

    @Option(names = "--no-model", description = "Show and annotate only: no new graphs, no steering.")
    private boolean noModel;

    @Option(names = "--no-browser", description = "Do not open a browser.")
    private boolean noBrowser;

    @Mixin
    private ModelOptions model;

    public ServeCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        if (WholeGraph.isNamed(graphs) && Files.isRegularFile(graphs)) {
            graphs = pruned(graphs);
        }
        if (port < 0 || port > 65535) {
            throw new UsageException("--port is " + port + "; it can be 0 to 65535");
        }
        model.check();
        Front front = new Front(basePath, hosts, ancestors);
        for (Path directory : features) {
            if (!Files.isDirectory(directory)) {
                throw new HeadwaterException("--features " + directory + " is not a directory");
            }
        }
        if (!Files.exists(graphs)) {
            OutputOptions.checkWritable(graphs);
            AtomicFile.createDirectories(graphs, "graphs");
        }
        features.forEach(this::warnIfAboutOthers);
        serve(
                ExplorerConfig.local(graphs)
                        .withFeatures(features)
                        .at(host, port)
                        .seenAs(front),
                noModel ? null : model,
                !noBrowser,
                console,
                interrupt);
        return 0;
    }

    /** A whole graph is too large to look at: it is pruned into a file beside it, which keeps what people add to it. */
    private Path pruned(Path whole) {
        Path directory = whole.toAbsolutePath().resolveSibling("");
        OutputOptions.checkWritable(directory);
        String name = whole.getFileName().toString().replaceFirst("\\.(safetensors|pt)$", "");
        try (AttributionGraph graph = WholeGraph.read(whole, console::warn)) {
            List<String> sets = graph.provenance().transcoders();
            Path file = GraphJson.write(
                    graph,
                    PruningOptions.usual(graph),
                    new GraphJson.Options(
                            OutputOptions.slugOf(name),
                            true,
                            sets.isEmpty() ? GraphJson.Labels.NONE : SetEvidence.labels(sets.getFirst()),
                            SiteSet.featureDetails(graph.provenance().scan()),
                            WholeGraph.attention(whole).orElse(null)),
                    directory);
            console.err()
                    .println(Text.visible("Pruned " + whole + " into " + file + "; 'headwater graph " + whole
                            + "' does it with other thresholds."));
            return file;
        }
    }

    /** A directory that is looked at in vain for each feature of each graph is most likely the wrong one. */
    private void warnIfAboutOthers(Path directory) {
        Set<String> scans = new TreeSet<>();
        try (Stream<Path> files = Files.isDirectory(graphs) ? Files.list(graphs) : Stream.of(graphs)) {
            files.filter(file -> file.toString().endsWith(".json")
                            && !file.getFileName().toString().equals(GraphIndex.FILE))
                    .limit(MOST_GRAPHS)
                    .forEach(file -> GraphHead.metadata(file)
                            .map(metadata -> metadata.path("scan").asText())
                            .filter(scan -> !scan.isEmpty())
                            .ifPresent(scans::add));
        } catch (IOException e) {
            return;
        }
        if (!scans.isEmpty()
                && scans.stream()
                        .noneMatch(scan -> SetEvidence.in(directory, scan).isPresent()
                                || Files.isDirectory(directory.resolve(SetEvidence.folders(scan))))) {
            console.err()
                    .println(
                            Text.visible("--features " + directory + " has nothing about the features of these graphs ("
                                    + Text.cut(String.join(", ", scans), 200)
                                    + "): it is looked for in <scan>/features, <scan>, "
                                    + "features and the directory itself."));
        }
    }

    /**
     * Serves until the user interrupts.
     *
     * @param model null for no live model
     */
    static void serve(
            ExplorerConfig config,
            @Nullable ModelOptions model,
            boolean browser,
            Console console,
            Interrupt interrupt) {
        try (LiveEngine live = model == null ? null : new LiveEngine(model);
                ExplorerServer server = ExplorerServer.start(config.withEngine(live == null ? Engine.NONE : live))) {
            console.out().println("The explorer is at " + server.address() + " (Ctrl-C ends it).");
            if (browser) {
                openBrowser(server.address());
            }
            interrupt.await();
        }
    }

    /** Where there is a desktop; elsewhere the address on the screen has to do. */
    private static void openBrowser(URI address) {
        boolean desktop = System.getenv("DISPLAY") != null || System.getenv("WAYLAND_DISPLAY") != null;
        if (!desktop) {
            return;
        }
        try {
            new ProcessBuilder("xdg-open", address.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            // No opener here: the address is on the screen.
        }
    }
}
