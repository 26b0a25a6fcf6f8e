package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.weights.Checkpoint;
import dev.headwater.engine.weights.TensorInfo;
import java.lang.foreign.MemorySegment;

/** The safetensors files of a Hugging Face directory. */
record CheckpointSource(Checkpoint checkpoint) implements TensorSource {
    @Override
    public boolean has(String name) {
        return checkpoint.has(name);
    }

    @Override
    public long[] shape(String name) {
        return checkpoint.info(name).shape();
    }

    @Override
    public Tensor tensor(String name) {
        TensorInfo info = checkpoint.info(name);
        MemorySegment data = checkpoint.data(name);
        if (!info.dtype().isFloating()) {
            throw new HeadwaterException(
                    "Tensor '%s' in %s holds %s; Headwater needs floating-point weights, so take a checkpoint that is not quantised"
                            .formatted(name, checkpoint, info.dtype()));
        }
        return Tensor.borrow(data, info.dtype(), info.shape());
    }

    /** Bytes of a tensor of that type, which are no numbers by themselves. */
    MemorySegment bytes(String name) {
        if (checkpoint.info(name).dtype() != DType.U8) {
            throw new HeadwaterException("Tensor '%s' in %s holds %s, but bytes of MXFP4 are needed here"
                    .formatted(name, checkpoint, checkpoint.info(name).dtype()));
        }
        return checkpoint.data(name);
    }

    @Override
    public void close() {
        checkpoint.close();
    }

    @Override
    public String toString() {
        return checkpoint.toString();
    }
}
