package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.gguf.GgufFile;
import java.util.HashSet;
import java.util.Set;

/** A GGUF file, whose blocks are spread out as float32 when they are asked for. */
final class GgufSource implements TensorSource {
    private final GgufFile file;
    /** The configuration has read those of the rotary frequencies. */
    private final Set<String> read =
            new HashSet<>(Set.of("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"));

    GgufSource(GgufFile file) {
        this.file = file;
    }

    GgufFile file() {
        return file;
    }

    @Override
    public boolean has(String name) {
        return file.has(name);
    }

    @Override
    public long[] shape(String name) {
        read.add(name);
        return file.shape(name);
    }

    @Override
    public Tensor tensor(String name) {
        read.add(name);
        return file.mappedType(name)
                .map(type -> Tensor.borrow(file.data(name), type, file.shape(name)))
                .orElseGet(() -> {
                    Tensor numbers = Tensor.empty(DType.F32, Device.CPU, file.shape(name));
                    file.readFloats(name, numbers.data());
                    return numbers;
                });
    }

    /** What a file holds, all of it is for: a tensor that is left over is of a model that is another in some way. */
    @Override
    public void requireAllRead() {
        for (String name : file.names()) {
            if (!read.contains(name)) {
                throw new HeadwaterException(
                        "%s holds the tensor '%s', which models of its architecture do not have as Headwater knows them"
                                .formatted(file, name));
            }
        }
    }

    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
