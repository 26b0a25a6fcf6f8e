package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.JsonJournal;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What became of each line of a batch: {@code batch.jsonl} beside the graphs. A record is appended when a line is done and at once
 * on the disk, so that a killed batch goes on where it was; a record cut off in the middle counts as none. At the end the records
 * are brought into the order of the lines, so that the file is the same however often the batch was interrupted. One batch at a
 * time writes into a directory.
 */
final class BatchRecords implements AutoCloseable {
    static final String FILE = "batch.jsonl";

    private final Path file;
    private final JsonJournal journal;
    /** The last record of each graph, by slug; of lines that could have no graph, by number. */
    private final Map<String, ObjectNode> records = new LinkedHashMap<>();

    private BatchRecords(Path file, JsonJournal journal) {
        this.file = file;
        this.journal = journal;
    }

    static BatchRecords open(Path directory) {
        Path file = directory.resolve(FILE);
        AtomicFile.createDirectories(directory, "graphs");
        JsonJournal journal = JsonJournal.open(
                file, "Another batch is writing into " + directory + "; wait for it, or name another directory");
        try {
            BatchRecords records = new BatchRecords(file, journal);
            JsonJournal.read(file, records::put);
            return records;
        } catch (RuntimeException | Error e) {
            journal.close();
            throw e;
        }
    }

    private void put(ObjectNode record) {
        records.put(key(record), record);
    }

    private static String key(ObjectNode record) {
        return record.hasNonNull("slug")
                ? record.get("slug").asText()
                : "line " + record.path("line").asInt();
    }

    /** What the graph was made with, if it was. */
    Optional<ObjectNode> settings(String slug) {
        ObjectNode record = records.get(slug);
        return record != null && !record.has("error") && record.get("settings") instanceof ObjectNode settings
                ? Optional.of(settings)
                : Optional.empty();
    }

    void add(ObjectNode record) {
        add(List.of(record));
    }

    /** Records of lines that were done together. */
    void add(List<ObjectNode> several) {
        several.forEach(this::put);
        journal.add(several);
    }

    /** Leaves one record for each of these lines, in their order, after those of graphs that other batches made here. */
    void arrange(List<BatchLine> lines) {
        List<ObjectNode> ordered = new ArrayList<>();
        for (BatchLine line : lines) {
            ObjectNode record = records.remove(line.isNamed() ? line.slug() : "line " + line.number());
            if (record != null) {
                ordered.add(record.put("line", line.number()));
            }
        }
        records.keySet().removeIf(key -> key.startsWith("line "));
        try (AtomicFile target = AtomicFile.create(file)) {
            var out = new BufferedWriter(Channels.newWriter(target.channel(), StandardCharsets.UTF_8));
            for (ObjectNode record : records.values()) {
                out.write(record + "\n");
            }
            for (ObjectNode record : ordered) {
                out.write(record + "\n");
                put(record);
            }
            out.flush();
            target.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    @Override
    public void close() {
        journal.close();
    }
}
