package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.gguf.GgufFile;

/** A GGUF file, whose blocks are spread out as float32 when they are asked for. */
record GgufSource(GgufFile file) implements TensorSource {
    @Override
    public boolean has(String name) {
        return file.has(name);
    }

    @Override
    public long[] shape(String name) {
        return file.shape(name);
    }

    @Override
    public Tensor tensor(String name) {
        return file.mappedType(name)
                .map(type -> Tensor.borrow(file.data(name), type, file.shape(name)))
                .orElseGet(() -> {
                    Tensor numbers = Tensor.empty(DType.F32, Device.CPU, file.shape(name));
                    file.readFloats(name, numbers.data());
                    return numbers;
                });
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
