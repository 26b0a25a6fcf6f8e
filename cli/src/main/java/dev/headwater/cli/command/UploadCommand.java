package dev.headwater.cli.command;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.sharing.Neuronpedia;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater upload}: puts a graph where others can see it. */
@Command(
        name = "upload",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater upload [OPTIONS] GRAPH.json",
        description = {
            "Upload a graph to Neuronpedia, where anyone who has its address can see it.",
            "The key of your account there is read from the environment variable " + UploadCommand.VARIABLE
                    + ". The graph's scan has to be a " + "model that the site knows."
        },
        footer = {"", "Example:", "  " + UploadCommand.VARIABLE + "=… headwater upload graphs/dallas.json"})
public final class UploadCommand implements Callable<Integer> {
    public static final String VARIABLE = "NEURONPEDIA_API_KEY";

    private final Console console;
    private final Map<String, String> environment;

    @Parameters(
            paramLabel = "GRAPH.json",
            description = "A graph that 'headwater attribute' or 'headwater graph' wrote.")
    private Path file;

    @Option(
            names = "--key",
            paramLabel = "KEY",
            description = "The key, where a variable can't be set; others on this machine may see it.")
    private @Nullable String key;

    @Option(
            names = "--url",
            paramLabel = "URL",
            description = "Another site with the same interface (default: Neuronpedia's).")
    private URI url = Neuronpedia.SITE;

    @Option(
            names = "--scan",
            paramLabel = "MODEL",
            description = "The model's name on the site (default: known for some sets, otherwise the graph's scan).")
    private @Nullable String scan;

    @Option(
            names = "--source-set",
            paramLabel = "NAME",
            description = "Whose dashboards the site shows for the features (default: known for some sets).")
    private @Nullable String sourceSet;

    public UploadCommand(Console console) {
        this(console, System.getenv());
    }

    public UploadCommand(Console console, Map<String, String> environment) {
        this.console = console;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        String used = key != null ? key : environment.getOrDefault(VARIABLE, "");
        if (used.isBlank()) {
            throw new UsageException(
                    "No key is given; set " + VARIABLE + " to the key that your account's settings on the site show");
        }
        try (Neuronpedia site = new Neuronpedia(url, used.strip())) {
            console.out()
                    .println(Text.visible(site.upload(file, Optional.ofNullable(scan), Optional.ofNullable(sourceSet))
                            .toString()));
        }
        return 0;
    }
}
