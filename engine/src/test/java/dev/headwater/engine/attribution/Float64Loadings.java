package dev.headwater.engine.attribution;

import dev.headwater.bindings.Tensor;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;

/**
 * Head loadings of one edge in float64, written out as the definition says: the source's contribution goes up through the
 * frozen model position by position, the target's gradient comes down, and at each layer every head's part is their inner
 * product.
 */
final class Float64Loadings {
    private final FrozenModel frozen;
    private final int positions;
    private final int width;
    private final int heads;
    private final int group;
    private final int headDim;
    private final boolean parallel;
    private final double[][] output;
    private final double[][] value;
    private final double[][] skip;
    private final double[][] skipScale;
    private final double[][] pattern;

    Float64Loadings(FrozenModel frozen) {
        this.frozen = frozen;
        FrozenWeights weights = frozen.weights();
        positions = (int) frozen.layer(0).pattern().size(1);
        heads = (int) frozen.layer(0).pattern().size(0);
        width = frozen.width();
        headDim = weights.headsWidth() / heads;
        group = heads / weights.kvHeads();
        parallel = weights.parallel();
        int layers = frozen.layers();
        output = new double[layers][];
        value = new double[layers][];
        skip = new double[layers][];
        skipScale = new double[layers][];
        pattern = new double[layers][];
        for (int l = 0; l < layers; l++) {
            output[l] = doubles(weights.layer(l).output().toFloat32());
            value[l] = doubles(weights.layer(l).value().toFloat32());
            skip[l] = weights.layer(l).skip() == null
                    ? null
                    : doubles(weights.layer(l).skip().toFloat32());
            skipScale[l] = frozen.layer(l).skipScale() == null
                    ? null
                    : doubles(frozen.layer(l).skipScale());
            pattern[l] = doubles(frozen.layer(l).pattern());
        }
    }

    static double[] doubles(Tensor tensor) {
        float[] floats = tensor.toFloats();
        double[] result = new double[floats.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = floats[i];
        }
        return result;
    }

    /** By layer from the one above the source to the last below the target, then head; empty if there is none. */
    double[] of(Target target, Sources sources, int column) {
        int first = sources.layerOf(column) + 1;
        int last = parallel ? target.layer() - 1 : Math.min(target.layer(), frozen.layers() - 1);
        if (last < first || sources.positionOf(column) > target.position()) {
            return new double[0];
        }
        double[][] read = up(sources, column, first, last);
        double[] result = new double[(last - first + 1) * heads];
        double[] gradient = new double[positions * width];
        double[] vector = doubles(target.vectors());
        System.arraycopy(vector, target.row() * width, gradient, target.position() * width, width);
        for (int l = last; l >= first; l--) {
            boolean above = target.layer() > l;
            double[] own = gradient.clone();
            if (above && !parallel) {
                skipDown(l, gradient);
            }
            double[] base = parallel ? own : gradient;
            double[] atHeads = new double[positions * heads * headDim];
            for (int p = 0; p < positions; p++) {
                for (int d = 0; d < width; d++) {
                    double g = base[p * width + d];
                    for (int c = 0; g != 0 && c < heads * headDim; c++) {
                        atHeads[p * heads * headDim + c] += g * output[l][d * heads * headDim + c];
                    }
                }
            }
            double[] mixed = new double[positions * heads * headDim];
            for (int h = 0; h < heads; h++) {
                for (int q = 0; q < positions; q++) {
                    for (int p = 0; p <= q; p++) {
                        double a = pattern[l][(h * positions + q) * positions + p];
                        for (int c = h * headDim; c < (h + 1) * headDim; c++) {
                            mixed[p * heads * headDim + c] += a * atHeads[q * heads * headDim + c];
                        }
                    }
                }
            }
            if (above && parallel) {
                skipDown(l, gradient);
            }
            int kv = heads / group * headDim;
            for (int h = 0; h < heads; h++) {
                for (int p = 0; p < positions; p++) {
                    for (int c = 0; c < headDim; c++) {
                        double m = mixed[p * heads * headDim + h * headDim + c];
                        int row = h / group * headDim + c;
                        result[(l - first) * heads + h] += m * read[l][p * kv + row];
                        for (int d = 0; d < width; d++) {
                            gradient[p * width + d] += m * value[l][row * width + d];
                        }
                    }
                }
            }
        }
        return result;
    }

    private void skipDown(int l, double[] gradient) {
        if (skip[l] == null) {
            return;
        }
        double[] before = gradient.clone();
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < width; i++) {
                for (int d = 0; d < width; d++) {
                    gradient[p * width + d] += skipScale[l][p] * before[p * width + i] * skip[l][i * width + d];
                }
            }
        }
    }

    /** What the heads of each layer read of a source, [layer][position · value row]. */
    private double[][] up(Sources sources, int column, int first, int last) {
        double[] stream = new double[positions * width];
        double[][] read = new double[last + 1][];
        int position = sources.positionOf(column);
        boolean feature = column < sources.firstError(0);
        int from = sources.layerOf(column);
        int kv = heads / group * headDim;
        for (int l = first; l <= last; l++) {
            if (from < 0 && l == 0) {
                add(stream, position, doubles(sources.tokens()), position);
            } else if (!feature && l == first) {
                add(stream, position, doubles(sources.errors(from)), position);
            } else if (feature && (l == first || sources.crossLayer())) {
                add(stream, position, doubles(sources.decoders(from, l - 1)), column - sources.firstFeature(from));
            }
            read[l] = new double[positions * kv];
            for (int p = position; p < positions; p++) {
                for (int row = 0; row < kv; row++) {
                    for (int d = 0; d < width; d++) {
                        read[l][p * kv + row] += value[l][row * width + d] * stream[p * width + d];
                    }
                }
            }
            double[] before = stream.clone();
            if (parallel) {
                skipUp(l, before, stream);
            }
            for (int h = 0; h < heads; h++) {
                for (int q = position; q < positions; q++) {
                    for (int c = 0; c < headDim; c++) {
                        double sum = 0;
                        for (int p = position; p <= q; p++) {
                            sum += pattern[l][(h * positions + q) * positions + p]
                                    * read[l][p * kv + h / group * headDim + c];
                        }
                        for (int d = 0; d < width; d++) {
                            stream[q * width + d] += sum * output[l][d * heads * headDim + h * headDim + c];
                        }
                    }
                }
            }
            if (!parallel) {
                skipUp(l, stream.clone(), stream);
            }
        }
        return read;
    }

    private void skipUp(int l, double[] before, double[] stream) {
        if (skip[l] == null) {
            return;
        }
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < width; i++) {
                for (int d = 0; d < width; d++) {
                    stream[p * width + i] += skipScale[l][p] * skip[l][i * width + d] * before[p * width + d];
                }
            }
        }
    }

    private void add(double[] stream, int position, double[] rows, int row) {
        for (int d = 0; d < width; d++) {
            stream[position * width + d] += rows[row * width + d];
        }
    }
}
