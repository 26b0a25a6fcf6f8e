package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.model.ModelConfig.Norms;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model's tensors by what they are there for, each checked for its shape. Matrices come in the compute type,
 * everything else as float32. What the file holds in the right type is used where it is mapped, if that is the CPU's
 * memory.
 */
final class WeightLoader {
    private final TensorSource source;
    private final Layout layout;
    private final ModelConfig config;
    private final String prefix;
    private final DType compute;
    private final Device device;
    private final List<Tensor> owned = new ArrayList<>();

    /** @throws HeadwaterException if there are no token embeddings */
    WeightLoader(TensorSource source, Layout layout, ModelConfig config, DType compute, Device device) {
        this.source = source;
        this.layout = layout;
        this.config = config;
        this.compute = compute;
        this.device = device;
        String embedding = layout.name(Role.EMBEDDING, 0) + ".weight";
        prefix = layout.prefixes().stream()
                .filter(candidate -> source.has(candidate + embedding))
                .findFirst()
                .orElseThrow(
                        () -> new HeadwaterException("%s has no tensor '%s%s', the token embeddings of its architecture"
                                .formatted(source, layout.prefixes().getFirst(), embedding)));
    }

    /** Everything that was loaded; the tensors belong to no scope. */
    List<Tensor> owned() {
        return owned;
    }

    private Tensor own(Tensor tensor) {
        owned.add(TensorScope.release(tensor));
        return tensor;
    }

    // ---- single tensors, in the innermost scope ----

    private String weightName(Role role, int layer) {
        String name = prefix + layout.name(role, layer);
        return !source.has(name + ".weight") && source.has(name) ? name : name + ".weight";
    }

    private String biasName(Role role, int layer) {
        String name = prefix + layout.name(role, layer);
        return !source.has(name + ".bias") && source.has(name + "_bias") ? name + "_bias" : name + ".bias";
    }

    private void check(String name, long... shape) {
        if (!Arrays.equals(source.shape(name), shape)) {
            throw new HeadwaterException("Tensor '%s' in %s has shape %s, but its configuration makes it %s"
                    .formatted(name, source, Arrays.toString(source.shape(name)), Arrays.toString(shape)));
        }
    }

    private Tensor read(String name, DType type, long... shape) {
        check(name, shape);
        return Torch.to(Torch.to(source.tensor(name), device), type);
    }

    /** [out, in], however it is stored. */
    private Tensor matrix(String name, long out, long in) {
        return layout.transposed() ? TorchShape.t(read(name, compute, in, out)) : read(name, compute, out, in);
    }

    // ---- parts of the model, owned ----

    Tensor embedding() {
        try (var scope = TensorScope.open()) {
            return own(read(weightName(Role.EMBEDDING, 0), compute, config.vocab(), config.width()));
        }
    }

    /** The unembedding, which stands outside the prefix. */
    Tensor unembedding() {
        try (var scope = TensorScope.open()) {
            String name = layout.name(Role.UNEMBEDDING, 0) + ".weight";
            String nested = "language_model." + name;
            return own(read(source.has(nested) ? nested : name, compute, config.vocab(), config.width()));
        }
    }

    /** [maxPositions, width] float32. */
    Tensor positions() {
        return floats(weightName(Role.POSITIONS, 0), config.maxPositions(), config.width());
    }

    private Tensor floats(String name, long... shape) {
        try (var scope = TensorScope.open()) {
            return own(read(name, DType.F32, shape));
        }
    }

    /** The norm before the unembedding, which takes the scaling of the logits on itself. */
    Norm finalNorm() {
        return norm(Role.FINAL_NORM, 0, config.width(), config.norm().centres(), 1 / config.logitsScaling());
    }

    /** Null where the family has none there. */
    private @Nullable Norm norm(Role role, int layer, Norms without) {
        return config.norms() == without
                ? null
                : norm(role, layer, config.width(), config.norm().centres(), 1);
    }

    /** @param centres whether it is a LayerNorm, which has a bias */
    private Norm norm(Role role, int layer, long width, boolean centres, double scale) {
        try (var scope = TensorScope.open()) {
            Tensor gain = read(weightName(role, layer), DType.F32, width);
            if (layout.gainOffset() != 0) {
                gain = Torch.add(gain, layout.gainOffset());
            }
            Tensor bias = centres ? read(biasName(role, layer), DType.F32, width) : null;
            return new Norm(
                    centres,
                    config.norm().epsilon(),
                    own(scaled(gain, scale)),
                    bias == null ? null : own(scaled(bias, scale)));
        }
    }

    private static Tensor scaled(Tensor x, double scale) {
        return scale == 1 ? x : Torch.mul(x, scale);
    }

    /** {@code name.weight} [out, in] and, if it has one, {@code name.bias} [out]. */
    private Linear linear(Role role, int layer, long out, long in, boolean bias) {
        return shares(role, layer, in, bias, out).getFirst();
    }

