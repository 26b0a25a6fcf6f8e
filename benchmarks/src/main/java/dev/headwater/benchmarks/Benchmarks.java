package dev.headwater.benchmarks;

import dev.headwater.bindings.NativeException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** Everything that this repository measures; {@code benchmarks/run} starts it. */
@Command(name = "benchmarks/run", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND", sortOptions = false,
    description = "Measures Headwater. With --record a command keeps its tables in benchmarks/RESULTS.md.",
    subcommands = {JmhCommand.class, MatrixCommand.class, CompareCommand.class, GraphFunctionsCommand.class, ModelCommand.class,
        OnceCommand.class, HelpCommand.class})
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

    /** Where random models are kept between commands. */
    static Path models() {
        return HOME.resolve("benchmarks/target/models");
    }
}
