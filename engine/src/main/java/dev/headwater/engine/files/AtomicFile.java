package dev.headwater.engine.files;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that appears whole or not at all: written under a temporary name beside its target, then moved onto it by
 * {@link #commit}. Closed without a commit it leaves nothing behind.
 */
public final class AtomicFile implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private final FileChannel channel;

    private AtomicFile(Path target, Path temporary, FileChannel channel) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
    }

    /** @throws HeadwaterException if the directory is missing or cannot be written to */
    public static AtomicFile create(Path target) {
        if (Files.isDirectory(target)) {
            throw new HeadwaterException("Cannot write %s: it is a directory".formatted(target));
        }
        Path temporary = target.resolveSibling(".%s.%d-%x.tmp"
                .formatted(target.getFileName(), ProcessHandle.current().pid(), System.nanoTime()));
        try {
            return new AtomicFile(
                    target,
                    temporary,
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
        } catch (IOException failure) {
            throw failure(target, failure);
        }
    }

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
            channel.force(true);
            channel.close();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException failure) {
            throw failure(target, failure);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
            Files.deleteIfExists(temporary);
        } catch (IOException failure) {
            throw failure(target, failure);
        }
    }

    /** The sentence for a failed write, for users of {@link #channel}. */
    public static HeadwaterException failure(Path target, IOException failure) {
        String cause = switch (failure) {
            case NoSuchFileException _ -> "its directory does not exist";
            case AccessDeniedException _ -> "no permission";
            default -> failure.getMessage();
        };
        return new HeadwaterException("Cannot write %s: %s".formatted(target, cause), failure);
    }
}
