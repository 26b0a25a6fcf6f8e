package dev.headwater.faults;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Disks that are full or read-only, outputs that take nothing, inputs that end under the reader. */
final class Disks {
    private static final int CUTS = 4;
    private static final List<String> ATTRIBUTE =
            List.of("attribute", "The capital of France is", "--max-features", "100", "--quiet", "--out");

    private final Trial trial;
    private final int rounds;

    Disks(Trial trial, int rounds) {
        this.trial = trial;
        this.rounds = rounds;
    }

    List<Row> rows() throws IOException, InterruptedException {
        List<Row> rows = new ArrayList<>();
        rows.add(full());
        rows.add(readOnly());
        rows.add(standardOutput());
        rows.add(cut());
        return rows;
    }

    /** No file may have more than so many kilobytes, fewer than a graph takes, which fails as a full disk does at one write or another. */
    private Row full() throws IOException, InterruptedException {
        Path whole = trial.folder("whole");
        trial.start(Map.of(), to(whole)).end();
        long kilobytes;
        try (Stream<Path> files = Files.list(whole)) {
            kilobytes = files.mapToLong(file -> file.toFile().length()).max().orElseThrow() / 1024;
        }
        int survived = 0;
        String note = "";
        for (int round = 0; round < rounds; round++) {
            Path folder = trial.folder("full");
            Trial.Started run = trial.start(
                    Map.of(),
                    to(folder),
                    trial.folder("log").resolve("log"),
                    List.of(
                            "bash",
                            "-c",
                            "set -o pipefail; (trap '' XFSZ; ulimit -f " + kilobytes * round / rounds
                                    + "; exec \"$@\") 2>&1 | cat",
                            "bash"));
            String lost = run.disorder(run.end());
            if (lost == null && !Trial.files(folder).isEmpty()) {
                lost = "half-written: " + Trial.files(folder).keySet();
            }
            survived += lost == null ? 1 : 0;
            note = note.isEmpty() && lost != null ? lost : note;
        }
        return new Row("a disk that is full", rounds, survived, note);
    }

    private static List<String> to(Path folder) {
        return Stream.concat(ATTRIBUTE.stream(), Stream.of(folder.toString())).toList();
    }

    private Row readOnly() throws IOException, InterruptedException {
        // Where even root may not write.
        Trial.Started run =
                trial.start("attribute", "a b", "--max-features", "5", "--out", "/proc/headwater", "--quiet");
        String lost = run.disorder(run.end());
        return new Row("a disk that is read-only", 1, lost == null ? 1 : 0, lost == null ? "" : lost);
    }

    private Row standardOutput() throws IOException, InterruptedException {
        Trial.Started run = trial.start(
                Map.of(),
                List.of(
                        "attribute",
                        "a b",
                        "--max-features",
                        "5",
                        "--json",
                        "--out",
                        trial.folder("out").toString()),
                Path.of("/dev/full"),
                List.of());
        int code = run.end();
        String lost = code == 0 ? "output was lost without a word" : code > 2 ? "exit code " + code : null;
        return new Row("standard output that is full", 1, lost == null ? 1 : 0, lost == null ? "" : lost);
    }

    /** Weight files lose their end while a run that has them mapped goes on: an answer that is right, or a sentence. */
    private Row cut() throws IOException, InterruptedException {
        Path sound = trial.folder("sound");
        trial.start("convert", "atlas-plt", sound.resolve("set").toString(), "--quiet")
                .end();
        int survived = 0;
        String note = "";
        for (int round = 0; round < rounds; round++) {
            Path set = trial.folder("cut").resolve("set");
            Files.createDirectories(set);
            try (Stream<Path> files = Files.list(sound.resolve("set"))) {
                for (Path file : files.toList()) {
                    Files.copy(file, set.resolve(file.getFileName()));
                }
            }
            Path folder = trial.folder("out");
            Trial.Started run = trial.start(
                    "attribute",
                    "The capital of France is",
                    "-t",
                    set.toString(),
                    "-m",
                    "atlas",
                    "--out",
                    folder.toString(),
                    "--quiet");
            Thread.sleep(700 + 2500L * round / rounds);
            shorten(set);
            int code = run.end();
            String lost = code == 0 ? null : run.disorder(code);
            if (lost == null && code != 0 && !Trial.files(folder).isEmpty()) {
                lost = "written all the same: " + Trial.files(folder).keySet();
            }
            survived += lost == null ? 1 : 0;
            note = note.isEmpty() && lost != null ? lost : note;
        }
        return new Row("files that are cut while they are mapped", rounds, survived, note);
    }

    private static void shorten(Path set) throws IOException {
        try (Stream<Path> files = Files.list(set)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList()) {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.truncate(channel.size() / CUTS);
                }
            }
        }
    }
}
