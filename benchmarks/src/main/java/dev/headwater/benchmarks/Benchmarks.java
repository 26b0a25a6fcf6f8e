package dev.headwater.benchmarks;

import dev.headwater.bindings.NativeException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Everything that this repository measures; {@code benchmarks/run} starts it. */
@Command(
        name = "benchmarks/run",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        description = "Measures Headwater. With --record a command keeps its tables in benchmarks/RESULTS.md.",
        subcommands = {
            JmhCommand.class,
            MatrixCommand.class,
            CompareCommand.class,
            CompareNeuronsCommand.class,
            GraphFunctionsCommand.class,
            KindsCommand.class,
            AnswersCommand.class,
            AttentionCommand.class,
            CircuitsCommand.class,
            FeatureBuildCommand.class,
            GlobalWeightsCommand.class,
            LoadingCommand.class,
            ModelCommand.class,
            OnceCommand.class,
            RooflineCommand.class,
            HelpCommand.class
        })
public final class Benchmarks {
    /** The repository's directory, which the launcher says. */
    static final Path HOME = Path.of(System.getProperty("headwater.home", "")).toAbsolutePath();

    static final ResultsPage RESULTS = new ResultsPage(HOME.resolve("benchmarks/RESULTS.md"));

    private Benchmarks() {}

    public static void main(String[] args) {
        CommandLine commands = new CommandLine(new Benchmarks())
                .setExpandAtFiles(false)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, command, parsed) -> {
                    if (!(e instanceof HeadwaterException || e instanceof NativeException)) {
                        throw e;
                    }
                    System.err.println("benchmarks: " + e.getMessage());
                    return e instanceof UsageException ? 2 : 1;
                });
        System.exit(commands.execute(args));
    }

    /** What was run, with names of options' values in place of files and folders, which are one machine's own. */
    static String commandLine(CommandSpec command, List<String> arguments) {
        List<String> words = new ArrayList<>(List.of("benchmarks/run"));
        String place = null;
        for (String word : arguments) {
            String name = word.split("=", 2)[0];
            OptionSpec option = command.findOption(name);
            String label = option != null && List.of("FILE", "DIR", "REF").contains(option.paramLabel())
                    ? option.paramLabel()
                    : null;
            words.add(
                    place != null
                            ? placed(word, place)
                            : label != null && word.length() > name.length()
                                    ? name + "=" + placed(word.substring(name.length() + 1), label)
                                    : word);
            place = place == null && word.equals(name) ? label : null;
        }
        return String.join(" ", words);
    }

    /** A reference is a name, which stays, or a folder. */
    private static String placed(String value, String label) {
        return !label.equals("REF") ? label : Files.exists(Path.of(value)) ? "DIR" : value;
    }

    /** Where random models are kept between commands. */
    static Path models() {
        return HOME.resolve("benchmarks/target/models");
    }
}
