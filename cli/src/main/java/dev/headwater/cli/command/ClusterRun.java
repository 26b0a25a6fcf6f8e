package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;

/** The lines of one input in one folder, on a cluster. */
final class ClusterRun {
    private final Folder folder;
    private final Path ledger;
    private final Path staging;
    private final BatchRecords records;
    private final BatchSettings settings;
    private final Said said;
    private final Set<String> files;
    private final List<ObjectNode> entries = new ArrayList<>();
    private Progress progress = Progress.NONE;
    private int made;
    private int failed;

    /** Of how many lines what became. */
    record Outcome(int made, int present, int failed) {}

    /** Prints a line. */
    interface Said {
        /** @param fault whether it is one */
        void line(String text, boolean fault);
    }

    /**
     * Takes up what an earlier driver's workers had done.
     *
     * @param ledger  directory of records and index: the folder itself, or copies of both
     * @param staging for temporary files
     */
    ClusterRun(Folder folder, Path ledger, Path staging, BatchRecords records, BatchSettings settings, Said said) {
        this.folder = folder;
        this.ledger = ledger;
        this.staging = staging;
        this.records = records;
        this.settings = settings;
        this.said = said;
        for (String part : folder.names(ClusterWorker.PARTS)) {
            if (part.endsWith(".jsonl")) {
                take(part(ClusterWorker.PARTS + "/" + part));
            }
        }
        enter();
        files = folder.names("");
    }

    private List<JsonNode> part(String name) {
        Path file = staging.resolve("part");
        List<JsonNode> answers = new ArrayList<>();
        if (folder.fetch(name, file)) {
            try {
                for (String line : Files.readAllLines(file)) {
                    answers.add(BoundedJson.mapper().readTree(line));
                }
            } catch (JsonProcessingException e) {
                return List.of(); // not ours
            } catch (IOException e) {
                throw new HeadwaterException("Cannot read " + file + ": " + e.getMessage(), e);
            }
        }
        return answers;
    }

    /** Does what is due, and leaves records and index in the lines' order. */
    Outcome of(List<BatchLine> read, ClusterTasks tasks, Progress watched, Supplier<Cluster> clusters) {
        progress = watched;
        List<BatchLine> lines = BatchLine.named(read, this::isFree);
        Set<String> indexed = GraphIndex.slugs(ledger);
        List<BatchLine> due = lines.stream()
                .filter(line -> line.fault() != null
                        || !indexed.contains(line.slug())
                        || !files.contains(line.slug() + ".json")
                        || !settings.isDone(line, records))
                .toList();
        progress.phase("graphs", due.size());
        Set<Integer> wanted = new HashSet<>();
        for (BatchLine line : due) {
            if (line.fault() == null) {
                wanted.add(line.number());
            } else {
                failed(BatchOutput.record(line, null).put("error", line.fault()));
            }
        }
        if (!wanted.isEmpty()) {
            List<BatchLine> sound =
                    lines.stream().filter(line -> line.fault() == null).toList();
            try (Cluster cluster = clusters.get()) {
                make(sound, wanted, tasks, cluster);
            }
        }
        enter();
        records.arrange(lines);
        GraphIndex.arrange(
                ledger,
                lines.stream().filter(BatchLine::isNamed).map(BatchLine::slug).toList());
        return new Outcome(made, lines.size() - due.size(), failed);
    }

    private boolean isFree(String slug, BatchLine line) {
        if (!files.contains(slug + ".json")) {
            return true;
        }
        Path file = GraphName.file(ledger, slug);
        if (folder.local().isEmpty() && records.settings(slug).isEmpty()) {
            folder.fetch(slug + ".json", file);
        }
        return settings.isOf(line, slug, file, records);
    }

    private void make(List<BatchLine> lines, Set<Integer> wanted, ClusterTasks tasks, Cluster cluster) {
        String marker = ClusterWorker.PARTS + "/" + UUID.randomUUID();
        try {
            folder.put(Files.writeString(staging.resolve("marker"), ""), marker);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot write into " + staging + ": " + e.getMessage(), e);
        }
        try {
            Map<Integer, Integer> lengths = new HashMap<>();
            cluster.run(
                    "lengths of %s prompts".formatted(Text.count(lines.size())), tasks.lengths(lines, marker), text -> {
                        for (JsonNode answer : answers(text)) {
                            if (answer.has("tokens")) {
                                lengths.put(
                                        answer.path("line").asInt(),
                                        answer.path("tokens").asInt());
                            } else if (wanted.remove(answer.path("line").asInt())) {
                                failed((ObjectNode) answer.get("record"));
                            }
                        }
                    });
            cluster.run(
                    "graphs of %s prompts".formatted(Text.count(wanted.size())),
                    tasks.graphs(lines, lengths, wanted, marker),
                    text -> made(answers(text)));
        } finally {
            folder.delete(folder.names(ClusterWorker.PARTS).size() > 1 ? marker : ClusterWorker.PARTS);
        }
    }

    private JsonNode answers(String text) {
        if (progress.cancelled()) {
            throw new CancellationException("the batch was cancelled");
        }
        try {
            JsonNode answer = BoundedJson.mapper().readTree(text);
            if (answer.has("fatal")) {
                throw new HeadwaterException(answer.get("fatal").asText());
            }
            return answer.path("answers");
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("no answer", e);
        }
    }

    private void made(JsonNode answers) {
        take(answers);
        for (JsonNode answer : answers) {
            ObjectNode record = (ObjectNode) answer.get("record");
            if (record.has("error")) {
                failed++;
                say(record);
            } else {
                made++;
                said.line(BatchWriter.said(record, answer.path("seconds").asDouble()), false);
            }
            progress.advance(made + failed);
        }
    }

    private void take(Iterable<JsonNode> answers) {
        List<ObjectNode> several = new ArrayList<>();
        for (JsonNode answer : answers) {
            if (answer.get("record") instanceof ObjectNode record) {
                several.add(record);
            }
            if (answer.get("metadata") instanceof ObjectNode metadata) {
                entries.add(metadata);
            }
        }
        records.add(several);
    }

    private void failed(ObjectNode record) {
        failed++;
        records.add(record);
        say(record);
        progress.advance(made + failed);
    }

    private void say(ObjectNode record) {
        said.line(
                "line " + record.path("line").asInt() + ": "
                        + Text.visible(record.path("error").asText()),
                true);
    }

    /** Into the index, all at once: it is written whole each time. */
    private void enter() {
        if (!entries.isEmpty()) {
            GraphIndex.put(ledger, entries);
            entries.clear();
        }
    }
}
