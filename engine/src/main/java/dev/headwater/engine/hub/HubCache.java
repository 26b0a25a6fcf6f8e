package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * The Hugging Face cache on disk, shared with Python: {@code models--org--name} with {@code blobs/} (contents, named by
 * etag), {@code snapshots/<commit>/} (the repository's tree, of relative links into the blobs) and {@code refs/}
 * (revision to commit).
 *
 * @param root the cache directory
 */
public record HubCache(Path root) {
    private static final Map<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();

    /**
     * A repository of which the cache holds something.
     *
     * @param repository {@code org/name}
     * @param directory  where
     * @param bytes      what its contents take on disk, unfinished downloads included
     * @param revisions  names (branches, tags) and otherwise unnamed commits that are here
     */
    public record Entry(String repository, Path directory, long bytes, List<String> revisions) {}

    /** All repositories in the cache, by name. */
    public List<Entry> entries() {
        if (!Files.isDirectory(root)) {
            return List.of();
        }
        try (Stream<Path> directories = Files.list(root)) {
            return directories
                    .filter(directory ->
                            directory.getFileName().toString().startsWith("models--") && Files.isDirectory(directory))
                    .sorted()
                    .map(HubCache::entry)
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw failure("read", root, e);
        }
    }

    /**
     * Files whose content is not what their name, its hash, says: damaged on the disk, or written over. All of them are
     * read whole.
     */
    public List<Path> damaged() {
        List<Path> damaged = new ArrayList<>();
        try {
            for (Entry entry : entries()) {
                for (Path blob : children(entry.directory().resolve("blobs"), 1)) {
                    String name = blob.getFileName().toString();
                    if (Files.isRegularFile(blob) && isHash(name) && !name.equals(hash(blob, name.length() == 64))) {
                        damaged.add(blob);
                    }
                }
            }
        } catch (IOException e) {
            throw failure("read", root, e);
        }
        return damaged;
    }

    private static boolean isHash(String name) {
        return name.matches("[0-9a-f]{40}|[0-9a-f]{64}");
    }

    /** SHA-256 for large files; for small ones the SHA-1 by which git names them. */
    private static String hash(Path blob, boolean large) throws IOException {
        if (large) {
            return Sha256.of(blob);
        }
        try (InputStream in = Files.newInputStream(blob)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + Files.size(blob) + "\0").getBytes(StandardCharsets.US_ASCII));
            in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
            return Sha256.hex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-1", e);
        }
    }

    private static Entry entry(Path directory) {
        String repository = directory
                .getFileName()
                .toString()
                .substring("models--".length())
                .replace("--", "/");
        try {
            Set<String> unnamed = new TreeSet<>();
            for (Path commit : children(directory.resolve("snapshots"), 1)) {
                unnamed.add(commit.getFileName().toString());
            }
            Set<String> here = Set.copyOf(unnamed);
            List<String> revisions = new ArrayList<>();
            Path refs = directory.resolve("refs");
            for (Path name : children(refs, 10)) {
                String commit =
                        Files.isRegularFile(name) ? Files.readString(name).strip() : "";
                if (here.contains(commit)) {
                    revisions.add(refs.relativize(name).toString());
                    unnamed.remove(commit);
                }
            }
            revisions.addAll(unnamed);
            try (Stream<Path> tree = Files.walk(directory)) {
                long bytes = tree.filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS))
                        .mapToLong(path -> path.toFile().length())
                        .sum();
                return new Entry(repository, directory, bytes, List.copyOf(revisions));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> children(Path directory, int depth) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> tree = Files.walk(directory, depth)) {
            return tree.filter(path -> !path.equals(directory)).sorted().toList();
        }
    }

    /** Where a repository is or would be. */
    Path directory(String repository) {
        return root.resolve("models--" + repository.replace("/", "--"));
    }

    /** A commit's tree. */
    Path snapshot(String repository, String commit) {
        return directory(repository).resolve("snapshots").resolve(commit);
    }

    Path blob(String repository, String etag) {
        return directory(repository).resolve("blobs").resolve(etag);
    }

    /** The commit that a revision named when it was last looked up. */
    Optional<String> commit(String repository, String revision) {
        if (Reference.Remote.isCommit(revision)) {
            return Optional.of(revision);
        }
        try {
            return Optional.of(Files.readString(
                                    directory(repository).resolve("refs").resolve(revision))
                            .strip())
                    .filter(Reference.Remote::isCommit);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    void remember(String repository, String revision, String commit) {
        if (Reference.Remote.isCommit(revision)
                || commit(repository, revision).filter(commit::equals).isPresent()) {
            return;
        }
        Path ref = directory(repository).resolve("refs").resolve(revision);
        try {
            Files.createDirectories(ref.getParent());
            Path temporary = Files.writeString(beside(ref), commit);
            Files.move(temporary, ref, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failure("write", ref, e);
        }
    }

    /** Whether a commit's file is here, with this size (-1 for any). */
    boolean has(String repository, String commit, String path, long size) {
        try {
            long found = Files.size(snapshot(repository, commit).resolve(path));
            return size < 0 || found == size;
        } catch (IOException e) {
            return false;
        }
    }

    /** Makes a commit's file of a blob that is here: a relative link, or the blob itself where there are no links. */
    void link(String repository, String commit, String path, String etag) {
        Path link = snapshot(repository, commit).resolve(path);
        Path blob = blob(repository, etag);
        try {
            Files.createDirectories(link.getParent());
            Path temporary = beside(link);
            try {
                Files.createSymbolicLink(temporary, link.resolveSibling("").relativize(blob));
            } catch (UnsupportedOperationException | IOException e) {
                Files.copy(blob, temporary);
            }
            Files.move(temporary, link, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failure("write", link, e);
        }
    }

    /** Keeps other threads and processes from writing the same blob until it is closed. */
    Lock lock(String repository, String etag) {
        Path file = root.resolve(".locks")
                .resolve("models--" + repository.replace("/", "--"))
                .resolve(etag + ".lock");
        ReentrantLock inProcess = LOCKS.computeIfAbsent(file, _ -> new ReentrantLock());
        inProcess.lock();
        try {
            Files.createDirectories(file.getParent());
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            return new Lock(inProcess, channel, channel.lock());
        } catch (IOException e) {
            inProcess.unlock();
            throw failure("lock", file, e);
        }
    }

    record Lock(ReentrantLock inProcess, FileChannel channel, FileLock lock) implements AutoCloseable {
        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                // the process's end frees it
            } finally {
                inProcess.unlock();
            }
        }
    }

    /** Bytes that can still be written. */
    long free() {
        try {
            Path existing = root.toAbsolutePath();
            Path parent = existing.getParent();
            while (parent != null && !Files.exists(existing)) {
                existing = parent;
                parent = parent.getParent();
            }
            return Files.getFileStore(existing).getUsableSpace();
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
    }

    private static Path beside(Path file) {
        return file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    }

    static HeadwaterException failure(String verb, Path file, Exception e) {
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        if (message.contains("No space left") || message.contains("Disk quota")) {
            return new HeadwaterException(
                    "The disk is full at " + file + ": free some space, or set HF_HUB_CACHE to a directory with more.",
                    e);
        }
        String reason = e instanceof NoSuchFileException ? "it is not there" : message.replace(file + ": ", "");
        return new HeadwaterException("Cannot " + verb + " " + file + ": " + reason + ".", e);
    }
}
