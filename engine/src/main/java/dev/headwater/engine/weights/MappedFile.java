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

/** A file mapped whole and read-only, and the arena that its native memory belongs to. */
record MappedFile(Path path, Arena arena, MemorySegment bytes) implements AutoCloseable {
    /** What a tensor may take outside the mapping: enough for the largest published encoder, not for a lying header. */
    static final long MAX_COPY = 8L << 30;

    static MappedFile open(Path path) {
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

    long size() {
        return bytes.byteSize();
    }

    /** The data where it is if that suits its element type, else a copy: kernels may rely on aligned elements. */
    MemorySegment aligned(MemorySegment data, TensorInfo info) {
        if (data.address() % dtype(info).bytes() == 0) {
            return data;
        }
        return allocate(data.byteSize(), info.name()).copyFrom(data).asReadOnly();
    }

    /** The tensor's element type if Headwater reads it; otherwise the error names this file too. */
    DType dtype(TensorInfo info) {
        try {
            return info.dtype();
        } catch (HeadwaterException unknown) {
            throw new HeadwaterException("%s: %s".formatted(path, unknown.getMessage()), unknown);
        }
    }

    MemorySegment allocate(long size, String tensor) {
        if (size > MAX_COPY) {
            throw new HeadwaterException("Tensor '%s' in %s cannot be used where it is in the file, and is too large to be copied into memory (%d bytes); convert the file to safetensors"
                    .formatted(tensor, path, size));
        }
        try {
            return arena.allocate(size, 64);
        } catch (OutOfMemoryError exhausted) {
            throw new HeadwaterException("Not enough memory for tensor '%s' of %s (%d bytes)".formatted(tensor, path, size), exhausted);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
