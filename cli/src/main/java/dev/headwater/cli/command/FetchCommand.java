package dev.headwater.cli.command;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Megabytes;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.Reference;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code headwater fetch}: models and transcoders brought into the cache. */
@Command(
        name = "fetch",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description =
                "Bring models and transcoders into the Hugging Face cache (HF_HOME, HF_HUB_CACHE), or go on where a fetch was cut off.",
        footer = {
            "",
            "Examples:",
            "  headwater fetch google/gemma-2-2b gemma",
            "  HF_TOKEN=... headwater fetch meta-llama/Llama-3.2-1B"
        })
public final class FetchCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Parameters(
            arity = "1..*",
            paramLabel = "REF",
            description = "A repository org/name[/folder][@revision], or a short name: gemma, llama.")
    private List<String> references;

    @Option(names = "--quiet", description = "Print nothing but errors.")
    private boolean quiet;

    public FetchCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        List<Reference> parsed = references.stream().map(Reference::parse).toList();
        try (var display = new ProgressDisplay(console, interrupt, quiet);
                Hub hub = Hub.open()) {
            for (Reference reference : parsed) {
                Hub.Resolved here = hub.either(reference, new Megabytes(display));
                display.close();
                if (!quiet) {
                    console.out()
                            .printf(
                                    "%s: %s in %s%n",
                                    reference, Text.bytes(ConvertCommand.size(here.directory())), here.directory());
                }
            }
        }
        return 0;
    }
}
