package dev.headwater.engine.hub;

import dev.headwater.engine.files.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.BitSet;
import java.util.HexFormat;

/**
 * A file that arrives in chunks, in any order, and goes on after an interruption: a journal beside it lists the chunks
 * that are whole. (Python's own {@code .incomplete} files are only ever written from front to back, so this one has
 * another name.)
 */
final class PartialFile implements AutoCloseable {
    private final Path file;
    private final Path journalFile;
    private final long size;
    private final long chunk;
    private final BitSet done = new BitSet();
    private int next;
    private final FileChannel data;
    private final FileChannel journal;

    private PartialFile(Path file, Path journalFile, long size, long chunk) throws IOException {
        this.file = file;
        this.journalFile = journalFile;
        this.size = size;
        this.chunk = chunk;
        Files.createDirectories(file.getParent());
        String header = size + " " + chunk;
        if (Files.exists(file) && Files.exists(journalFile)) {
            String[] lines =
                    Files.readString(journalFile, StandardCharsets.ISO_8859_1).split("\n", -1);
            // A last line without its end was being written when the process died.
            for (int i = 1; lines[0].equals(header) && i < lines.length - 1; i++) {
                if (lines[i].matches("\\d{1,9}") && Integer.parseInt(lines[i]) < chunks()) {
                    done.set(Integer.parseInt(lines[i]));
                }
            }
        }
        data = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        journal = FileChannel.open(
                journalFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
        append(header);
        for (int i : done.stream().toArray()) {
            append(Integer.toString(i));
        }
    }

    /** Opens what is there of a download of this size, or an empty one. {@code blob} is what it is going to be. */
    static PartialFile open(Path blob, long size, long chunk) throws IOException {
        return new PartialFile(
                incomplete(blob), blob.resolveSibling(blob.getFileName() + ".headwater.parts"), size, chunk);
    }

    /** About how much of a download is on disk. */
    static long arrived(Path blob) {
        return incomplete(blob).toFile().length();
    }

    private static Path incomplete(Path blob) {
        return blob.resolveSibling(blob.getFileName() + ".headwater.incomplete");
    }

    private int chunks() {
        return Math.toIntExact((size + chunk - 1) / chunk);
    }

    Path file() {
        return file;
    }

    /** A chunk that is still to come and that no other call has got, the first one; -1 if there is none. */
    synchronized int take() {
        int chunk = done.nextClearBit(next);
        next = chunk + 1;
        return chunk < chunks() ? chunk : -1;
    }

    long from(int chunk) {
        return chunk * this.chunk;
    }

    long to(int chunk) {
        return Math.min(size, from(chunk) + this.chunk);
    }

    /** Bytes of the chunks that are whole. */
    synchronized long arrived() {
        return done.stream().mapToLong(i -> to(i) - from(i)).sum();
    }

    void write(byte[] bytes, int length, long at) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes, 0, length);
        while (buffer.hasRemaining()) {
            at += data.write(buffer, at);
        }
    }

    synchronized void finish(int chunk) throws IOException {
        done.set(chunk);
        append(Integer.toString(chunk));
    }

    private void append(String line) throws IOException {
        journal.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.ISO_8859_1)));
    }

    /**
     * Whether the content is the one with this name: its sha256, or its git blob id; any other name can't be checked.
     */
    boolean matches(String etag) throws IOException {
        if (data.size() != size) {
            return false;
        }
        if (etag.matches("[0-9a-f]{64}")) {
            return Sha256.of(file).equals(etag);
        }
        return !etag.matches("[0-9a-f]{40}") || blobId().equals(etag);
    }

    /** The name that git gives the content. */
    private String blobId() throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + size + "\0").getBytes(StandardCharsets.ISO_8859_1));
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                in.transferTo(OutputStream.nullOutputStream());
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-1", e);
        }
    }

    /** Brings the whole file to its place. */
    void moveTo(Path blob) throws IOException {
        data.force(true);
        close();
        Files.move(file, blob, StandardCopyOption.ATOMIC_MOVE);
        Files.deleteIfExists(journalFile);
    }

    /** Forgets what has arrived. */
    void discard() throws IOException {
        close();
        Files.deleteIfExists(journalFile);
        Files.deleteIfExists(file);
    }

    @Override
    public void close() throws IOException {
        data.close();
        journal.close();
    }
}
