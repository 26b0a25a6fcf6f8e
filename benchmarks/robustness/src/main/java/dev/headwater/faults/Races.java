package dev.headwater.faults;

import dev.headwater.engine.document.GraphIndex;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Many processes that write into one directory at once. */
final class Races {
    private final Trial trial;
    private final int processes;

    Races(Trial trial, int processes) {
        this.trial = trial;
        this.processes = processes;
    }

    List<Row> rows() throws IOException, InterruptedException {
        return List.of(race("processes of one directory", false), race("processes of one directory and name", true));
    }

    private Row race(String name, boolean sameName) throws IOException, InterruptedException {
        Path folder = trial.folder("race");
        List<Trial.Started> started = new ArrayList<>();
        for (int i = 0; i < processes; i++) {
            List<String> arguments = new ArrayList<>(List.of(
                    "attribute", "a b " + "c".repeat(i), "--max-features", "5", "--out", folder.toString(), "--quiet"));
            if (!sameName) {
                arguments.addAll(List.of("--slug", "s" + i));
            }
            started.add(trial.start(java.util.Map.of(), arguments));
        }
        String note = "";
        for (Trial.Started run : started) {
            if (run.end() != 0 && note.isEmpty()) {
                note = run.output().strip();
            }
        }
        Set<String> indexed = GraphIndex.slugs(folder);
        long files = Trial.files(folder).keySet().stream()
                .filter(file -> file.endsWith(".json") && !file.equals("graph-metadata.json"))
                .count();
        long survived = Math.min(indexed.size(), files);
        return new Row(
                processes + " " + name,
                processes,
                survived,
                note.isEmpty() && survived < processes ? indexed.size() + " in the index, " + files + " files" : note);
    }
}
