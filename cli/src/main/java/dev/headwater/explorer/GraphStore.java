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
import dev.headwater.engine.files.Temporary;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The graph files of one directory, {@code <name>.json} each, and nothing else on the disk: a name is checked by
 * {@link GraphName}, and only regular files right in the directory are read or replaced, links never.
 *
 * <p>A file's version is a hash of its bytes. Changes are written beside the file and renamed over it, so that a
 * reader, a crash or a kill sees the old bytes or the new ones.
 */
final class GraphStore {

    private static final int CONCURRENT_UPLOADS = 4;

    private final Path directory;
    private final Optional<String> only;
    private final long maxBytes;
    private final List<ReentrantLock> locks =
            IntStream.range(0, 64).mapToObj(i -> new ReentrantLock()).toList();
    private final ConcurrentHashMap<String, GraphHead> summaries = new ConcurrentHashMap<>();
    private final Semaphore uploads = new Semaphore(CONCURRENT_UPLOADS);
    private final GraphCache cache = new GraphCache();

    private GraphStore(Path directory, Optional<String> only, long maxBytes) {
        this.directory = directory;
        this.only = only;
        this.maxBytes = maxBytes;
    }

    /**
     * @param place    a directory of graph files, made if it isn't there, or one graph file, which is then all there is
     * @param maxBytes the largest file to read or accept
     */
    static GraphStore open(Path place, long maxBytes) {
        try {
            if (Files.isRegularFile(place)) {
                String file = place.toRealPath().getFileName().toString();
                if (!file.endsWith(".json") || !GraphName.isValid(stem(file))) {
                    throw new HeadwaterException(
                            place
                                    + " is not a graph file that can be served: its name must end in .json and hold only letters, digits, _ - and points.");
                }
                return new GraphStore(place.toRealPath().getParent(), Optional.of(stem(file)), maxBytes);
            }
            Files.createDirectories(place);
            GraphStore store = new GraphStore(place.toRealPath(), Optional.empty(), maxBytes);
            Temporary.sweep(store.directory);
            return store;
        } catch (IOException e) {
            throw new HeadwaterException("The graph directory " + place + " can't be opened: " + reason(e) + ".", e);
        }
    }

    /** What is there, the latest first. */
    List<GraphHead> list() {
        try (Stream<Path> files = Files.list(directory)) {
            List<GraphHead> found = files.map(this::summary)
                    .flatMap(Optional::stream)
                    .sorted(Comparator.comparing(GraphHead::modified).reversed().thenComparing(GraphHead::name))
                    .toList();
            summaries.keySet().retainAll(found.stream().map(GraphHead::name).toList());
            return found;
        } catch (IOException e) {
            throw new Refusal(500, "The graph directory can't be read: " + reason(e) + ".");
        }
    }

