package dev.headwater.engine.features;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Norm;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Means over a text of the reciprocal norm denominators between features and the residual stream, for each layer. */
final class Denominators {
    private final ReplacementModel model;
    private final double[] before;
    private final double[] after;
    private final long[] rows;

    Denominators(ReplacementModel model) {
        this.model = model;
        before = new double[model.layers()];
        after = new double[model.layers()];
        rows = new long[model.layers()];
    }

    /** What has to be seen of each layer. */
    Set<FeatureSite> sites() {
        return EnumSet.of(FeatureSite.RESID_MID, FeatureSite.MLP_OUT);
    }

    /** @param x F32 [n, d] at one of these sites */
    void add(FeatureSite site, int layer, Tensor x) {
        if (site == FeatureSite.RESID_MID) {
            before[layer] += sum(norm(layer, true), x);
            rows[layer] += x.size(0);
        } else {
            after[layer] += sum(norm(layer, false), x);
        }
    }

    private @Nullable Norm norm(int layer, boolean input) {
        if (input) {
            return model.basis().input() == FeatureSite.RESID_MID
                    ? null
                    : model.model().layer(layer).preMlp();
        }
        return model.basis().output() == FeatureSite.MLP_OUT
                ? model.model().layer(layer).postMlp()
                : null;
    }

    private static double sum(@Nullable Norm norm, Tensor x) {
        return norm == null
                ? x.size(0)
                : TorchReduce.sum(norm.reciprocal(norm.centred(x)), 0, false).item();
    }

    /** Of the norm that features of the layer read through; 1 if there is none. */
    double before(int layer) {
        return before[layer] / rows[layer];
    }

    /** Of the norms through which features write, by layer; 1 where there is none. */
    double[] after() {
        double[] means = new double[after.length];
        Arrays.setAll(means, layer -> rows[layer] == 0 ? 1 : after[layer] / rows[layer]);
        return means;
    }

    void write(DataOutput out) throws IOException {
        for (int layer = 0; layer < rows.length; layer++) {
            out.writeDouble(before[layer]);
            out.writeDouble(after[layer]);
            out.writeLong(rows[layer]);
        }
    }

    void read(DataInput in) throws IOException {
        for (int layer = 0; layer < rows.length; layer++) {
            before[layer] = in.readDouble();
            after[layer] = in.readDouble();
            rows[layer] = in.readLong();
        }
    }
}
