package dev.headwater.engine.naming;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.features.LabelFile;
import dev.headwater.engine.features.LabelFile.Label;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.LockFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * {@link LabelFile} while it grows: labels are appended as they are found and at once on the disk, so that a run that was killed goes on
 * where it was. One process at a time writes.
 */
public final class LabelJournal implements AutoCloseable {
    private final Path file;
    private final LockFile lock;
    private final FileChannel channel;
    private final LabelFile before;

    private LabelJournal(Path file, LockFile lock, FileChannel channel, LabelFile before) {
        this.file = file;
        this.lock = lock;
        this.channel = channel;
        this.before = before;
    }

    /**
     * Opens the file, made if missing.
     *
     * @param folder with the evidence
     * @throws HeadwaterException if another process writes it, or it cannot be written
     */
    public static LabelJournal open(Path folder) {
        Path file = folder.resolve(LabelFile.NAME);
        LockFile lock = LockFile.tryAcquire(folder.resolve("." + LabelFile.NAME + ".lock"))
                .orElseThrow(() ->
                        new HeadwaterException("Another process names the features in " + folder + "; wait for it"));
        try {
            LabelFile before = LabelFile.read(folder);
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            LabelJournal journal = new LabelJournal(file, lock, channel, before);
            journal.endLine();
            return journal;
        } catch (IOException e) {
            lock.close();
            throw AtomicFile.failure(file, e);
        } catch (HeadwaterException e) {
            lock.close();
            throw e;
        }
    }

    /** What was cut off when its writer was killed stays a line of its own. */
    private void endLine() throws IOException {
        long size = channel.size();
        ByteBuffer last = ByteBuffer.allocate(1);
        if (size > 0 && channel.read(last, size - 1) == 1 && last.get(0) != '\n') {
            write("\n");
        }
    }

    /** {@return labels that were there when this was opened} */
    LabelFile before() {
        return before;
    }

    /** {@return the file} */
    public Path file() {
        return file;
    }

    void add(List<Label> labels) {
        StringBuilder lines = new StringBuilder();
        labels.forEach(label -> lines.append(label.json()).append('\n'));
        try {
            write(lines.toString());
            channel.force(false);
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    private void write(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        for (long at = channel.size(); bytes.hasRemaining(); ) {
            at += channel.write(bytes, at);
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
