package dev.headwater.engine.weights;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** A file mapped whole and read-only, with copies of those tensors that can't be used where they are. */
public final class MappedFile implements AutoCloseable {
    /** What a tensor may take outside the mapping: enough for the largest published encoder, not for a lying header. */
    private static final long MAX_COPY = 8L << 30;
    private static final long COPY_ALIGNMENT = 64;

    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final ConcurrentHashMap<String, MemorySegment> copies = new ConcurrentHashMap<>();

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
        Arena arena = Arena.ofShared();
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

    /** The data where it is if that suits its element type, else a copy: kernels may rely on aligned elements. */
    MemorySegment aligned(MemorySegment data, TensorInfo info) {
        return data.address() % dtype(info).bytes() == 0 ? data : copied(info, copy -> copy.copyFrom(data));
    }

    /** Memory of the tensor's size, filled on the first call and kept until this file is closed. */
    MemorySegment copied(TensorInfo info, Consumer<MemorySegment> fill) {
        return copies.computeIfAbsent(info.name(), name -> {
            if (info.bytes() > MAX_COPY) {
                throw new HeadwaterException("Tensor '%s' in %s cannot be used where it is in the file, and is too large to be copied into memory (%d bytes); convert the file to safetensors"
                        .formatted(name, path, info.bytes()));
            }
            MemorySegment copy;
            try {
                copy = arena.allocate(info.bytes(), COPY_ALIGNMENT);
            } catch (OutOfMemoryError exhausted) {
                throw new HeadwaterException("Not enough memory for tensor '%s' of %s (%d bytes)".formatted(name, path, info.bytes()), exhausted);
            }
            fill.accept(copy);
            return copy.asReadOnly();
        });
    }

    /** The tensor's element type if Headwater reads it; otherwise the error names this file too. */
    DType dtype(TensorInfo info) {
        try {
            return info.dtype();
        } catch (HeadwaterException unknown) {
            throw new HeadwaterException("%s: %s".formatted(path, unknown.getMessage()), unknown);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
