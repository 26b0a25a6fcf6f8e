package dev.headwater.cli.command;

import dev.headwater.engine.HeadwaterException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The Spark of this machine.
 *
 * @param home   its directory; null where only the program is known
 * @param submit its program spark-submit
 */
record SparkHome(@Nullable Path home, Path submit) {
    private static final Pattern CORE = Pattern.compile("spark-core_2\\.13-(\\d+)\\.(\\d+)\\.(.*)\\.jar");
    private static final int SECONDS = 20;

    /**
     * @param named what SPARK_HOME says
     * @param path  what PATH says
     * @throws HeadwaterException if there is none, or it does not run on this Java
     */
    static SparkHome find(@Nullable String named, @Nullable String path) {
        SparkHome found;
        if (named != null && !named.isBlank()) {
            Path submit = Path.of(named, "bin", "spark-submit");
            if (!Files.isExecutable(submit)) {
                throw new HeadwaterException("SPARK_HOME is " + named
                        + ", which has no bin/spark-submit; name the directory of a Spark 4.2, or unset it");
            }
            found = new SparkHome(Path.of(named), submit);
        } else {
            found = onPath(path)
                    .map(submit -> new SparkHome(null, submit))
                    .or(() -> python().map(home -> new SparkHome(home, home.resolve("bin/spark-submit"))))
                    .orElseThrow(
                            () -> new HeadwaterException(
                                    "--spark needs Apache Spark 4.2, which does not come with Headwater: unpack it and set SPARK_HOME to it, or 'pip install pyspark'"));
        }
        found.check();
        return found;
    }

    private static Optional<Path> onPath(@Nullable String path) {
        return Stream.of((path == null ? "" : path).split(File.pathSeparator))
                .filter(directory -> !directory.isEmpty())
                .map(directory -> Path.of(directory, "spark-submit"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Of a pyspark that pip has installed, if there is one. */
    private static Optional<Path> python() {
        try {
            Process python = new ProcessBuilder("python3", "-c", "import pyspark; print(pyspark.__path__[0])")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            python.getOutputStream().close();
            String said = new String(python.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            if (!python.waitFor(SECONDS, TimeUnit.SECONDS) || python.exitValue() != 0) {
                return Optional.empty();
            }
            return Optional.of(Path.of(said.strip()))
                    .filter(home -> Files.isRegularFile(home.resolve("bin/spark-submit")));
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private void check() {
        if (home == null || !Files.isDirectory(home.resolve("jars"))) {
            return;
        }
        try (Stream<Path> jars = Files.list(home.resolve("jars"))) {
            for (String jar :
                    jars.map(file -> String.valueOf(file.getFileName())).toList()) {
                Matcher core = CORE.matcher(jar);
                if (core.matches() && Integer.parseInt(core.group(1)) * 100 + Integer.parseInt(core.group(2)) < 402) {
                    throw new HeadwaterException(
                            "%s is Spark %s.%s.%s; Headwater needs 4.2 or newer, which runs on Java 25"
                                    .formatted(home, core.group(1), core.group(2), core.group(3)));
                }
            }
        } catch (IOException e) {
            throw new HeadwaterException("Cannot list " + home + ": " + e.getMessage(), e);
        }
    }

    /** What is to stand before the arguments of spark-submit. */
    List<String> command() {
        return Files.isExecutable(submit) ? List.of(submit.toString()) : List.of("bash", submit.toString());
    }
}
