package dev.headwater.benchmarks;

import dev.headwater.engine.UsageException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How often each row of a table is measured, and where the table is kept. */
final class TableOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--repeat", paramLabel = "N", description = "Processes for each row (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(
            names = "--record",
            paramLabel = "SECTION",
            arity = "0..1",
            description = "Keep the table in RESULTS.md, under the command's name or another section that is there.")
    private @Nullable String record;

    TableOptions(int repeat) {
        this.repeat = repeat;
    }

    /** @throws UsageException if it is less than once */
    int repeat() {
        if (repeat < 1) {
            throw new UsageException("--repeat is " + repeat + "; it must be at least 1");
        }
        return repeat;
    }

    /** Keeps the section with the command that makes it, if that is wanted. */
    void record(String body) {
        if (record != null) {
            Benchmarks.RESULTS.put(
                    record.isEmpty() ? command.name() : record,
                    Benchmarks.commandLine(
                            command, command.commandLine().getParseResult().originalArgs()),
                    body);
        }
    }
}
