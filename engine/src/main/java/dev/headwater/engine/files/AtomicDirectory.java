package dev.headwater.engine.files;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A new directory that appears with all its files or not at all: filled under a temporary name beside its target, then renamed by
 * {@link #commit}. Closed without a commit it leaves nothing behind.
 */
public final class AtomicDirectory implements AutoCloseable {
    private final Path target;
    private final Path whole;
    private final Path temporary;

    private AtomicDirectory(Path target, Path whole, Path temporary) {
        this.target = target;
        this.whole = whole;
        this.temporary = temporary;
    }

    /**
     * @throws UsageException     if the target exists
     * @throws HeadwaterException if the directory that it would lie in is missing or cannot be written to
     */
    public static AtomicDirectory create(Path target) {
        if (Files.exists(target)) {
            throw taken(target);
        }
        Path whole = target.toAbsolutePath().normalize();
        AtomicDirectory directory = new AtomicDirectory(target, whole, Temporary.beside(whole));
        try {
            Files.createDirectory(directory.temporary);
        } catch (IOException failure) {
            throw directory.failure(failure);
        }
        return directory;
    }

    private static UsageException taken(Path target) {
        return new UsageException("%s exists already; name a directory that does not".formatted(target));
    }

    /** Where its files are put until {@link #commit}. */
    public Path path() {
        return temporary;
    }

    /** The last part of the name that it will have. */
    public String name() {
        return whole.getFileName().toString();
    }

    /** Brings all files to the disk and gives the directory its name. */
    public void commit() {
        try {
            Trees.force(temporary);
            Files.move(temporary, whole, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileAlreadyExistsException exists) {
            throw taken(target);
        } catch (IOException failure) {
            throw failure(failure);
        }
    }

    /** The sentence for a failed write into it. */
    public HeadwaterException failure(IOException failure) {
        Path parent = whole.resolveSibling("");
        String cause = Files.isDirectory(parent) ? failure.toString() : parent + " is no directory";
        return new HeadwaterException("Cannot write %s: %s".formatted(target, cause), failure);
    }

    @Override
    public void close() {
        try {
            Trees.delete(temporary);
        } catch (IOException failure) {
            throw failure(failure);
        }
    }
}
