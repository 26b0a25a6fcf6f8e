package dev.headwater.spark;

import dev.headwater.bindings.NativeException;
import dev.headwater.cli.command.ClusterBatch;
import dev.headwater.cli.command.SparkRelay;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/**
 * The class for {@code spark-submit}: a batch's driver, with the arguments of {@code headwater batch}. Ends with its exit codes and
 * one sentence.
 */
public final class SparkBatch {
    private SparkBatch() {}

    public static void main(String[] args) {
        Locale.setDefault(Locale.ROOT);
        // A batch that "headwater batch --spark" started says all in lines that it knows from Spark's own.
        SparkRelay relay = System.getenv(SparkRelay.VARIABLE) == null ? null : new SparkRelay(System.out);
        int code = run(relay, args);
        if (code != 0) {
            System.exit(code);
        }
    }

    private static int run(@Nullable SparkRelay relay, String[] args) {
        Console console = relay == null ? Console.ofProcess() : relay.console();
        Progress progress = relay == null ? Progress.NONE : relay.progress();
        CommandLine line = new CommandLine(
                new ClusterBatch(console, progress, Folders::of, () -> SparkCluster.start(relay != null)));
        line.setExpandAtFiles(false).setOverwrittenOptionsAllowed(true).setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((e, _) -> {
            failed(console, relay, String.valueOf(e.getMessage()), false);
            return ExitCode.USAGE;
        });
        line.setExecutionExceptionHandler((e, _, _) -> {
            switch (e) {
                case UsageException usage -> {
                    failed(console, relay, usage.getMessage(), false);
                    return ExitCode.USAGE;
                }
                case SparkFailure spark -> failed(console, relay, spark.getMessage(), true);
                case HeadwaterException ours -> failed(console, relay, ours.getMessage(), false);
                case NativeException ours -> failed(console, relay, ours.getMessage(), false);
                default -> {
                    e.printStackTrace();
                    failed(
                            console,
                            relay,
                            "The driver failed in a way that it does not expect ("
                                    + e.toString().lines().findFirst().orElse("") + ")",
                            true);
                }
            }
            return ExitCode.FAILURE;
        });
        return line.execute(args);
    }

    private static void failed(Console console, @Nullable SparkRelay relay, @Nullable String why, boolean logged) {
        String sentence = Text.visible(String.valueOf(why));
        if (relay == null) {
            console.warn(sentence);
        } else {
            relay.failed(sentence, logged);
        }
    }
}
