package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import dev.headwater.engine.HeadwaterException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/** The kernels and the phases one by one, under JMH, beside what the machine can do. */
@Command(
        name = "jmh",
        customSynopsis = "benchmarks/run jmh [--record] [JMH ARGUMENTS]",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Times kernels (KernelBenchmark) and phases (PhaseBenchmark) with JMH, beside the machine's limits measured in the same run.",
            "What follows is for JMH: a pattern of names, -p shape=BENCH, -f forks, -wi and -i iterations, -l to list."
        })
final class JmhCommand implements Callable<Integer> {
    /** The widest interval, as a share of the value, that a reader of RESULTS.md is asked to believe. */
    private static final double WIDEST = 0.25;

    @Option(
            names = "--record",
            description =
                    "Keep the tables in RESULTS.md, under 'kernels' and 'phases', without rows whose interval is above 25 %%.")
    private boolean record;

    @Unmatched
    private List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() {
        try {
            CommandLineOptions options = new CommandLineOptions(arguments.toArray(String[]::new));
            if (options.shouldList()) {
                new Runner(options).list();
                return 0;
            }
            MachineLimits limits = MachineLimits.measure();
            System.out.println(limits);
            Collection<RunResult> results = new Runner(new OptionsBuilder()
                            .parent(options)
                            .jvmArgsAppend("--enable-native-access=ALL-UNNAMED", "-Dheadwater.home=" + Benchmarks.HOME)
                            .build())
                    .run();
            limits = limits.best(MachineLimits.measure());
            for (String kind : List.of("Kernel", "Phase")) {
                List<RunResult> ofKind = results.stream()
                        .filter(result -> name(result).contains(kind))
                        .toList();
                if (!ofKind.isEmpty()) {
                    report(kind.toLowerCase(Locale.ROOT) + "s", ofKind, limits);
                }
            }
            return 0;
        } catch (CommandLineOptionException | RunnerException e) {
            throw new HeadwaterException(String.valueOf(e.getMessage()), e);
        }
    }

    private void report(String section, List<RunResult> results, MachineLimits limits) {
        System.out.println("\n" + body(results, limits));
        if (record) {
            List<RunResult> steady = results.stream()
                    .filter(result -> isSteady(
                            result.getPrimaryResult().getScore(),
                            result.getPrimaryResult().getScoreError()))
                    .toList();
            int refused = results.size() - steady.size();
            Benchmarks.RESULTS.put(
                    section,
                    "benchmarks/run jmh --record " + String.join(" ", arguments),
                    body(steady, limits)
                            + (refused == 0
                                    ? ""
                                    : "\n" + refused + " of " + results.size()
                                            + " rows were too unsteady to be recorded: their intervals were above 25 %.\n"));
        }
    }

    /** Whether a value is known well enough to be published; one without an interval is not. */
    static boolean isSteady(double score, double error) {
        return error <= WIDEST * score;
    }

    private static String body(List<RunResult> results, MachineLimits limits) {
        Table table = new Table("benchmark", "parameters", "time", "error", "GFLOP/s", "GB/s", "share of limit");
        for (RunResult result : results) {
            Result<?> rate = result.getPrimaryResult();
            double gflops = secondary(result, "gflop");
            double gigabytes = secondary(result, "gigabytes");
            double looks = secondary(result, "looks");
            // What moves little and computes much is limited by the matrix unit, anything else by memory.
            double share = Math.max(
                    gflops / (secondary(result, "sgemm") / looks), gigabytes / (secondary(result, "copy") / looks));
            String name = name(result);
            table.row(
                    name.replaceAll("Benchmark\\.", ": ").replaceAll("Kernel|Phase", ""),
                    parameters(result),
                    time(1 / rate.getScore()),
                    Double.isNaN(rate.getScoreError())
                            ? ""
                            : number("%.0f %%", 100 * rate.getScoreError() / rate.getScore()),
                    gflops == 0 ? "" : number("%.1f", gflops),
                    gigabytes == 0 ? "" : number("%.1f", gigabytes),
                    number("%.0f %%", 100 * share));
        }
        return table.print(Table.Format.MARKDOWN) + "\nLimits at their best: " + limits
                + "; shares are of what the same process reached after each iteration.\n";
    }

    private static String name(RunResult result) {
        String full = result.getParams().getBenchmark();
        return full.substring(full.lastIndexOf('.', full.lastIndexOf('.') - 1) + 1);
    }

    private static String parameters(RunResult result) {
        Map<String, String> values = new LinkedHashMap<>();
        for (String key : result.getParams().getParamsKeys()) {
            values.put(key, result.getParams().getParam(key));
        }
        return values.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue())
                .collect(Collectors.joining(", "));
    }

    private static double secondary(RunResult result, String name) {
        return result.getSecondaryResults().keySet().stream()
                .filter(key -> key.equals(name) || key.endsWith(":" + name))
                .mapToDouble(key ->
                        requireNonNull(result.getSecondaryResults().get(key)).getScore())
                .findFirst()
                .orElse(0);
    }

    private static String time(double seconds) {
        return seconds < 1e-3
                ? number("%.1f µs", seconds * 1e6)
                : seconds < 1 ? number("%.2f ms", seconds * 1e3) : number("%.2f s", seconds);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