    private Optional<GraphHead> summary(Path file) {
        String fileName = file.getFileName().toString();
        String name = stem(fileName);
        if (!fileName.endsWith(".json") || !allowed(name)) {
            return Optional.empty();
        }
        try {
            BasicFileAttributes now = unbounded(file);
            return Optional.of(summaries.compute(
                    name,
                    (key, known) ->
                            known != null && known.describes(now) ? known : GraphHead.read(name, file, now, maxBytes)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The file's bytes and version; a {@link Refusal} with 404 if there is none of that name. */
    GraphCache.Content read(String name) {
        Path file = file(name);
        ReentrantLock lock = lock(name);
        lock.lock();
        try {
            return cache.get(
                    name,
                    attributes(file),
                    () -> Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be read: " + reason(e) + ".");
        } finally {
            lock.unlock();
        }
    }

    /** The graph without its links. */
    GraphDocument nodes(String name) {
        Path file = file(name);
        try {
            attributes(file);
            InputStream in = Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
            return checked(() -> GraphDocument.readNodes(in, "The graph " + name));
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be read: " + reason(e) + ".");
        }
    }

    /**
     * Sets the given members of the file's {@code qParams}; everything else in the file keeps its bytes.
     *
     * @param expected the version that the change is based on, or {@code *} for any
     * @return the new version
     */
    String annotate(String name, String expected, ObjectNode changes) {
        Path file = file(name);
        ReentrantLock lock = lock(name);
        lock.lock();
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            attributes(file);
            MessageDigest digest = Sha256.digest();
            Annotations annotations;
            try (InputStream in = Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
                annotations = checked(() -> Annotations.find(in, digest));
            }
            String version = version(digest);
            if (!expected.equals("*") && !expected.equals(version)) {
                throw new StaleVersion(name, version, annotations.qParams());
            }
            MessageDigest written = Sha256.digest();
            replace(
                    file,
                    out -> annotations.rewrite(file, changes, new java.security.DigestOutputStream(out, written)));
            return version(written);
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The annotations of " + name + " can't be saved: " + reason(e) + ".");
        } finally {
            lock.unlock();
        }
    }

    /** @param expected as for {@link #annotate} */
    void delete(String name, String expected) {
        Path file = file(name);
        ReentrantLock lock = lock(name);
        lock.lock();
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            if (!expected.equals("*") && !read(name).version().equals(expected)) {
                throw new Refusal(
                        412,
                        "The graph " + name + " has changed since you read it: load it again before you delete it.");
            }
            attributes(file);
            Files.delete(file);
        } catch (NoSuchFileException e) {
            throw absent(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be deleted: " + reason(e) + ".");
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
                    directory,
                    list().stream().map(GraphHead::name).collect(Collectors.toSet()),
                    changed,
                    name -> GraphHead.metadata(file(name)));
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
        Path draft = draft();
        try {
            try (OutputStream out =
                    Files.newOutputStream(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                new LimitedStream(
                                body,
                                maxBytes,
                                () -> new Refusal(
                                        413,
                                        "The graph file is larger than the " + maxBytes + " bytes that are accepted."))
                        .transferTo(out);
            }
            publish(draft, name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be saved: " + reason(e) + ".");
        } finally {
            uploads.release();
            discard(draft);
        }
    }

    /** A path for a file that will be {@link #publish published}; nothing is there yet. */
    Path draft() {
        return Temporary.beside(directory.resolve(GraphIndex.FILE));
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
        try (LockFile _ = LockFile.ofDirectory(directory)) {
            demandFree(name);
            try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(draft, directory.resolve(name + ".json"));
        } catch (FileAlreadyExistsException e) {
            throw taken(name);
        } catch (IOException e) {
            throw new Refusal(500, "The graph " + name + " can't be saved: " + reason(e) + ".");
        } finally {
            lock.unlock();
        }
        index(name);
    }

    void discard(Path draft) {
        try {
            Files.deleteIfExists(draft);
        } catch (IOException e) {
            // It is swept away at a later start.
        }
    }

    /** A 409 if there is such a graph already, a 400 if there can't be one. */
    void demandFree(String name) {
        if (only.isPresent()) {
            throw new Refusal(403, "This explorer shows a single file: start it on a directory to add graphs.");
        }
        if (!GraphName.isValid(name)) {
            throw new Refusal(400, "\"" + name + "\" can't name a graph: " + GraphName.RULE + ".");
        }
        if (Files.exists(directory.resolve(name + ".json"), LinkOption.NOFOLLOW_LINKS)) {
            throw taken(name);
        }
    }

    private Refusal taken(String name) {
        return new Refusal(409, "There is a graph " + name + " already: choose another name, or delete it first.");
    }

    private static Refusal absent(String name) {
        return new Refusal(404, "There is no graph " + name + " here.");
    }

    /** The one place where a name becomes a path. */
    private Path file(String name) {
        if (!allowed(name)) {
            throw new Refusal(404, "There is no graph of that name here.");
        }
        return directory.resolve(name + ".json");
    }

    private boolean allowed(String name) {
        return GraphName.isValid(name) && only.map(name::equals).orElse(true);
    }

    /** Attributes of a regular file that is no link and lies in the directory itself. */
    private BasicFileAttributes unbounded(Path file) throws IOException {
        BasicFileAttributes attributes =
                Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!attributes.isRegularFile() || !file.toRealPath().getParent().equals(directory)) {
            throw new NoSuchFileException(file.toString());
        }
        return attributes;
    }

    private BasicFileAttributes attributes(Path file) throws IOException {
        BasicFileAttributes attributes = unbounded(file);
        if (attributes.size() > maxBytes) {
            throw new Refusal(
                    413,
                    "The graph " + stem(file.getFileName().toString()) + " has " + attributes.size()
                            + " bytes, more than the " + maxBytes + " that are served.");
        }
        return attributes;
    }

    private void replace(Path file, Writer content) throws IOException {
        Path draft = draft();
        try {
            try (FileChannel channel =
                            FileChannel.open(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                    OutputStream out = new java.io.BufferedOutputStream(
                            java.nio.channels.Channels.newOutputStream(channel), 1 << 16)) {
                content.write(out);
                out.flush();
                channel.force(true);
            }
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            discard(draft);
        }
    }

    private interface Writer {
        void write(OutputStream out) throws IOException;
    }

    private ReentrantLock lock(String name) {
        return locks.get(Math.floorMod(name.hashCode(), locks.size()));
    }

    private static String stem(String file) {
        return file.endsWith(".json") ? file.substring(0, file.length() - 5) : file;
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

    private static String reason(IOException e) {
        return switch (e) {
            case java.nio.file.AccessDeniedException denied -> "no permission";
            case java.nio.file.FileSystemException fs when fs.getReason() != null -> fs.getReason();
            default ->
                e.getClass().getSimpleName()
                        + (e.getMessage() == null
                                ? ""
                                : " (" + Path.of(e.getMessage()).getFileName() + ")");
        };
    }
}
