package dev.headwater.engine.weights;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.MappedFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** A mapped weight file with copies of those tensors that can't be used where they are. */
final class MappedTensors implements AutoCloseable {
    /** What a tensor may take outside the mapping: enough for the largest published encoder, not for a lying header. */
    private static final long MAX_COPY = 8L << 30;

    private static final long COPY_ALIGNMENT = 64;

    private final MappedFile file;
    private final ConcurrentHashMap<String, MemorySegment> copies = new ConcurrentHashMap<>();

    /** @param file closed with this object */
    MappedTensors(MappedFile file) {
        this.file = file;
    }

    Path path() {
        return file.path();
    }

    MemorySegment bytes() {
        return file.bytes();
    }

    /** The data where it is if that suits its element type, else a copy: kernels may rely on aligned elements. */
    MemorySegment aligned(MemorySegment data, TensorInfo info) {
        return data.address() % dtype(info).bytes() == 0 ? data : copied(info, copy -> copy.copyFrom(data));
    }

    /** Memory of the tensor's size, filled on the first call and kept until this file is closed. */
    MemorySegment copied(TensorInfo info, Consumer<MemorySegment> fill) {
        return copies.computeIfAbsent(info.name(), name -> {
            if (info.bytes() > MAX_COPY) {
                throw new HeadwaterException(
                        "Tensor '%s' in %s cannot be used where it is in the file, and is too large to be copied into memory (%s bytes); convert the file to safetensors"
                                .formatted(name, path(), info.bytes()));
            }
            MemorySegment copy;
            try {
                copy = file.allocate(info.bytes(), COPY_ALIGNMENT);
            } catch (OutOfMemoryError exhausted) {
                throw new HeadwaterException(
                        "Not enough memory for tensor '%s' of %s (%s bytes)".formatted(name, path(), info.bytes()),
                        exhausted);
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
            throw new HeadwaterException("%s: %s".formatted(path(), unknown.getMessage()), unknown);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
