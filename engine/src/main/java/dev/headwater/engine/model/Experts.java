package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * GPT-OSS's mixture: each position goes through its {@code chosen} best experts, whose results are weighted by the
 * softmax of
 * their router logits. An expert is a gated MLP whose even inner rows are gates and odd ones inputs, clamped to the
 * limit:
 * down((up + 1) · gate · sigmoid(1.702 gate)).
 *
 * @param gateUp     [2 inner, width] an expert
 * @param gateUpBias [experts, 2 inner]
 * @param down       [width, inner] an expert
 * @param downBias   [experts, width]
 */
record Experts(
        Linear router,
        ExpertMatrices gateUp,
        Tensor gateUpBias,
        ExpertMatrices down,
        Tensor downBias,
        int chosen,
        double limit)
        implements Mlp {
    private static final double SHARPNESS = 1.702;

    @Override
    public Tensor apply(Tensor x) {
        int positions = Math.toIntExact(x.size(0));
        Torch.Ranked best = Torch.topk(router.apply(x), chosen, -1);
        Tensor weights = Torch.unsqueeze(Torch.softmax(best.values(), -1), -1);
        int[] expertOf = best.indices().toInts(); // slot s = position * chosen + rank
        long[] placeOf = new long[expertOf.length];
        List<Tensor> results = new ArrayList<>();
        long place = 0;
        for (int e = 0; e < gateUpBias.size(0); e++) {
            long[] rows = new long[positions];
            int count = 0;
            for (int s = 0; s < expertOf.length; s++) {
                if (expertOf[s] == e) {
                    placeOf[s] = place++;
                    rows[count++] = s / chosen;
                }
            }
            if (count > 0) {
                results.add(expert(e, Torch.indexSelect(x, 0, indices(Arrays.copyOf(rows, count), x))));
            }
        }
        Tensor slots = Torch.indexSelect(Torch.cat(results, 0), 0, indices(placeOf, x));
        return Torch.sum(Torch.mul(Torch.reshape(slots, positions, chosen, -1), weights), 1, false);
    }

    private static Tensor indices(long[] values, Tensor like) {
        return Torch.to(Tensor.ofLongs(values, values.length), like.device());
    }

    private Tensor expert(int e, Tensor x) {
        try (var scope = TensorScope.open()) {
            Tensor inner = new Linear(gateUp.matrix(e), Torch.select(gateUpBias, 0, e)).apply(x);
            Tensor pairs = Torch.reshape(inner, x.size(0), -1, 2);
            Tensor gate = Torch.minimum(Torch.select(pairs, -1, 0), limit);
            Tensor up = Torch.maximum(Torch.minimum(Torch.select(pairs, -1, 1), limit), -limit);
            Torch.mulInPlace(gate, Torch.sigmoid(Torch.mul(gate, SHARPNESS)));
            Torch.mulInPlace(gate, Torch.add(up, 1));
            return scope.keep(new Linear(down.matrix(e), Torch.select(downBias, 0, e)).apply(gate));
        }
    }
}
