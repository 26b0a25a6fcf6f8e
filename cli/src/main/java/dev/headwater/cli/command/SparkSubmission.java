package dev.headwater.cli.command;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.ProgressDisplay;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.module.ModuleFinder;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParseResult;

/**
 * Starts a driver on Spark and shows what it says. Spark gets Headwater's jars, which it hands to its executors; native libraries
 * are found where they are here, or as {@code HEADWATER_LIBTORCH} says there.
 */
final class SparkSubmission {
    private static final String DRIVER = "dev.headwater.spark.SparkBatch";
    private static final String JAR = "headwater-spark.jar";
    /** The jars that are Headwater's or not Spark's as well. */
    private static final String SHIPPED = "(headwater.*|jackson-dataformat-csv.*|picocli.*|snakeyaml-engine.*)\\.jar";

    private static final int REACH_MILLIS = 5000;

    private final SparkOptions options;
    private final Console console;
    private final Interrupt interrupt;
    private final boolean quiet;

    SparkSubmission(SparkOptions options, Console console, Interrupt interrupt, boolean quiet) {
        this.options = options;
        this.console = console;
        this.interrupt = interrupt;
        this.quiet = quiet;
    }

    /**
     * Runs the command that was parsed, all but its {@link SparkOptions}, on Spark.
     *
     * @return its exit code
     * @throws HeadwaterException if there is no Spark, or it fails
     */
    int run(ParseResult parsed) {
        SparkHome spark = SparkHome.find(System.getenv("SPARK_HOME"), System.getenv("PATH"));
        reach(options.master());
        List<String> command = new ArrayList<>(spark.command());
        command.addAll(arguments());
        command.addAll(CommandArguments.of(parsed, option -> !SparkOptions.has(option), false));
        try {
            Path log = Files.createTempFile("headwater-spark-", ".log");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(log.toFile());
            builder.environment().put(SparkRelay.VARIABLE, "1");
            // A release's own Java has not all that Spark needs.
            if (ModuleFinder.ofSystem().find("jdk.incubator.vector").isPresent()) {
                builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            }
            return watch(builder.start(), log);
        } catch (IOException e) {
            throw new HeadwaterException(spark.submit() + " can't be started: " + e.getMessage(), e);
        }
    }

    /** Says at once what Spark would find out in a minute: that nobody is there. */
    static void reach(String master) {
        if (!master.startsWith("spark://")) {
            return;
        }
        String why = "";
        for (String one : master.substring("spark://".length()).split(",")) {
            URI address = URI.create("spark://" + one);
            if (address.getHost() == null || address.getPort() < 0) {
                throw new HeadwaterException("--spark is '" + master + "'; a master is spark://HOST:PORT");
            }
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(address.getHost(), address.getPort()), REACH_MILLIS);
                return;
            } catch (IOException e) {
                why = e instanceof UnknownHostException ? "unknown host" : String.valueOf(e.getMessage());
            }
        }
        throw new HeadwaterException("No Spark master answers at " + master + " (" + why + ")");
    }

    private List<String> arguments() {
        Path lib = lib();
        Map<String, String> conf = new LinkedHashMap<>(options.conf());
        append(conf, "spark.driver.extraJavaOptions", " ", "--enable-native-access=ALL-UNNAMED");
        append(conf, "spark.executor.extraJavaOptions", " ", "--enable-native-access=ALL-UNNAMED");
        conf.putIfAbsent("spark.ui.showConsoleProgress", "false");
        String natives = System.getProperty("headwater.native");
        String torch = String.join(
                ":", jars(lib.resolve("../../../../bindings/target/libtorch").normalize(), ".*\\.jar"));
        for (String who : List.of("driver", "executor")) {
            if (natives != null) {
                append(conf, "spark." + who + ".extraJavaOptions", " ", "-Dheadwater.native=" + natives);
            } else if (!torch.isEmpty()) {
                append(conf, "spark." + who + ".extraClassPath", ":", torch);
            }
        }
        List<String> arguments =
                new ArrayList<>(List.of("--master", options.master(), "--name", "headwater batch", "--class", DRIVER));
        arguments.add("--jars");
        arguments.add(String.join(",", jars(lib, SHIPPED)));
        conf.forEach((key, value) -> {
            arguments.add("--conf");
            arguments.add(key + "=" + value);
        });
        arguments.add(jar(lib).toString());
        return arguments;
    }

    private static void append(Map<String, String> conf, String key, String between, String more) {
        conf.merge(key, more, (given, ours) -> given + between + ours);
    }

    private static List<String> jars(Path folder, String names) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> String.valueOf(file.getFileName()).matches(names) && !file.endsWith(JAR))
                    .map(Path::toString)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** Where the jars lie. */
    private static Path lib() {
        Path own = Path.of(URI.create(SparkSubmission.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toString()));
        Path folder = own.toAbsolutePath().getParent();
        if (!own.toString().endsWith(".jar") || folder == null) {
            throw new HeadwaterException(
                    "--spark hands Headwater's jars to Spark, and this runs from classes: build it first");
        }
        return folder;
    }

    private static Path jar(Path lib) {
        return Stream.of(
                        lib.resolve(JAR),
                        lib.resolve("../../../spark/target/" + JAR).normalize())
                .filter(Files::isRegularFile)
                .findFirst()
                .orElseThrow(() -> new HeadwaterException(
                        "There is no " + JAR + " beside " + lib + "; build it with: mvn package -pl cli/spark -am"));
    }

    private int watch(Process driver, Path log) throws IOException {
        Thread.ofPlatform().daemon().start(() -> {
            interrupt.await();
            driver.destroy();
        });
        var end = new Object() {
            @Nullable
            String sentence;

            boolean logged;
        };
        try (var display = new ProgressDisplay(console, interrupt, quiet);
                var lines =
                        new BufferedReader(new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8))) {
            long[] total = {-1};
            var listener = new SparkRelay.Listener() {
                @Override
                public void out(String line) {
                    display.close();
                    console.out().println(line);
                }

                @Override
                public void err(String line) {
                    display.close();
                    console.err().println(line);
                }

                @Override
                public void failed(String sentence, boolean logged) {
                    end.sentence = sentence;
                    end.logged = logged;
                }

                @Override
                public void progress(long done, long all) {
                    if (all != total[0]) {
                        display.phase("graphs", all);
                        total[0] = all;
                    }
                    display.advance(done);
                }
            };
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                SparkRelay.read(line, listener);
            }
            int code = driver.waitFor();
            String sentence = end.sentence;
            if (interrupt.requested()) {
                Files.delete(log);
                throw new CancellationException("the batch was interrupted");
            }
            if (sentence == null && code != 0 && code != ExitCode.FAILURE) {
                throw new HeadwaterException(
                        "Spark's driver ended with code " + code + ": " + last(log) + " (all of it: " + log + ")");
            }
            if (end.logged) {
                throw new HeadwaterException(sentence + " (Spark's log: " + log + ")");
            }
            Files.delete(log);
            if (sentence != null) {
                throw code == ExitCode.USAGE ? new UsageException(sentence) : new HeadwaterException(sentence);
            }
            return code;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("the batch was interrupted");
        }
    }

    /** What Spark said at last, of all that it says. */
    private static String last(Path log) throws IOException {
        try (Stream<String> lines = Files.lines(log, StandardCharsets.ISO_8859_1)) {
            String said = lines.filter(line -> !line.isBlank() && !line.startsWith("\tat "))
                    .reduce("it does not say why", (_, line) -> line);
            return Text.cut(said.strip(), 200);
        }
    }
}
