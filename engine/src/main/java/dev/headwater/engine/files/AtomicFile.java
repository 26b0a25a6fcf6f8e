package dev.headwater.engine.files;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A file that appears whole or not at all: written under a temporary name beside its target, then moved onto it by
 * {@link #commit}. Closed without a commit it leaves nothing behind.
 *
 * <p>Only a regular file is ever replaced. A link is written through to the file that it leads to; a character device, such as
 * {@code /dev/null}, is written to as it stands; pipes, sockets and disks are refused.
 */
public final class AtomicFile implements AutoCloseable {
    private static final int KIND = 0170000;
    private static final int CHARACTER_DEVICE = 0020000;

    private final Path target;
    /** What becomes the file at {@code real}; null where that is a device. */
    private final @Nullable Path temporary;

    private final Path real;
    private final FileChannel channel;

    private AtomicFile(Path target, Path real, @Nullable Path temporary, FileChannel channel) {
        this.target = target;
        this.real = real;
        this.temporary = temporary;
        this.channel = channel;
    }

    /** The directory that holds a file of this name; a root holds itself. */
    static Path directory(Path file) {
        Path whole = file.toAbsolutePath().normalize();
        Path parent = whole.getParent();
        return parent == null ? whole : parent;
    }

    /** @throws HeadwaterException if the directory is missing or cannot be written to, or the target cannot be a file */
    public static AtomicFile create(Path target) {
        try {
            if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                return beside(target, target);
            }
            if (!Files.exists(target)) {
                throw new HeadwaterException(
                        "Cannot write %s: it is a link to a file that is not there".formatted(target));
            }
            if (Files.isDirectory(target)) {
                throw new HeadwaterException("Cannot write %s: it is a directory".formatted(target));
            }
            if (Files.isRegularFile(target)) {
                return beside(target, target.toRealPath());
            }
            if (!isCharacterDevice(target)) {
                throw new HeadwaterException(
                        "Cannot write %s: it is neither a file nor a terminal or the like".formatted(target));
            }
            return new AtomicFile(target, target, null, FileChannel.open(target, StandardOpenOption.WRITE));
        } catch (IOException failure) {
            throw failure(target, failure);
        }
    }

    private static AtomicFile beside(Path target, Path real) throws IOException {
        Path temporary = Temporary.beside(real);
        return new AtomicFile(
                target,
                real,
                temporary,
                FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    private static boolean isCharacterDevice(Path target) throws IOException {
        try {
            return ((int) Files.getAttribute(target, "unix:mode") & KIND) == CHARACTER_DEVICE;
        } catch (UnsupportedOperationException e) {
            return false;
        }
    }

    /** {@return the file that will be there after {@code commit}} */
    public Path target() {
        return target;
    }

    /** To write to; valid until {@link #commit} or {@link #close}. */
    public FileChannel channel() {
        return channel;
    }

    /** Brings what was written to the disk and moves it onto the target. */
    public void commit() {
        try {
            if (temporary == null) {
                channel.close();
                return;
            }
            channel.force(true);
            channel.close();
            Files.move(temporary, real, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            forceDirectory();
        } catch (IOException failure) {
            throw failure(target, failure);
        }
    }

    /** Brings the name to the disk too, where the system can open a directory for that. */
    private void forceDirectory() {
        try (FileChannel directory = FileChannel.open(real.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        } catch (IOException e) {
            // The file is whole under its old name or its new one in any case.
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
            if (temporary != null) {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException failure) {
            throw failure(target, failure);
        }
    }

    /**
     * Writes a whole file.
     *
     * @throws HeadwaterException if it can't be written; what was there before is then there still
     */
    public static void write(Path target, byte[] content) {
        try (AtomicFile file = create(target)) {
            for (ByteBuffer left = ByteBuffer.wrap(content); left.hasRemaining(); ) {
                file.channel.write(left);
            }
            file.commit();
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /** The sentence for a failed write, for users of {@link #channel}. */
    public static HeadwaterException failure(Path target, IOException failure) {
        String cause = failure instanceof NoSuchFileException ? "its directory does not exist" : reason(failure);
        return new HeadwaterException("Cannot write %s: %s".formatted(target, cause), failure);
    }

    /**
     * Makes a directory and those above it.
     *
     * @param what what it is for, for the message
     */
    public static void createDirectories(Path directory, String what) {
        try {
            Files.createDirectories(directory);
        } catch (IOException failure) {
            throw new HeadwaterException(
                    "Cannot make the directory %s for %s: %s".formatted(directory, what, reason(failure)), failure);
        }
    }

    /** Why: many of the system's exceptions say only of which file. */
    private static @Nullable String reason(IOException failure) {
        return switch (failure) {
            case AccessDeniedException _ -> "no permission";
            case FileAlreadyExistsException e -> e.getFile() + " is a file";
            case NoSuchFileException e -> e.getFile() + " can't be made there";
            case FileSystemException e when e.getReason() == null -> "the system refuses " + e.getFile();
            case FileSystemException e -> e.getReason();
            default -> failure.getMessage();
        };
    }
}
