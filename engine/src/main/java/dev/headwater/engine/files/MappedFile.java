package dev.headwater.engine.files;

import dev.headwater.bindings.NativeArena;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file mapped whole and read-only. */
public final class MappedFile implements AutoCloseable {
    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;

    /** @param arena closed with this file */
    public MappedFile(Path path, Arena arena, MemorySegment bytes) {
        this.path = path;
        this.arena = arena;
        this.bytes = bytes.asReadOnly();
    }

    public static MappedFile open(Path path) {
        if (!Files.exists(path)) {
            throw new HeadwaterException("There is no file " + path);
        }
        if (Files.isDirectory(path)) {
            throw new HeadwaterException(path + " is a directory, but a weight file is needed here");
        }
        NativeArena arena = NativeArena.open();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new MappedFile(path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (AccessDeniedException denied) {
            arena.close();
            throw new HeadwaterException("No permission to read " + path, denied);
        } catch (IOException failure) {
            arena.close();
            throw new HeadwaterException("Cannot read %s: %s".formatted(path, failure.getMessage()), failure);
        }
    }

    public Path path() {
        return path;
    }

    public MemorySegment bytes() {
        return bytes;
    }

    /** Memory that lives as long as the mapping, zero-filled. */
    public MemorySegment allocate(long bytes, long alignment) {
        return arena.allocate(bytes, alignment);
    }

    @Override
    public void close() {
        arena.close();
    }
}
