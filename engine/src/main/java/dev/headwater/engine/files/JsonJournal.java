package dev.headwater.engine.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;

/**
 * A file with a JSON object a line that grows while work is done: objects are appended and at once on the disk, so that work that was
 * killed goes on where it was. One process at a time appends.
 */
public final class JsonJournal implements AutoCloseable {
    private static final long LARGEST = 1L << 30;
    private static final int LONGEST_LINE = 16 << 20;

    private final Path file;
    private final LockFile lock;
    private final FileChannel channel;

    private JsonJournal(Path file, LockFile lock, FileChannel channel) {
        this.file = file;
        this.lock = lock;
        this.channel = channel;
    }

    /**
     * Opens a file to append to, made if missing.
     *
     * @param busy says that another process appends to it
     * @throws HeadwaterException if so, or if the file cannot be written
     */
    public static JsonJournal open(Path file, String busy) {
        LockFile lock = LockFile.tryAcquire(file.resolveSibling("." + file.getFileName() + ".lock"))
                .orElseThrow(() -> new HeadwaterException(busy));
        try {
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            return new JsonJournal(file, lock, channel);
        } catch (IOException e) {
            lock.close();
            throw AtomicFile.failure(file, e);
        }
    }

    /**
     * Reads the objects that are there, in their order; none if the file is missing. What is no object is left out, as a line is that was cut
     * off when its writer was killed.
     *
     * @throws HeadwaterException if the file cannot be read, or is far larger than a journal is
     */
    public static void read(Path file, Consumer<ObjectNode> taker) {
        if (!Files.isRegularFile(file)) {
            return;
        }
        try (BufferedReader in = new BufferedReader(
                new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8), 1 << 16)) {
            if (Files.size(file) > LARGEST) {
                throw new HeadwaterException(
                        file + " has more than 1 GB, far more than such records take; move it away");
            }
            StringBuilder line = new StringBuilder();
            while (next(in, line)) {
                try {
                    if (BoundedJson.mapper().readTree(line.toString()) instanceof ObjectNode object) {
                        taker.accept(object);
                    }
                } catch (JsonProcessingException _) {
                    // cut off, or not ours
                }
            }
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    /** Reads a line, of one that is too long its start, which is no object; false at the end. */
    private static boolean next(Reader in, StringBuilder line) throws IOException {
        line.setLength(0);
        int c = in.read();
        for (; c >= 0 && c != '\n'; c = in.read()) {
            if (line.length() < LONGEST_LINE) {
                line.append((char) c);
            }
        }
        return c >= 0 || !line.isEmpty();
    }

    /** Appends objects; behind a line that was cut off they begin a new one. */
    public void add(List<ObjectNode> objects) {
        StringBuilder lines = new StringBuilder();
        objects.forEach(object -> lines.append(object).append('\n'));
        try {
            long at = channel.size();
            ByteBuffer last = ByteBuffer.allocate(1);
            if (at > 0 && channel.read(last, at - 1) == 1 && last.get(0) != '\n') {
                lines.insert(0, '\n');
            }
            ByteBuffer bytes = ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                at += channel.write(bytes, at);
            }
            channel.force(false);
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    @Override
    public void close() {
        try (lock;
                channel) {
            channel.force(true);
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }
}