    /** A linear map whose rows belong to several, one below the other. */
    private List<Linear> shares(Role role, int layer, long in, boolean bias, long... rows) {
        try (var scope = TensorScope.open()) {
            long out = Arrays.stream(rows).sum();
            Tensor weight = matrix(weightName(role, layer), out, in);
            Tensor biases = bias ? read(biasName(role, layer), DType.F32, out) : null;
            List<Linear> shares = new ArrayList<>();
            long first = 0;
            for (long count : rows) {
                shares.add(new Linear(
                        own(TorchShape.narrow(weight, 0, first, count)),
                        biases == null ? null : own(TorchShape.narrow(biases, 0, first, count))));
                first += count;
            }
            return shares;
        }
    }

    LayerWeights layer(int l) {
        return new LayerWeights(
                norm(Role.PRE_ATTENTION, l, Norms.AFTER),
                attention(l),
                norm(Role.POST_ATTENTION, l, Norms.BEFORE),
                norm(Role.PRE_MLP, l, Norms.AFTER),
                mlp(l),
                norm(Role.POST_MLP, l, Norms.BEFORE));
    }

    // ---- attention ----

    private LayerWeights.Attention attention(int l) {
        ModelConfig.Attention shape = config.attention();
        int queries = shape.heads() * shape.headDim();
        int keys = shape.kvHeads() * shape.headDim();
        List<Linear> maps = layout.has(Role.QUERY_KEY_VALUE)
                ? fused(l, queries, keys)
                : List.of(
                        turned(linear(Role.QUERY, l, queries, config.width(), shape.qkvBias()), shape.heads()),
                        turned(linear(Role.KEY, l, keys, config.width(), shape.qkvBias()), shape.kvHeads()),
                        linear(Role.VALUE, l, keys, config.width(), shape.qkvBias()));
        return new LayerWeights.Attention(
                maps.get(0),
                maps.get(1),
                maps.get(2),
                linear(Role.OUTPUT, l, config.width(), queries, shape.outputBias()),
                headNorm(Role.QUERY_NORM, l, queries),
                headNorm(Role.KEY_NORM, l, keys),
                shape.sinks() ? sinks(l) : null);
    }

    private List<Linear> fused(int l, long queries, long keys) {
        boolean bias = config.attention().qkvBias();
        if (layout.fused() == Layout.Fused.BY_KIND) {
            return shares(Role.QUERY_KEY_VALUE, l, config.width(), bias, queries, keys, keys);
        }
        try (var scope = TensorScope.open()) {
            Linear all = new Linear(
                    matrix(weightName(Role.QUERY_KEY_VALUE, l), 3 * queries, config.width()),
                    bias ? read(biasName(Role.QUERY_KEY_VALUE, l), DType.F32, 3 * queries) : null);
            return List.of(ofHeads(all, 0), ofHeads(all, 1), ofHeads(all, 2));
        }
    }

    /** Of rows that are [heads, 3, headDim], those of one of the three. */
    private Linear ofHeads(Linear all, int which) {
        int heads = config.attention().heads();
        int headDim = config.attention().headDim();
        Tensor weight =
                TorchShape.select(TorchShape.reshape(all.weight(), heads, 3, headDim, config.width()), 1, which);
        Tensor bias = all.bias() == null
                ? null
                : TorchShape.select(TorchShape.reshape(all.bias(), heads, 3, headDim), 1, which);
        return new Linear(
                own(TorchShape.reshape(weight, (long) heads * headDim, config.width())),
                bias == null ? null : own(TorchShape.reshape(bias, (long) heads * headDim)));
    }

    /** Puts the two numbers that a rotation mixes half a head apart, if the format has them side by side. */
    private Linear turned(Linear map, int heads) {
        if (!layout.turned()) {
            return map;
        }
        try (var scope = TensorScope.open()) {
            return new Linear(
                    own(turned(map.weight(), heads)), map.bias() == null ? null : own(turned(map.bias(), heads)));
        }
    }

    private Tensor turned(Tensor rows, int heads) {
        long columns = rows.rank() == 2 ? rows.size(1) : 1;
        Tensor pairs = TorchShape.transpose(
                TorchShape.reshape(rows, heads, config.attention().headDim() / 2, 2, columns), 1, 2);
        return Torch.contiguous(
                rows.rank() == 2
                        ? TorchShape.reshape(pairs, rows.size(0), columns)
                        : TorchShape.reshape(pairs, rows.size(0)));
    }

    private @Nullable Norm headNorm(Role role, int l, long all) {
        return switch (config.attention().qkNorm()) {
            case NONE -> null;
            case EACH_HEAD -> norm(role, l, config.attention().headDim(), false, 1);
            case ALL_HEADS -> norm(role, l, all, false, 1);
        };
    }

    private Tensor sinks(int l) {
        int heads = config.attention().heads();
        try (var scope = TensorScope.open()) {
            return own(TorchShape.reshape(read(weightName(Role.SINKS, l), DType.F32, heads), heads, 1, 1));
        }
    }

