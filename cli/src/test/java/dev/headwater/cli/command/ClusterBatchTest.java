package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.Run;
import dev.headwater.cli.report.Console;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A batch on a cluster that is this process: what {@code batch} writes, in a directory and in a folder that is elsewhere. */
class ClusterBatchTest {
    private static final String LINES = """
            {"prompt": "36+59=", "slug": "sum"}
            {"token_ids": [1, 999999]}
            {"prompt": "Fact: the capital of Texas is", "max_features": 20}
            {"prompt": "36+59=", "max_features": 10}
            not json
            {"prompt": "a young cow is called a"}
            {"token_ids": [0, 1, 2]}
            """;
    private static final List<String> HOW = List.of("--max-features=30", "--together=2");

    @TempDir
    private Path directory;

    /** Of another file system, as far as anybody can tell. */
    private record Elsewhere(LocalFolder folder) implements Folder {
        @Override
        public Optional<Path> local() {
            return Optional.empty();
        }

        @Override
        public void make() {
            folder.make();
        }

        @Override
        public Set<String> names(String under) {
            return folder.names(under);
        }

        @Override
        public boolean has(String name) {
            return folder.has(name);
        }

        @Override
        public boolean fetch(String name, Path to) {
            return folder.fetch(name, to);
        }

        @Override
        public void put(Path file, String name) {
            folder.put(file, name);
        }

        @Override
        public void delete(String name) {
            folder.delete(name);
        }

        @Override
        public String toString() {
            return "away:" + folder;
        }
    }

    private static Folder folder(String name) {
        return name.startsWith("away:")
                ? new Elsewhere(new LocalFolder(Path.of(name.substring("away:".length()))))
                : new LocalFolder(Path.of(name));
    }

    /** Works tasks off in any order, some twice. */
    private static final class HereCluster implements Cluster {
        private final Random random = new Random(7);
        private int answers;

        /** @param answers after which the driver is lost */
        HereCluster(int answers) {
            this.answers = answers;
        }

        @Override
        public void run(String title, List<String> tasks, Consumer<String> done) {
            List<String> shuffled = new ArrayList<>(tasks);
            Collections.shuffle(shuffled, random);
            for (String text : shuffled) {
                ClusterTask task = ClusterTask.read(text);
                Folder folder = folder(task.folder());
                ClusterWorker.check(task, folder);
                try (var worker = new ClusterWorker(task.arguments(), List.of())) {
                    for (int i = random.nextInt(2); i > 0; i--) {
                        worker.work(task, folder, Progress.NONE);
                    }
                    String answer = worker.work(task, folder, Progress.NONE).json();
                    if (answers-- == 0) {
                        throw new HeadwaterException("the driver is lost");
                    }
                    done.accept(answer);
                }
            }
        }

        @Override
        public void close() {}
    }

    private Run batch(String prefix, String out, int answers) {
        var said = new ByteArrayOutputStream();
        var complained = new ByteArrayOutputStream();
        Console console = new Console(
                new PrintStream(said, true, StandardCharsets.UTF_8),
                new PrintStream(complained, true, StandardCharsets.UTF_8),
                0,
                0,
                false);
        var command = new CommandLine(
                new ClusterBatch(console, Progress.NONE, ClusterBatchTest::folder, () -> new HereCluster(answers)));
        command.setExecutionExceptionHandler((e, _, _) -> {
            console.err().println(e);
            return 3;
        });
        List<String> args = new ArrayList<>(HOW);
        args.add("--out=" + prefix + directory.resolve(out));
        args.add(prefix + directory.resolve("lines.jsonl"));
        int code = command.execute(args.toArray(String[]::new));
        return new Run(code, said.toString(StandardCharsets.UTF_8), complained.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aClusterWritesWhatABatchWrites() throws IOException {
        Path input = Files.writeString(directory.resolve("lines.jsonl"), LINES);
        Path expected = directory.resolve("expected");
        List<String> args = new ArrayList<>(List.of("batch", input.toString(), "--out", expected.toString()));
        args.addAll(HOW);
        assertEquals(1, Run.headwater(args.toArray(String[]::new)).code());
        for (String prefix : List.of("", "away:")) {
            String out = "out" + prefix.length();
            Run lost = batch(prefix, out, 2);
            assertEquals(3, lost.code(), lost.err());
            Run run = batch(prefix, out, Integer.MAX_VALUE);
            assertEquals(1, run.code(), run.err());
            assertTrue(run.err().contains("line 2: token 999999 at position 1"), run.err());
            assertTrue(run.out().contains("7 lines: "), run.out());
            assertTrue(!run.out().contains(" 0 there already") && run.out().contains(", 2 failed"), run.out());
            assertEquals(contents(expected), contents(directory.resolve(out)));
            Run again = batch(prefix, out, Integer.MAX_VALUE);
            assertTrue(again.out().contains("0 graphs made, 5 there already, 2 failed"), again.out() + again.err());
            assertEquals(contents(expected), contents(directory.resolve(out)));
        }
    }

    private static Map<String, String> contents(Path out) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(out)) {
            for (Path file : files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .toList()) {
                contents.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        return contents;
    }
}
