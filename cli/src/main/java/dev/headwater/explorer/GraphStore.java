package dev.headwater.explorer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.Annotations;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphHead;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.document.GraphSchema;
import dev.headwater.engine.files.LimitedStream;
import dev.headwater.engine.files.LockFile;
import dev.headwater.engine.files.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The graphs of an explorer: listed, read, annotated, added and deleted by several threads, and beside other processes.
 *
 * <p>A file's version is a hash of its bytes. Changes are written beside the file and renamed over it, so that a
 * reader, a crash or a kill sees the old bytes or the new ones.
 */
final class GraphStore {
    private static final int CONCURRENT_UPLOADS = 4;

    private final GraphFolder folder;
    private final List<ReentrantLock> locks =
            IntStream.range(0, 64).mapToObj(i -> new ReentrantLock()).toList();
    private final ConcurrentHashMap<String, GraphHead> summaries = new ConcurrentHashMap<>();
    private final Semaphore uploads = new Semaphore(CONCURRENT_UPLOADS);
    private final GraphCache cache = new GraphCache();

    private GraphStore(GraphFolder folder) {
        this.folder = folder;
    }

    /**
     * @param place    a directory of graph files, made if it isn't there, or one graph file, which is then all there is
     * @param maxBytes the largest file to read or accept
     */
    static GraphStore open(Path place, long maxBytes) {
        return new GraphStore(GraphFolder.open(place, maxBytes));
    }

    /** What is there, the latest first. */
    List<GraphHead> list() {
        try (Stream<Path> files = Files.list(folder.directory())) {
            List<GraphHead> found = files.map(this::summary)
                    .flatMap(Optional::stream)
                    .sorted(Comparator.comparingLong(GraphHead::modified)
                            .reversed()
                            .thenComparing(GraphHead::name))
                    .toList();
            summaries.keySet().retainAll(found.stream().map(GraphHead::name).toList());
            return found;
        } catch (IOException e) {
            throw new Refusal(500, "The graph directory can't be read: " + GraphFolder.reason(e) + ".");
        }
    }

