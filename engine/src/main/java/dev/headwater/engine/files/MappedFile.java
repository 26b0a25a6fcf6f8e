package dev.headwater.engine.files;

import dev.headwater.bindings.MappingGuard;
import dev.headwater.bindings.NativeArena;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A file mapped whole and read-only.
 *
 * <p>If somebody makes the file shorter while it is mapped, the system has no bytes to give: what Java reads then fails
 * with an {@link InternalError}, which commands turn into a sentence; what native code reads are zeros, and nothing
 * that was computed with them is written ({@link #requireWhole}) or given out ({@link #faults}). To {@link #bytes} the
 * file's length is looked at again each time, which tells most such faults at once. A file that is replaced under its name, as downloads and our own writers do it, stays whole for those
 * that have it mapped.
 */
public final class MappedFile implements AutoCloseable {
    private static final Set<MappedFile> OPEN = ConcurrentHashMap.newKeySet();

    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final @Nullable FileChannel channel;

    /** @param arena closed with this file */
    public MappedFile(Path path, Arena arena, MemorySegment bytes) {
        this(path, arena, bytes, null);
    }

    /** @param channel on the file, null if there is none */
    private MappedFile(Path path, Arena arena, MemorySegment bytes, @Nullable FileChannel channel) {
        this.path = path;
        this.channel = channel;
        this.arena = arena;
        this.bytes = bytes.asReadOnly();
    }

    /**
     * @return the mapping of a regular file, read only
     * @throws dev.headwater.engine.HeadwaterException if it is no regular file or cannot be read
     */
    public static MappedFile open(Path path) {
        RegularFile.require(path);
        NativeArena arena = NativeArena.open();
        FileChannel channel = null;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
            MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            arena.guard(mapping);
            MappedFile file = new MappedFile(path, arena, mapping, channel);
            OPEN.add(file);
            return file;
        } catch (IOException failure) {
            arena.close();
            close(channel);
            throw failure instanceof AccessDeniedException
                    ? new HeadwaterException("No permission to read " + path, failure)
                    : new HeadwaterException("Cannot read %s: %s".formatted(path, failure.getMessage()), failure);
        }
    }

    private static void close(@Nullable FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // It was only read.
        }
    }

    /** {@return the file} */
    public Path path() {
        return path;
    }

    /**
     * For whoever gives out what was computed: none of the files that are mapped now has lost anything that was read.
     *
     * @throws HeadwaterException if one has
     */
    public static void requireWhole() {
        for (MappedFile file : OPEN) {
            if (file.arena instanceof NativeArena arena && arena.isTorn()) {
                throw new HeadwaterException(file.path
                        + " has become shorter, or its disk failed, while it was in use: start again when it is whole");
            }
        }
    }

    /** How often native code has met something that a mapped file had lost, since the process began. */
    public static long faults() {
        return MappingGuard.faults();
    }

    /**
     * The whole file.
     *
     * @throws HeadwaterException if the file has become shorter since it was mapped
     * @throws IllegalStateException if it is closed
     */
    public MemorySegment bytes() {
        try {
            if (channel != null && channel.size() < bytes.byteSize()) {
                throw new HeadwaterException(
                        "%s has become shorter while it was in use, from %d bytes to %d: start again when it is whole"
                                .formatted(path, bytes.byteSize(), channel.size()));
            }
        } catch (ClosedChannelException closed) {
            throw new IllegalStateException(path + " is closed", closed);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(path, e.getMessage()), e);
        }
        return bytes;
    }

    /** Memory that lives as long as the mapping, zero-filled. */
    public MemorySegment allocate(long bytes, long alignment) {
        return arena.allocate(bytes, alignment);
    }

    @Override
    public void close() {
        OPEN.remove(this);
        arena.close();
        close(channel);
    }
}
