package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.weights.Checkpoint;
import dev.headwater.engine.weights.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tensors of a checkpoint by the names that a family gives them, each checked for its shape. Matrices come in the
 * compute
 * type, everything else as float32. What the file holds in the right type is used where it is mapped, if that is the
 * CPU's memory.
 */
final class WeightLoader {
    private final Checkpoint checkpoint;
    private final ModelConfig config;
    private final String prefix;
    private final DType compute;
    private final Device device;
    private final List<Tensor> owned = new ArrayList<>();

    /** @param prefix of the model's tensors in this checkpoint */
    WeightLoader(Checkpoint checkpoint, ModelConfig config, String prefix, DType compute, Device device) {
        this.checkpoint = checkpoint;
        this.config = config;
        this.prefix = prefix;
        this.compute = compute;
        this.device = device;
    }

    /** Everything that was loaded; the tensors belong to no scope. */
    List<Tensor> owned() {
        return owned;
    }

    private Tensor own(Tensor tensor) {
        owned.add(TensorScope.release(tensor));
        return tensor;
    }

    private TensorInfo check(String name, long... shape) {
        TensorInfo info = checkpoint.info(name);
        if (!Arrays.equals(info.shape(), shape)) {
            throw new HeadwaterException("Tensor '%s' in %s has shape %s, but config.json makes it %s"
                    .formatted(name, checkpoint, Arrays.toString(info.shape()), Arrays.toString(shape)));
        }
        return info;
    }

    /** As it is in the file, on the CPU, in the innermost scope. */
    private Tensor stored(String name, long... shape) {
        TensorInfo info = check(name, shape);
        MemorySegment data = checkpoint.data(name);
        if (!info.dtype().isFloating()) {
            throw new HeadwaterException(
                    "Tensor '%s' in %s holds %s; Headwater needs floating-point weights, so take a checkpoint that is not quantised"
                            .formatted(name, checkpoint, info.dtype()));
        }
        return Tensor.borrow(data, info.dtype(), shape);
    }

    private Tensor converted(Tensor stored, DType type) {
        return Torch.to(Torch.to(stored, device), type);
    }

    private Tensor read(String name, DType type, long... shape) {
        return converted(stored(name, shape), type);
    }

    /** A tensor in the compute type. */
    Tensor matrix(String name, long... shape) {
        try (var scope = TensorScope.open()) {
            return own(read(prefix + name, compute, shape));
        }
    }

    /** The unembedding, which stands outside the prefix. */
    Tensor head(String name) {
        try (var scope = TensorScope.open()) {
            String nested = "language_model." + name;
            return own(read(checkpoint.has(nested) ? nested : name, compute, config.vocab(), config.width()));
        }
    }

    /** A float32 tensor. */
    Tensor floats(String name, long... shape) {
        try (var scope = TensorScope.open()) {
            return own(read(prefix + name, DType.F32, shape));
        }
    }

    /** A bias, sinks: {@code name} as it is, in another shape. */
    Tensor floatsAs(String name, long[] shape, long... as) {
        try (var scope = TensorScope.open()) {
            return own(Torch.reshape(read(prefix + name, DType.F32, shape), as));
        }
    }

    /** {@code name.weight} [out, in] and, if it has one, {@code name.bias} [out]. */
    Linear linear(String name, long out, long in, boolean bias) {
        return new Linear(matrix(name + ".weight", out, in), bias ? floats(name + ".bias", out) : null);
    }

    /**
     * A share of a layer that is stored transposed, as GPT-2's are: columns {@code first} to {@code first + out} of
     * {@code
     * name.weight} [in, allOut] and of {@code name.bias} [allOut].
     */
    Linear transposed(String name, long in, long allOut, long first, long out) {
        try (var scope = TensorScope.open()) {
            Tensor weight = Torch.t(
                    converted(Torch.narrow(stored(prefix + name + ".weight", in, allOut), 1, first, out), compute));
            Tensor bias = Torch.narrow(read(prefix + name + ".bias", DType.F32, allOut), 0, first, out);
            return new Linear(own(weight), own(bias));
        }
    }

    /** {@code name.weight} [n], and {@code name.bias} if the model's norms have biases. */
    Norm norm(String name, long n) {
        try (var scope = TensorScope.open()) {
            ModelConfig.Norm norm = config.norm();
            Tensor gain = read(prefix + name + ".weight", DType.F32, n);
            if (norm.gainOffset() != 0) {
                gain = Torch.add(gain, norm.gainOffset());
            }
            return new Norm(
                    norm.centres(), norm.epsilon(), own(gain), norm.centres() ? floats(name + ".bias", n) : null);
        }
    }

    /** A matrix [out, in] for each expert, from {@code name} [experts, in, out] or its MXFP4 blocks and scales. */
    ExpertMatrices experts(String name, int experts, int out, int in) {
        String blocks = prefix + name + "_blocks";
        if (!checkpoint.has(blocks)) {
            return new ExpertMatrices.Dense(matrix(name, experts, in, out));
        }
        int group = ExpertMatrices.Mxfp4.GROUP;
        String scales = prefix + name + "_scales";
        check(scales, experts, out, in / group);
        if (check(blocks, experts, out, in / group, group / 2).dtype() != DType.U8
                || checkpoint.info(scales).dtype() != DType.U8
                || in % group != 0) {
            throw new HeadwaterException("Tensors '%s' and '%s' in %s are not MXFP4 blocks and scales of %d columns"
                    .formatted(blocks, scales, checkpoint, in));
        }
        return new ExpertMatrices.Mxfp4(checkpoint.data(blocks), checkpoint.data(scales), out, in, compute, device);
    }
}
