package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.LockFile;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
    private static final long LARGEST_FILE = 1L << 30;

    private final Path file;
    private final LockFile lock;
    private final FileChannel channel;
    /** The last record of each graph, by slug; of lines that could have no graph, by number. */
    private final Map<String, ObjectNode> records = new LinkedHashMap<>();

    private BatchRecords(Path file, LockFile lock, FileChannel channel) {
        this.file = file;
        this.lock = lock;
        this.channel = channel;
    }

    static BatchRecords open(Path directory) {
        Path file = directory.resolve(FILE);
        LockFile lock = null;
        try {
            Files.createDirectories(directory);
            lock = LockFile.tryAcquire(directory.resolve("." + FILE + ".lock"))
                    .orElseThrow(() -> new HeadwaterException(
                            "Another batch is writing into " + directory + "; wait for it, or name another directory"));
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                BatchRecords records = new BatchRecords(file, lock, channel);
                records.read();
                lock = null;
                return records;
            } catch (RuntimeException | IOException | Error e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        } finally {
            if (lock != null) {
                lock.close();
            }
        }
    }

    private void read() throws IOException {
        if (channel.size() > LARGEST_FILE) {
            throw new HeadwaterException(file + " has " + Text.bytes(channel.size())
                    + ", far more than the records of a batch; move it away");
        }
        // Not closed: that would close the channel.
        var reader =
                new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            try {
                if (BoundedJson.mapper().readTree(line) instanceof ObjectNode record) {
                    put(record);
                }
            } catch (JsonProcessingException e) {
                // Cut off when the batch was killed: the line is done again.
            }
        }
        long size = channel.size();
        ByteBuffer last = ByteBuffer.allocate(1);
        if (size > 0 && channel.read(last, size - 1) == 1 && last.get(0) != '\n') {
            write(size, "\n");
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
        StringBuilder text = new StringBuilder();
        for (ObjectNode record : several) {
            put(record);
            text.append(record).append('\n');
        }
        try {
            write(channel.size(), text.toString());
            channel.force(false);
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    private void write(long at, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
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
        try {
            channel.close();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        } finally {
            lock.close();
        }
    }
}
