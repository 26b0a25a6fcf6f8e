package dev.headwater.engine.model;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One head's query or key at a position, as the score takes it: after bias, norm and rotary position. With the
 * denominators of norms fixed it is a linear function of the residual stream that enters the layer, plus a constant.
 *
 * @param value    F32 [headDim]
 * @param gradient F32 [headDim, d]: of each number with respect to the stream at the position
 */
public record HeadInput(Tensor value, Tensor gradient) {
    /**
     * Results belong to the innermost open scope.
     *
     * @param stream F32 [P, d], what enters the layer
     */
    public static HeadInput query(LanguageModel model, int layer, int head, int position, Tensor stream) {
        LayerWeights.Attention weights = model.layer(layer).attention();
        return of(model, layer, weights.query(), weights.queryNorm(), head, position, stream);
    }

    /** As {@link #query}; {@code head} counts the heads that share this key as well. */
    public static HeadInput key(LanguageModel model, int layer, int head, int position, Tensor stream) {
        LayerWeights.Attention weights = model.layer(layer).attention();
        return of(
                model,
                layer,
                weights.key(),
                weights.keyNorm(),
                head / model.config().attention().group(),
                position,
                stream);
    }

    /**
     * A head's keys at all positions, F32 [P, headDim], in the innermost open scope.
     *
     * @param stream F32 [P, d], what enters the layer
     */
    public static Tensor keys(LanguageModel model, int layer, int head, Tensor stream) {
        LayerWeights.Attention weights = model.layer(layer).attention();
        ModelConfig.Attention shape = model.config().attention();
        int positions = (int) stream.size(0);
        try (var scope = TensorScope.open()) {
            Norm norm = model.layer(layer).preAttention();
            Normed keys = normed(
                    shape,
                    weights.key().apply(norm == null ? stream : norm.apply(stream)),
                    weights.keyNorm(),
                    head / shape.group());
            Rope rope = shape.layers().get(layer).rope();
            if (rope == null) {
                return scope.keep(Torch.contiguous(keys.value));
            }
            int[] lengths = new int[positions];
            Arrays.fill(lengths, positions);
            Rope.Table table = rope.table(IntStream.range(0, positions).toArray(), lengths, model.device());
            return scope.keep(
                    Torch.contiguous(TorchShape.squeeze(table.rotate(TorchShape.unsqueeze(keys.value, 1)), 1)));
        }
    }

    /**
     * A head's part of a projection after its norm.
     *
     * @param value F32 [n, headDim]
     * @param slope what the norm multiplies by, F32 [n, headDim]; null if there is no norm
     */
    private record Normed(Tensor value, @Nullable Tensor slope) {}

    private static Normed normed(ModelConfig.Attention shape, Tensor projected, @Nullable Norm norm, int head) {
        long first = (long) head * shape.headDim();
        Tensor value = TorchShape.narrow(projected, 1, first, shape.headDim());
        if (norm == null) {
            return new Normed(value, null);
        }
        boolean whole = shape.qkNorm() == ModelConfig.QkNorm.ALL_HEADS;
        Tensor gain = whole ? TorchShape.narrow(norm.gain(), 0, first, shape.headDim()) : norm.gain();
        Tensor slope = Torch.mul(norm.reciprocal(whole ? projected : value), gain);
        return new Normed(Torch.mul(value, slope), slope);
    }

    private static HeadInput of(
            LanguageModel model,
            int layer,
            Linear projection,
            @Nullable Norm headNorm,
            int head,
            int position,
            Tensor all) {
        ModelConfig.Attention shape = model.config().attention();
        int headDim = shape.headDim();
        try (var scope = TensorScope.open()) {
            Tensor stream = TorchShape.narrow(all, 0, position, 1);
            Norm norm = model.layer(layer).preAttention();
            Tensor in = stream;
            Tensor reciprocal = null;
            if (norm != null) {
                Tensor centred = norm.centred(stream);
                reciprocal = norm.reciprocal(centred);
                in = norm.gained(Torch.mul(centred, reciprocal));
            }
            Tensor projected = projection.apply(in);
            Normed normed = normed(shape, projected, headNorm, head);
            Tensor value = normed.value;
            Tensor gradient =
                    Torch.to(TorchShape.narrow(projection.weight(), 0, (long) head * headDim, headDim), DType.F32);
            if (norm != null && reciprocal != null) {
                gradient = Torch.mul(Torch.mul(gradient, norm.gain()), reciprocal);
                gradient = norm.centres() ? Torch.sub(gradient, TorchReduce.mean(gradient, -1, true)) : gradient;
            }
            if (normed.slope != null) {
                gradient = Torch.mul(gradient, TorchShape.reshape(normed.slope, headDim, 1));
            }
            Rope rope = shape.layers().get(layer).rope();
            if (rope != null) {
                Tensor turn = turn(rope, position, (int) all.size(0), model);
                value = Torch.mm(value, turn);
                gradient = Torch.mm(TorchShape.t(turn), gradient);
            }
            return new HeadInput(
                    scope.keep(Torch.contiguous(TorchShape.reshape(value, headDim))),
                    scope.keep(Torch.contiguous(gradient)));
        }
    }

    /** [headDim, headDim]: a row vector times this is the vector turned. */
    private static Tensor turn(Rope rope, int position, int length, LanguageModel model) {
        int headDim = model.config().attention().headDim();
        float[] identity = new float[headDim * headDim];
        for (int i = 0; i < headDim; i++) {
            identity[i * headDim + i] = 1;
        }
        Tensor units = Torch.to(Tensor.ofFloats(identity, 1, headDim, headDim), model.device());
        return TorchShape.reshape(
                rope.table(new int[] {position}, new int[] {length}, model.device())
                        .rotate(units),
                headDim,
                headDim);
    }
}
