package dev.headwater.fuzz;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.Trees;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** Runs Jazzer on a reader in a process of its own, since some findings end the process. */
public final class Campaign {
    /** An input that waits: processor time is bounded where the reader runs, this is for what sleeps. */
    private static final int LONGEST_SECONDS = 120;

    private static final int LONGEST_INPUT = 4096;
    private static final long LARGEST_ARCHIVE = 200_000;

    /**
     * @param inputs   read in this run
     * @param sum      over all runs
     * @param edges    of the readers' code that they covered, JDK and libraries not counted
     * @param corpus   inputs that took new ways
     * @param findings names of files
     */
    public record Outcome(long inputs, Sum sum, long edges, long corpus, List<String> findings) {}

    private final Path home;
    private final long seconds;
    private final long inputs;

    /**
     * @param home    this module's directory
     * @param seconds most for each reader in this run; 0 for no limit
     * @param inputs  most for each over all runs; -1 for no limit
     */
    public Campaign(Path home, long seconds, long inputs) {
        this.home = home;
        this.seconds = seconds;
        this.inputs = inputs;
    }

    public static Set<String> names() {
        return Readers.names();
    }

    private Path work(String reader) {
        return home.resolve("target/fuzz").resolve(reader);
    }

    /** {@return what a reader was given so far} */
    public Sum sum(String reader) throws IOException {
        return Sum.read(Files.createDirectories(work(reader)));
    }

    public Outcome run(String reader) throws IOException, InterruptedException {
        Path work = work(reader);
        Path corpus = work.resolve("corpus");
        Files.createDirectories(corpus);
        long left = inputs < 0 ? -1 : inputs - sum(reader).inputs();
        if (inputs >= 0 && left <= 0) {
            return new Outcome(0, sum(reader), 0, 0, List.of());
        }
        for (var input : inputs(home, reader).entrySet()) {
            Files.write(corpus.resolve(input.getKey().replaceAll(".*/", "")), input.getValue());
        }
        List<Path> before = findings(work);
        List<String> command = jazzer(reader);
        command.addAll(List.of(
                "--keep_going=20",
                "-max_total_time=" + seconds,
                "-runs=" + left,
                "-max_len=" + LONGEST_INPUT,
                // What is slow to read is read less often.
                "-entropic_scale_per_exec_time=1",
                "-timeout=" + LONGEST_SECONDS,
                "-rss_limit_mb=4000",
                "-print_final_stats=1",
                "-artifact_prefix=" + work + File.separator,
                corpus.toString()));
        int status = start(command, Sum.log(work));
        Sum.Run run = Sum.count(work);
        List<String> findings = new ArrayList<>(findings(work).stream()
                .filter(file -> !before.contains(file))
                .map(file -> file.getFileName().toString())
                .toList());
        if (status != 0 && findings.isEmpty()) {
            findings.add("exit code " + status + ", see the log in " + home.relativize(work));
        }
        return new Outcome(run.inputs(), sum(reader), run.edges(), run.corpus(), findings);
    }

    private List<String> jazzer(String reader) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-XX:-OmitStackTraceInFastThrow",
                "-XX:+EnableDynamicAgentLoading",
                "--enable-native-access=ALL-UNNAMED",
                "-Dheadwater.fuzz=" + reader,
                "-cp",
                System.getProperty("headwater.fuzz.classpath", beside(System.getProperty("java.class.path"))),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + FuzzTarget.class.getName(),
                "--instrumentation_includes=dev.headwater.**",
                "--instrumentation_excludes=dev.headwater.fuzz.**:dev.headwater.bindings.kernels.**"
                        + ":dev.headwater.bindings.torch.**:dev.headwater.bindings.cuda.**",
                "--custom_hook_excludes=dev.headwater.**",
                // These look for files and connections that the input names, which readers here open on purpose.
                "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.FilePathTraversal"
                        + ":com.code_intelligence.jazzer.sanitizers.ServerSideRequestForgery"));
        command.add("--reproducer_path=" + work(reader));
        return command;
    }

    /** The jars beside the one that was started, each by its name: Jazzer instruments what it finds on the class path. */
    private static String beside(String jar) {
        return Path.of(jar).toAbsolutePath().getParent() + File.separator + "*";
    }

    private int start(List<String> command, Path log) throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("OMP_NUM_THREADS", "1");
        Process process = builder.start();
        Thread end = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(end);
        int status = process.waitFor();
        Runtime.getRuntime().removeShutdownHook(end);
        return status;
    }

    private static List<Path> findings(Path work) throws IOException {
        try (Stream<Path> files = Files.list(work)) {
            return files.filter(file -> file.getFileName().toString().matches("(crash|timeout|oom|leak)-.*"))
                    .sorted()
                    .toList();
        }
    }

    /** The committed corpus and the inputs that once broke something, by their names. */
    static Map<String, byte[]> inputs(Path home, String reader) throws IOException {
        Map<String, byte[]> inputs = new LinkedHashMap<>();
        Path archive = home.resolve("corpus/" + reader + ".zip");
        if (Files.exists(archive)) {
            try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(archive))) {
                for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                    inputs.put(entry.getName(), zip.readAllBytes());
                }
            }
        }
        Path cases = home.resolve("cases/" + reader);
        if (Files.exists(cases)) {
            try (Stream<Path> files = Files.list(cases)) {
                for (Path file : files.sorted().toList()) {
                    inputs.put("cases/" + reader + "/" + file.getFileName(), Files.readAllBytes(file));
                }
            }
        }
        return inputs;
    }

    /** Brings the corpus to the smallest that covers as much, and writes it into the archive that is committed. */
    public void keep(String reader) throws IOException, InterruptedException {
        Path smallest = work(reader).resolve("smallest");
        Trees.delete(smallest);
        Files.createDirectories(smallest);
        List<String> command = jazzer(reader);
        command.addAll(List.of(
                "-merge=1",
                "-max_len=" + LONGEST_INPUT,
                "-timeout=" + LONGEST_SECONDS,
                smallest.toString(),
                work(reader).resolve("corpus").toString()));
        int status = start(command, work(reader).resolve("merge.log"));
        if (status != 0) {
            throw new HeadwaterException("The corpus of " + reader + " can't be made smaller (exit code " + status
                    + "): see " + work(reader).resolve("merge.log"));
        }
        archive(smallest, home.resolve("corpus/" + reader + ".zip"));
    }

    /** Smallest first, as long as there is room; the same files give the same bytes. */
    private static void archive(Path directory, Path target) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(directory)) {
            files = all.sorted(Comparator.comparingLong(
                                    (Path file) -> file.toFile().length())
                            .thenComparing(Path::getFileName))
                    .toList();
        }
        Files.createDirectories(target.getParent());
        long written = 0;
        try (OutputStream out = Files.newOutputStream(target);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Path file : files) {
                written += Files.size(file);
                if (written > LARGEST_ARCHIVE) {
                    break;
                }
                ZipEntry entry = new ZipEntry(file.getFileName().toString());
                entry.setLastModifiedTime(FileTime.fromMillis(0));
                zip.putNextEntry(entry);
                try (InputStream in = Files.newInputStream(file)) {
                    in.transferTo(zip);
                }
                zip.closeEntry();
            }
        }
    }
}
