package dev.headwater.engine.files;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One at a time, over threads and processes: who changes what several processes read, change and write holds the lock file
 * beside it meanwhile. The file says who holds it; its time is since when.
 *
 * <p>The system's own lock on the file is what counts, as it ends with the process that has it, on network file systems too. On
 * file systems that have none, a second file that only one can create stands for it ({@code .claim}); one whose owner has ended,
 * or that is older than ten minutes, counts for nothing.
 *
 * <p>A thread that holds the lock gets it again.
 */
public final class LockFile implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration STALE = Duration.ofMinutes(10);
    private static final long LONGEST_PAUSE_MILLIS = 50;
    private static final int MOST_TEXT = 200;
    private static final ConcurrentHashMap<Path, ReentrantLock> HERE = new ConcurrentHashMap<>();

    private final ReentrantLock here;
    private final Hold hold;

    /** What ends the lock. */
    private interface Hold {
        void release() throws IOException;
    }

    private LockFile(ReentrantLock here, Hold hold) {
        this.here = here;
        this.hold = hold;
    }

    /** The lock on a directory's index and on the annotations of its files: {@code .headwater.lock} in it. */
    public static LockFile ofDirectory(Path directory) {
        return acquire(directory.resolve(".headwater.lock"));
    }

    /**
     * Waits for the lock.
     *
     * @throws HeadwaterException if the file cannot be made, or another process holds it for minutes
     */
    public static LockFile acquire(Path file) {
        return acquire(file, PATIENCE, true)
                .orElseThrow(
                        () -> new HeadwaterException("Cannot change %s: %s has the lock %s. Wait for it, or end it."
                                .formatted(file.getParent(), holder(real(file)), file.getFileName())));
    }

    /** The lock if nobody has it now, this thread neither. */
    public static Optional<LockFile> tryAcquire(Path file) {
        ReentrantLock here = HERE.get(real(file));
        return here != null && here.isHeldByCurrentThread() ? Optional.empty() : acquire(file, Duration.ZERO, true);
    }

    /** @param system whether the file system may have locks of its own; otherwise claims alone count */
    static Optional<LockFile> acquire(Path file, Duration patience, boolean system) {
        long deadline = System.nanoTime() + patience.toNanos();
        try {
            Path real = real(file);
            ReentrantLock here = HERE.computeIfAbsent(real, _ -> new ReentrantLock());
            if (!here.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
                return Optional.empty();
            }
            Hold hold = null;
            try {
                hold = here.getHoldCount() > 1 ? () -> {} : hold(real, deadline, system);
            } finally {
                if (hold == null) {
                    here.unlock();
                }
            }
            return Optional.ofNullable(hold).map(held -> new LockFile(here, held));
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private static Path real(Path file) {
        try {
            return AtomicFile.directory(file).toRealPath().resolve(file.getFileName());
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    /** Null if the lock could not be had before the deadline. */
    private static @Nullable Hold hold(Path file, long deadline, boolean system)
            throws IOException, InterruptedException {
        for (long pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS)) {
            @Nullable Hold hold = system ? ofSystem(file) : claim(file);
            if (hold != null || System.nanoTime() >= deadline) {
                return hold;
            }
            // Not all at the same moment again.
            Thread.sleep(1 + (long) (pause * Math.random()));
        }
    }

    private static @Nullable Hold ofSystem(Path file) throws IOException {
        boolean fresh = !Files.exists(file, LinkOption.NOFOLLOW_LINKS);
        FileChannel channel = FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
        boolean held = false;
        try {
            if (fresh) {
                share(file);
            }
            held = lock(channel, file);
        } catch (IOException unsupported) {
            Files.deleteIfExists(file);
            return claim(file);
        } finally {
            if (!held) {
                channel.close();
            }
        }
        return !held
                ? null
                : () -> {
                    try (channel) {
                        Files.deleteIfExists(file);
                    }
                };
    }

    /**
     * Locks the file that has the name, and not one that its last holder has removed since we opened it. Whoever gets the
     * lock first writes into the file; what we wrote is then read by the name. That ends our lock, as the system ends all
     * locks of a process on a file when the process closes it once, so we take it again: if the file still holds what we
     * wrote, nobody had it in between.
     */
    private static boolean lock(FileChannel channel, Path file) throws IOException {
        byte[] mine = "%s %s\n".formatted(Owner.SELF, UUID.randomUUID()).getBytes(StandardCharsets.US_ASCII);
        try (FileLock lock = lock(channel)) {
            if (lock == null) {
                return false;
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(mine), 0);
            if (!Arrays.equals(mine, bytes(file))) {
                return false;
            }
        } catch (NoSuchFileException e) {
            return false;
        }
        if (lock(channel) == null) {
            return false;
        }
        ByteBuffer now = ByteBuffer.allocate(MOST_TEXT);
        channel.read(now, 0);
        return Arrays.equals(mine, Arrays.copyOf(now.array(), now.position()));
    }

    /** Null if another has it. */
    private static @Nullable FileLock lock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    /** Whoever may write into the directory may lock it. */
    private static void share(Path file) {
        try {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file.getParent());
            permissions.removeAll(Set.of(
                    PosixFilePermission.OWNER_EXECUTE,
                    PosixFilePermission.GROUP_EXECUTE,
                    PosixFilePermission.OTHERS_EXECUTE));
            permissions.add(PosixFilePermission.OWNER_READ);
            permissions.add(PosixFilePermission.OWNER_WRITE);
            Files.setPosixFilePermissions(file, permissions);
        } catch (IOException | UnsupportedOperationException e) {
            // Then it has the permissions that all new files get.
        }
    }

    private static @Nullable Hold claim(Path file) throws IOException {
        Path claim = file.resolveSibling(file.getFileName() + ".claim");
        try {
            Files.createFile(claim);
        } catch (FileAlreadyExistsException e) {
            removeIfStale(claim);
            return null;
        }
        try {
            Files.writeString(claim, Owner.SELF + "\n", StandardOpenOption.WRITE);
        } catch (IOException full) {
            Files.deleteIfExists(claim);
            throw full;
        }
        return () -> Files.deleteIfExists(claim);
    }

    /** Takes the claim away under a name of our own first: of two that find it stale, only one moves that very claim. */
    private static void removeIfStale(Path claim) throws IOException {
        try {
            if (!isStale(claim)) {
                return;
            }
            Path moved = Temporary.beside(claim);
            Files.move(claim, moved);
            if (isStale(moved)) {
                Files.delete(moved);
            } else {
                Files.move(moved, claim);
            }
        } catch (NoSuchFileException | FileAlreadyExistsException e) {
            // Another process was faster.
        }
    }

    private static boolean isStale(Path claim) throws IOException {
        Optional<Owner> owner = owner(claim);
        return owner.isPresent() && owner.get().isGone()
                || Files.getLastModifiedTime(claim)
                        .toInstant()
                        .isBefore(Instant.now().minus(STALE));
    }

    private static Optional<Owner> owner(Path file) throws IOException {
        return Owner.parse(new String(bytes(file), StandardCharsets.US_ASCII).split("\\s", 2)[0]);
    }

    private static byte[] bytes(Path file) throws IOException {
        try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            return in.readNBytes(MOST_TEXT);
        }
    }

    /** Who has it and since when, for a sentence. */
    private static String holder(Path file) {
        Path claim = file.resolveSibling(file.getFileName() + ".claim");
        Path held = Files.exists(claim) ? claim : file;
        // To close a file ends all the locks that this process has on it, so nobody here may have one while we look.
        ReentrantLock here = HERE.computeIfAbsent(file, _ -> new ReentrantLock());
        if (!here.tryLock()) {
            return "another thread";
        }
        try {
            Optional<Owner> owner = owner(held);
            String who = owner.isEmpty()
                    ? "another process"
                    : "process " + owner.get().pid()
                            + (owner.get().machine().equals(Owner.SELF.machine()) ? "" : " of another machine");
            return who + ", since " + Files.getLastModifiedTime(held).toInstant() + ",";
        } catch (IOException e) {
            return "another process";
        } finally {
            here.unlock();
        }
    }

    /** By the thread that took it. */
    @Override
    public void close() {
        try {
            hold.release();
        } catch (IOException e) {
            // The system lets go of it with the process at the latest.
        } finally {
            here.unlock();
        }
    }
}
