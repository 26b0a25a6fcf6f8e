package dev.headwater.cli.command;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.explorer.Engine;
import dev.headwater.explorer.ExplorerConfig;
import dev.headwater.explorer.ExplorerServer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
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
            defaultValue = ExplorerConfig.LOOPBACK,
            description =
                    "Address to listen on (default: ${DEFAULT-VALUE}). Any but this computer's own asks visitors for a token.")
    private String host;

    @Option(
            names = "--port",
            defaultValue = "8041",
            description = "Port, 0 for any that is free (default: ${DEFAULT-VALUE}).")
    private int port;

    @Option(
            names = "--features",
            paramLabel = "DIR",
            description = "Directory with details of features; may be given again.")
    private List<Path> features = new ArrayList<>();

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
        if (port < 0 || port > 65535) {
            throw new UsageException("--port is " + port + "; it can be 0 to 65535");
        }
        model.check();
        for (Path directory : features) {
            if (!Files.isDirectory(directory)) {
                throw new HeadwaterException("--features " + directory + " is not a directory");
            }
        }
        if (!Files.exists(graphs)) {
            OutputOptions.checkWritable(graphs);
            try {
                Files.createDirectories(graphs);
            } catch (IOException e) {
                throw new HeadwaterException("Cannot make the directory " + graphs + ": " + e.getMessage(), e);
            }
        }
        serve(
                ExplorerConfig.local(graphs).withFeatures(features).at(host, port),
                noModel ? null : model,
                !noBrowser,
                console,
                interrupt);
        return 0;
    }

    /**
     * Serves until the user interrupts.
     *
     * @param model null for no live model
     */
    static void serve(
            ExplorerConfig config, ModelOptions model, boolean browser, Console console, Interrupt interrupt) {
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