    private Optional<GraphHead> summary(Path file) {
        String fileName = file.getFileName().toString();
        String name = GraphFolder.stem(fileName);
        if (!fileName.endsWith(".json") || !folder.allowed(name)) {
            return Optional.empty();
        }
        try {
            BasicFileAttributes now = folder.unbounded(file);
            return Optional.of(summaries.compute(
                    name,
                    (key, known) -> known != null && known.describes(now)
                            ? known
                            : GraphHead.read(name, file, now, folder.maxBytes())));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The file's bytes and version; a {@link Refusal} with 404 if there is none of that name. */
    GraphCache.Content read(String name) {
        Path file = folder.file(name);
        ReentrantLock lock = lock(name);
        lock.lock();
        try {
            return cache.get(name, folder.attributes(file), () -> folder.bytes(file));
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be read: " + GraphFolder.reason(e) + ".");
        } finally {
            lock.unlock();
        }
    }

    /** The graph without its links. */
    GraphDocument nodes(String name) {
        return document(name, GraphDocument::readNodes);
    }

    /** The graph without its links, or with them. */
    GraphDocument document(String name, BiFunction<InputStream, String, GraphDocument> reader) {
        Path file = folder.file(name);
        try {
            InputStream in = folder.bytes(file);
            return checked(() -> reader.apply(in, "The graph " + name));
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be read: " + GraphFolder.reason(e) + ".");
        }
    }

    /**
     * Sets the given members of the file's {@code qParams}; everything else in the file keeps its bytes.
     *
     * @param expected the version that the change is based on, or {@code *} for any
     * @return the new version
     */
    String annotate(String name, String expected, ObjectNode changes) {
        Path file = folder.file(name);
        ReentrantLock lock = lock(name);
        lock.lock();
        try (LockFile _ = LockFile.ofDirectory(folder.directory())) {
            MessageDigest digest = Sha256.digest();
            Annotations annotations;
            try (InputStream in = folder.bytes(file)) {
                annotations = checked(() -> Annotations.find(in, digest));
            }
            String version = version(digest);
            if (!expected.equals("*") && !expected.equals(version)) {
                throw new StaleVersion(name, version, annotations.qParams());
            }
            MessageDigest written = Sha256.digest();
            folder.replace(file, out -> annotations.rewrite(file, changes, new DigestOutputStream(out, written)));
            return version(written);
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The annotations of " + name + " can't be saved: " + GraphFolder.reason(e) + ".");
        } finally {
            lock.unlock();
        }
    }

    /** @param expected as for {@link #annotate} */
    void delete(String name, String expected) {
        Path file = folder.file(name);
        ReentrantLock lock = lock(name);
        lock.lock();
        try (LockFile _ = LockFile.ofDirectory(folder.directory())) {
            if (!expected.equals("*") && !read(name).version().equals(expected)) {
                throw new Refusal(
                        412,
                        "The graph " + name + " has changed since you read it: load it again before you delete it.");
            }
            folder.attributes(file);
            Files.delete(file);
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be deleted: " + GraphFolder.reason(e) + ".");
        } finally {
            lock.unlock();
        }
        index(name);
    }

    /**
     * Keeps the directory's own list in step, which other front ends read. One that can't be understood is left as it
     * is.
     */
    private void index(String changed) {
        try {
            GraphIndex.reconcile(
                    folder.directory(),
                    list().stream().map(GraphHead::name).collect(Collectors.toSet()),
                    changed,
                    name -> GraphHead.metadata(folder.file(name)));
        } catch (HeadwaterException | Refusal | UncheckedIOException e) {
            // The explorer's list comes from the files themselves.
        }
    }

    /** Takes a new graph file in, once {@link GraphSchema} finds nothing wrong with it. */
    void add(String name, InputStream body) {
        demandFree(name);
        if (!uploads.tryAcquire()) {
            throw new Refusal(503, "Too many uploads at once: try again in a moment.");
        }
        Path draft = folder.draft();
        try {
            try (OutputStream out =
                    Files.newOutputStream(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                new LimitedStream(
                                body,
                                folder.maxBytes(),
                                () -> new Refusal(
                                        413,
                                        "The graph file is larger than the " + folder.maxBytes()
                                                + " bytes that are accepted."))
                        .transferTo(out);
            }
            publish(draft, name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be saved: " + GraphFolder.reason(e) + ".");
        } finally {
            uploads.release();
            folder.discard(draft);
        }
    }

    /** Checks a finished draft and gives it its name. */
    void publish(Path draft, String name) {
        GraphSchema.Verdict verdict = checked(() -> GraphSchema.check(draft, "The file", GraphSchema.Reader.EXPLORER));
        if (!verdict.isValid()) {
            throw new Refusal(
                    422,
                    "This is not an attribution graph that can be shown: "
                            + verdict.problems().getFirst() + ".");
        }
        ReentrantLock lock = lock(name);
        lock.lock();
        try (LockFile _ = LockFile.ofDirectory(folder.directory())) {
            demandFree(name);
            try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(draft, folder.file(name));
        } catch (FileAlreadyExistsException e) {
            throw taken(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be saved: " + GraphFolder.reason(e) + ".");
        } finally {
            lock.unlock();
        }
        index(name);
    }

    /** A 409 if there is such a graph already, a 400 if there can't be one. */
    void demandFree(String name) {
        if (folder.only().isPresent()) {
            throw new Refusal(403, "This explorer shows a single file: start it on a directory to add graphs.");
        }
        if (!GraphName.isValid(name)) {
            throw new Refusal(400, "\"" + name + "\" can't name a graph: " + GraphName.RULE + ".");
        }
        if (folder.isTaken(name)) {
            throw taken(name);
        }
    }

    /** A path for a file that will be {@link #publish published}; nothing is there yet. */
    Path draft() {
        return folder.draft();
    }

    /** Deletes a draft, if it is still there. */
    void discard(Path draft) {
        folder.discard(draft);
    }

    private static Refusal absent(String name) {
        return new Refusal(404, "There is no graph " + name + " here.");
    }

    private Refusal taken(String name) {
        return new Refusal(409, "There is a graph " + name + " already: choose another name, or delete it first.");
    }

    private ReentrantLock lock(String name) {
        return locks.get(Math.floorMod(name.hashCode(), locks.size()));
    }

    static String version(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    /** What is wrong with a file is told with 422. */
    private static <T> T checked(Supplier<T> reader) {
        try {
            return reader.get();
        } catch (HeadwaterException e) {
            throw new Refusal(422, e.getMessage());
        }
    }
}
