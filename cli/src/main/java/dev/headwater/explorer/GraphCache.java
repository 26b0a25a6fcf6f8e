package dev.headwater.explorer;

import dev.headwater.engine.files.Sha256;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.LinkedHashMap;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * Graph files as they go over the wire, compressed once and shared by all readers; the least recently used make room.
 */
final class GraphCache {
    private static final long CAPACITY = 64L << 20;

    /** @param gzip the file's bytes, compressed; shared, never changed */
    record Content(String version, byte[] gzip, long bytes) {
        InputStream compressed() {
            return new ByteArrayInputStream(gzip);
        }

        InputStream plain() {
            try {
                return new GZIPInputStream(compressed(), 1 << 16);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    interface Source {
        InputStream open() throws IOException;
    }

    private record Entry(Object key, long modified, long size, Content content) {
        boolean describes(BasicFileAttributes now) {
            return size == now.size()
                    && modified == now.lastModifiedTime().toMillis()
                    && java.util.Objects.equals(key, now.fileKey());
        }
    }

    private final LinkedHashMap<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
    private long held;

    /** The caller sees to it that no two threads ask for the same name at once. */
    Content get(String name, BasicFileAttributes now, Source source) throws IOException {
        synchronized (entries) {
            Entry known = entries.get(name);
            if (known != null && known.describes(now)) {
                return known.content();
            }
        }
        Content content = load(source);
        synchronized (entries) {
            Entry before = entries.put(
                    name, new Entry(now.fileKey(), now.lastModifiedTime().toMillis(), now.size(), content));
            held += content.gzip().length
                    - (before == null ? 0 : before.content().gzip().length);
            var oldest = entries.entrySet().iterator();
            while (held > CAPACITY && entries.size() > 1) {
                held -= oldest.next().getValue().content().gzip().length;
                oldest.remove();
            }
        }
        return content;
    }

    /** Compresses least: somebody waits for the graph, and a local reader has no use for a smaller one. */
    private static final class FastGzip extends GZIPOutputStream {
        FastGzip(OutputStream out) throws IOException {
            super(out, 1 << 16);
            def.setLevel(Deflater.BEST_SPEED);
        }
    }

    private static Content load(Source source) throws IOException {
        MessageDigest digest = Sha256.digest();
        var bytes = new ByteArrayOutputStream(1 << 16);
        long size;
        try (InputStream in = new DigestInputStream(source.open(), digest);
                var gzip = new FastGzip(bytes)) {
            size = in.transferTo(gzip);
        }
        return new Content(GraphStore.version(digest), bytes.toByteArray(), size);
    }
}
