package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A mixture of gated MLPs: each position goes through the {@code chosen} experts of the largest router logits, whose
 * results are weighted by the softmax of the logits, of the chosen ones or of all. GPT-OSS bounds what enters the
 * product, and adds one to what comes up: down((up + 1) · activation(gate)).
 *
 * @param gate     [inner, width] an expert
 * @param gateBias [experts, inner], or null
 * @param up       [inner, width] an expert
 * @param upBias   [experts, inner], or null
 * @param down     [width, inner] an expert
 * @param downBias [experts, width], or null
 */
record Experts(
        Linear router,
        ExpertMatrices gate,
        @Nullable Tensor gateBias,
        ExpertMatrices up,
        @Nullable Tensor upBias,
        ExpertMatrices down,
        @Nullable Tensor downBias,
        ModelConfig.Experts shape)
        implements Mlp {
    @Override
    public Tensor apply(Tensor x) {
        int positions = Math.toIntExact(x.size(0));
        int chosen = shape.chosen();
        Tensor logits = router.apply(x);
        TorchReduce.Ranked best =
                TorchReduce.topk(shape.renormalised() ? logits : TorchReduce.softmax(logits, -1), chosen, -1);
        Tensor weights =
                TorchShape.unsqueeze(shape.renormalised() ? TorchReduce.softmax(best.values(), -1) : best.values(), -1);
        int[] expertOf = best.indices().toInts(); // slot s = position * chosen + rank
        long[] placeOf = new long[expertOf.length];
        List<Tensor> results = new ArrayList<>();
        long place = 0;
        for (int e = 0; e < shape.count(); e++) {
            long[] rows = new long[positions];
            int count = 0;
            for (int s = 0; s < expertOf.length; s++) {
                if (expertOf[s] == e) {
                    placeOf[s] = place++;
                    rows[count++] = s / chosen;
                }
            }
            if (count > 0) {
                results.add(expert(e, TorchShape.indexSelect(x, 0, indices(Arrays.copyOf(rows, count), x))));
            }
        }
        Tensor slots = TorchShape.indexSelect(TorchShape.cat(results, 0), 0, indices(placeOf, x));
        return TorchReduce.sum(Torch.mul(TorchShape.reshape(slots, positions, chosen, -1), weights), 1, false);
    }

    private static Tensor indices(long[] values, Tensor like) {
        return Torch.to(Tensor.ofLongs(values, values.length), like.device());
    }

    private Tensor expert(int e, Tensor x) {
        try (var scope = TensorScope.open()) {
            Tensor gated = product(gate, gateBias, e, x);
            Tensor raised = product(up, upBias, e, x);
            double limit = shape.limit();
            if (limit > 0) {
                gated = Torch.minimum(gated, limit);
                raised = Torch.add(Torch.maximum(Torch.minimum(raised, limit), -limit), 1);
            }
            Tensor inner = shape.activation().apply(gated);
            Torch.mulInPlace(inner, raised);
            return scope.keep(product(down, downBias, e, inner));
        }
    }

    private static Tensor product(ExpertMatrices matrices, @Nullable Tensor biases, int e, Tensor x) {
        return new Linear(matrices.matrix(e), biases == null ? null : TorchShape.select(biases, 0, e)).apply(x);
    }
}
