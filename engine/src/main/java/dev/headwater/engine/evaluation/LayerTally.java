package dev.headwater.engine.evaluation;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What a text says of one layer of a set, summed up while it is read. */
final class LayerTally {
    /** An output that is so many times as long as the median one is an outlier. */
    private static final double FAR = 10;

    private final int layer;
    private final int width;
    /** Positions at which each feature is active [F]. */
    private final int[] fired;

    private long active;
    private final Sums first;
    private final Sums far;
    private final Sums usual;
    /** Mean output of the first batch, from which sums count, so that they lose no digits to it; null before. */
    private float @Nullable [] centre;

    private double limit;

    LayerTally(int layer, int features, int width) {
        this.layer = layer;
        this.width = width;
        fired = new int[features];
        first = new Sums(width);
        far = new Sums(width);
        usual = new Sums(width);
    }

    int layer() {
        return layer;
    }

    /** Sums over some positions. */
    private static final class Sums {
        long positions;
        double missed;
        double spread;
        final double[] output;

        Sums(int width) {
            output = new double[width];
        }

        void add(Sums other) {
            positions += other.positions;
            missed += other.missed;
            spread += other.spread;
            for (int i = 0; i < output.length; i++) {
                output[i] += other.output[i];
            }
        }

        double unexplained() {
            double aroundMean = spread;
            for (double sum : output) {
                aroundMean -= sum * sum / positions;
            }
            return missed / aroundMean;
        }
    }

    /**
     * Takes in a batch.
     *
     * @param output F32 [rows, d], the model's
     * @param said   F32 [rows, d], the set's
     */
    void add(WindowRows batch, Tensor output, Tensor said, SparseActivations features) {
        for (int i = 0; i < features.count(); i++) {
            if (batch.judged()[features.position()[i]]) {
                fired[features.feature()[i]]++;
                active++;
            }
        }
        int rows = batch.judged().length;
        try (var _ = TensorScope.open()) {
            double[] length = lengths(output);
            float[] about = centre == null ? begin(batch, output, length) : centre;
            Tensor around = Torch.sub(output, Torch.to(Tensor.ofFloats(about, 1, width), output.device()));
            double[] missed = lengths(Torch.sub(output, said));
            double[] spread = lengths(around);
            Sums[] kinds = {first, far, usual};
            float[] belongs = new float[kinds.length * rows];
            for (int row = 0; row < rows; row++) {
                int kind = !batch.judged()[row] ? 0 : length[row] > limit ? 1 : 2;
                belongs[kind * rows + row] = 1;
                kinds[kind].positions++;
                kinds[kind].missed += missed[row];
                kinds[kind].spread += spread[row];
            }
            Tensor sums = Torch.mm(Torch.to(Tensor.ofFloats(belongs, kinds.length, rows), output.device()), around);
            float[] sum = sums.toFloats();
            for (int i = 0; i < sum.length; i++) {
                kinds[i / width].output[i % width] += sum[i];
            }
        }
    }

    /** Squared lengths of the rows. */
    private double[] lengths(Tensor rows) {
        float[] squares = TorchReduce.sum(Torch.mul(rows, rows), 1, false).toFloats();
        double[] lengths = new double[squares.length];
        for (int i = 0; i < lengths.length; i++) {
            if (!Float.isFinite(squares[i])) {
                throw new HeadwaterException(
                        "The output of layer %d, or what the transcoders make of it, is not finite or too large to be judged"
                                .formatted(layer));
            }
            lengths[i] = squares[i];
        }
        return lengths;
    }

    private float[] begin(WindowRows batch, Tensor output, double[] length) {
        int[] judged = IntStream.range(0, length.length)
                .filter(row -> batch.judged()[row])
                .toArray();
        double[] ordered =
                Arrays.stream(judged).mapToDouble(row -> length[row]).sorted().toArray();
        limit = FAR * FAR * ordered[ordered.length / 2];
        float[] share = new float[length.length];
        for (int row : judged) {
            share[row] = 1f / judged.length;
        }
        float[] mean = Torch.mm(Torch.to(Tensor.ofFloats(share, 1, share.length), output.device()), output)
                .toFloats();
        centre = mean;
        return mean;
    }

    /** The mean output where features count [d]. */
    float[] mean() {
        if (centre == null) {
            throw new IllegalStateException("nothing was read");
        }
        float[] mean = new float[width];
        for (int i = 0; i < width; i++) {
            mean[i] = (float) (centre[i] + (far.output[i] + usual.output[i]) / (far.positions + usual.positions));
        }
        return mean;
    }

    /** @param loss with this layer alone changed, if that was measured */
    Evaluation.Layer figures(Evaluation.@Nullable Changed loss) {
        Sums judged = new Sums(width);
        judged.add(usual);
        double noOutliers = judged.unexplained();
        judged.add(far);
        double fvu = judged.unexplained();
        long positions = judged.positions;
        judged.add(first);
        return new Evaluation.Layer(
                layer,
                fvu,
                noOutliers,
                far.positions,
                judged.unexplained(),
                (double) active / positions,
                (int) Arrays.stream(fired).filter(count -> count == 0).count(),
                (int) Arrays.stream(fired)
                        .filter(count -> count > Evaluation.DENSE * positions)
                        .count(),
                loss);
    }
}