    // ---- MLP ----

    private Mlp mlp(int l) {
        int width = config.width();
        return switch (config.mlp()) {
            case ModelConfig.Gated(int inner, Activation activation, boolean bias) -> {
                List<Linear> gateAndUp = layout.has(Role.GATE_UP)
                        ? shares(Role.GATE_UP, l, width, bias, inner, inner)
                        : List.of(linear(Role.GATE, l, inner, width, bias), linear(Role.UP, l, inner, width, bias));
                yield new Mlp.Gated(
                        gateAndUp.get(0), gateAndUp.get(1), linear(Role.DOWN, l, width, inner, bias), activation);
            }
            case ModelConfig.Plain(int inner, Activation activation) ->
                new Mlp.Plain(
                        linear(Role.UP, l, inner, width, true), linear(Role.DOWN, l, width, inner, true), activation);
            case ModelConfig.Experts experts -> experts(l, experts);
        };
    }

    private Mlp experts(int l, ModelConfig.Experts shape) {
        int width = config.width();
        int inner = shape.width();
        Linear router = linear(Role.ROUTER, l, shape.count(), width, shape.bias());
        ExpertMatrices gate;
        ExpertMatrices up;
        Tensor gateBias = null;
        Tensor upBias = null;
        if (layout.has(Role.EXPERTS_GATE_UP)) {
            gate = experts(Role.EXPERTS_GATE_UP, l, shape.count(), inner, width, 0, 2);
            up = experts(Role.EXPERTS_GATE_UP, l, shape.count(), inner, width, 1, 2);
            if (shape.bias()) {
                try (var scope = TensorScope.open()) {
                    Tensor pairs = TorchShape.reshape(
                            read(biasName(Role.EXPERTS_GATE_UP, l), DType.F32, shape.count(), 2L * inner),
                            shape.count(),
                            inner,
                            2);
                    gateBias = own(Torch.contiguous(TorchShape.select(pairs, -1, 0)));
                    upBias = own(Torch.contiguous(TorchShape.select(pairs, -1, 1)));
                }
            }
        } else {
            gate = experts(Role.EXPERTS_GATE, l, shape.count(), inner, width, 0, 1);
            up = experts(Role.EXPERTS_UP, l, shape.count(), inner, width, 0, 1);
            if (shape.bias()) {
                gateBias = floats(biasName(Role.EXPERTS_GATE, l), shape.count(), inner);
                upBias = floats(biasName(Role.EXPERTS_UP, l), shape.count(), inner);
            }
        }
        return new Experts(
                router,
                gate,
                gateBias,
                up,
                upBias,
                experts(Role.EXPERTS_DOWN, l, shape.count(), width, inner, 0, 1),
                shape.bias() ? floats(biasName(Role.EXPERTS_DOWN, l), shape.count(), width) : null,
                shape);
    }

    /**
     * A matrix [out, in] for each expert: rows {@code first}, {@code first + step} and so on of what is stored, which
     * is a tensor for each expert, or one for all: [experts, in, step · out], MXFP4 blocks and scales, or llama.cpp's
     * [experts, step · out, in].
     */
    private ExpertMatrices experts(Role role, int layer, int experts, int out, int in, int first, int step) {
        String name = prefix + layout.name(role, layer);
        if (name.contains("@")) {
            List<Tensor> each = new ArrayList<>();
            for (int e = 0; e < experts; e++) {
                try (var scope = TensorScope.open()) {
                    each.add(own(read(name.replace("@", Integer.toString(e)) + ".weight", compute, out, in)));
                }
            }
            return new ExpertMatrices.Each(each);
        }
        if (source instanceof GgufSource gguf) {
            check(name + ".weight", experts, out, in);
            return new ExpertMatrices.Blocks(gguf.file(), name + ".weight", out, in, compute, device);
        }
        if (source instanceof CheckpointSource checkpoint && source.has(name + "_blocks")) {
            int group = ExpertMatrices.Mxfp4.GROUP;
            int rows = out * step;
            check(name + "_scales", experts, rows, in / group);
            check(name + "_blocks", experts, rows, in / group, group / 2);
            if (in % group != 0) {
                throw new HeadwaterException(
                        "Tensor '%s_blocks' in %s holds no MXFP4 blocks of %d columns".formatted(name, checkpoint, in));
            }
            return new ExpertMatrices.Mxfp4(
                    checkpoint.bytes(name + "_blocks"),
                    checkpoint.bytes(name + "_scales"),
                    out,
                    in,
                    first,
                    step,
                    compute,
                    device);
        }
        try (var scope = TensorScope.open()) {
            Tensor all = read(name, compute, experts, in, (long) step * out);
            return new ExpertMatrices.Dense(
                    own(TorchShape.select(TorchShape.reshape(all, experts, in, out, step), -1, first)));
        }
    }
}
