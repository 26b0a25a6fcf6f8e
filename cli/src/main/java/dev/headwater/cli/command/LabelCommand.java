package dev.headwater.cli.command;

import static java.util.Objects.requireNonNull;

import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.NamerOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.features.LabelFile;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.naming.ChatService;
import dev.headwater.engine.naming.SetNaming;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater features label}: names of all features of a set, and how far to trust them. */
@Command(
        name = "label",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "headwater features label [OPTIONS] --features DIR",
        description = {
            "Name every feature that 'features build' gathered evidence of, and check each name on texts that it was not made from: detection (in which "
                    + "texts does the feature fire?) and fuzzing (on which tokens?), 0.5 for a name that says nothing, 1 for one that tells all.",
            "Names follow from the evidence or, with --namer, are a language model's where those score higher. They go into labels.jsonl beside the evidence, "
                    + "where attribute, explain and serve find them. A run that ended early, at its budget for instance, goes on when it is started again."
        },
        footer = {
            "",
            "Examples:",
            "  headwater features label --features features",
            "  headwater features label --features features --namer http://localhost:8080/v1 --namer-model qwen3 --namer-budget 5000"
        })
public final class LabelCommand implements Callable<Integer> {
    private final Console console;
    private final Interrupt interrupt;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--features",
            paramLabel = "DIR",
            required = true,
            description = "Directory that 'features build' wrote.")
    private Path features;

    @Mixin
    private NamerOptions namer;

    @Option(names = "--quiet", description = "Print nothing but errors.")
    private boolean quiet;

    public LabelCommand(Console console, Interrupt interrupt) {
        this.console = console;
        this.interrupt = interrupt;
    }

    @Override
    public Integer call() {
        model.check();
        SetNaming found;
        Path folder;
        try (ChatService chat = namer.open();
                var progress = new ProgressDisplay(console, interrupt, quiet);
                ReplacementModel loaded = model.load(progress)) {
            folder = SetEvidence.in(features, loaded.scan())
                    .orElseThrow(() -> new HeadwaterException("There are no feature files of " + loaded.scan() + " in "
                            + features + "; make them with features build"));
            found = SetNaming.run(loaded, folder, service(chat), progress);
        }
        if (!quiet) {
            print(found, folder.resolve(LabelFile.NAME));
        }
        if (!found.why().isEmpty()) {
            console.warn(found.why() + ". Start the command again to go on.");
        }
        return found.why().isEmpty() ? 0 : 1;
    }

    private SetNaming.@Nullable Service service(@Nullable ChatService chat) {
        return chat == null ? null : new SetNaming.Service(chat, requireNonNull(namer.model()));
    }

    private void print(SetNaming found, Path file) {
        console.out()
                .printf(
                        Locale.ROOT,
                        "labelled    %,d features%s; %,d without a text in which they fire%n",
                        found.labelled(),
                        found.before() == 0 ? "" : String.format(Locale.ROOT, ", %,d of them before", found.before()),
                        found.silent());
        if (namer.model() != null) {
            console.out()
                    .printf(
                            Locale.ROOT,
                            "names       %,d better than those from the evidence, %,d not given%n",
                            found.taken(),
                            found.unanswered());
        }
        if (!Double.isNaN(found.detection())) {
            console.out()
                    .printf(
                            Locale.ROOT,
                            "score       detection %.3f, fuzzing %.3f (0.5 by chance, 1 at best)%n",
                            found.detection(),
                            found.fuzzing());
        }
        console.out().println("Wrote " + Text.visible(file.toString()));
    }
}
