package dev.headwater.robustness;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** What tries to break Headwater; {@code benchmarks/robustness/run} starts it. */
@Command(
        name = "benchmarks/robustness/run",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = "Tries to break Headwater. Each command prints one table and fails if something broke.",
        subcommands = {FuzzCommand.class, FaultsCommand.class, HelpCommand.class})
public final class Robustness {
    /** The repository's directory, which the launcher says. */
    static final Path HOME = Path.of(System.getProperty("headwater.home", "")).toAbsolutePath();

    private Robustness() {}

    public static void main(String[] args) {
        CommandLine commands = new CommandLine(new Robustness()).setExecutionExceptionHandler((e, _, _) -> {
            if (!(e instanceof HeadwaterException)) {
                throw e;
            }
            System.err.println("robustness: " + e.getMessage());
            return e instanceof UsageException ? 2 : 1;
        });
        System.exit(commands.execute(args));
    }
}
