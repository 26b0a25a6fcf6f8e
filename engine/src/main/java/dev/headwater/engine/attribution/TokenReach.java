package dev.headwater.engine.attribution;

import dev.headwater.bindings.Segments;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;

/**
 * The token vectors as they look above the first layer's attention: below it there is nothing else to reach, so instead of
 * carrying every gradient through it, the tokens are carried up, once. Source (q, p), p ≤ q, is what token p contributes to
 * the residual stream at position q: {@code W_O · (pattern[h][q][p] · W_V · token p)} over all heads, and the token itself at
 * q = p. A sweep spends as many rows on its lowest layer as on all others in the mean twice over, so for short prompts this
 * saves a sixth of its products.
 *
 * @param sources F32 [P·(P+1)/2, d], ordered by q, then p
 * @param segments where each q begins
 */
record TokenReach(Tensor sources, Segments segments) {
    /** Whether reading a gradient row against up to P sources costs less than carrying it through attention. */
    static boolean pays(FrozenModel model, int positions) {
        return model.device().isCpu()
                && (positions + 1) / 2
                        < (model.weights().headsWidth() + model.weights().valueWidth()) / 2;
    }

    /** Results belong to the innermost open scope. */
    static TokenReach of(FrozenModel model, Tensor tokens) {
        int positions = (int) tokens.size(0);
        FrozenWeights.Layer first = model.weights().layer(0);
        Tensor pattern = model.layer(0).pattern();
        int heads = (int) pattern.size(0);
        int headDim = model.weights().headsWidth() / heads;
        long[] segment = new long[positions + 1];
        for (int q = 0; q < positions; q++) {
            segment[q + 1] = segment[q] + q + 1;
        }
        Segments segments = Segments.of(segment, tokens.device());
        try (var scope = TensorScope.open()) {
            Tensor output = TorchShape.t(first.output().toFloat32());
            Tensor values = TorchShape.reshape(
                    Torch.linear(tokens, first.value().toFloat32(), null),
                    positions,
                    model.weights().kvHeads(),
                    headDim);
            Tensor byHead =
                    TorchShape.repeatInterleave(values, heads / model.weights().kvHeads(), 1);
            Tensor attention = TorchShape.unsqueeze(TorchShape.permute(pattern, 1, 2, 0), 3);
            Tensor sources = Tensor.empty(tokens.dtype(), tokens.device(), segment[positions], model.width());
            for (int q = 0; q < positions; q++) {
                try (var one = TensorScope.open()) {
                    Tensor taken = Torch.mul(
                            TorchShape.narrow(TorchShape.select(attention, 0, q), 0, 0, q + 1),
                            TorchShape.narrow(byHead, 0, 0, q + 1));
                    Tensor rows = TorchShape.narrow(sources, 0, segment[q], q + 1);
                    Torch.mmInto(
                            rows,
                            TorchShape.reshape(taken, q + 1, model.weights().headsWidth()),
                            output,
                            0);
                    Tensor own = TorchShape.select(rows, 0, q);
                    Torch.copy(own, Torch.add(own, TorchShape.select(tokens, 0, q)));
                }
            }
            return new TokenReach(scope.keep(sources), segments);
        }
    }
}
