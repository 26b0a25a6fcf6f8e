package dev.headwater.bindings;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Supplier;

/** Runs libtorch's matrix product and each of our kernels on small random data, and compares with plain Java. */
public final class SelfCheck {
    /** Float sums of some hundred products of order one agree to this, in any order of summation. */
    private static final double TOLERANCE = 1e-4;

    /**
     * What came of one check.
     *
     * @param detail the largest error, a rate, or what went wrong
     */
    public record Result(String name, boolean passed, String detail) {}

    private static final int POSITIONS = 5;
    private static final int WIDTH = 48;
    /** Targets at positions 2, 4 and 0; target t has a gradient row for each position up to its own. */
    private static final int[] POSITION = {2, 4, 0};

    private static final long[] OFFSET = {0, 3, 8};
    private static final int ROWS = 9;

    private final Random random = new Random(20250327);
    private final Device device;

    /** @param device where everything is computed */
    public SelfCheck(Device device) {
        this.device = device;
    }

    /** All checks, one after the other; one that fails is a result too. */
    public List<Result> run() {
        List<Result> results = new ArrayList<>();
        results.add(check("matrix product", this::matrixProduct));
        if (device.isCpu() && Bf16Product.unavailable().isEmpty()) {
            results.add(check("matrix product, bf16x6", () -> compared(splitProduct())));
        }
        if (device.isCpu() && Bf16Product.rounds()) {
            results.add(check("matrix product, bfloat16", () -> compared(roundedProduct())));
        }
        if (device.isCpu() || Kernels.hasCuda()) {
            results.addAll(kernels());
        }
        return results;
    }

    private List<Result> kernels() {
        List<Result> results = new ArrayList<>();
        if (device.isCpu()) {
            results.add(check("matrix product, own", () -> compared(ownProduct())));
            results.add(check("sparse products", () -> compared(sparseProducts())));
            results.add(check("optimiser's step", () -> compared(adam())));
        }
        results.addAll(List.of(
                check("encode, threshold", () -> compared(encode(false))),
                check("encode, top k", () -> compared(encode(true))),
                check("gather rows", () -> compared(gatherRows())),
                check("attention adjoint", () -> compared(patternAdjoint())),
                check("attention adjoint, single", () -> compared(patternAdjointSingle())),
                check("edge contraction", () -> compared(edgeContract())),
                check("add rows", () -> compared(addRows())),
                check("add scaled rows", () -> compared(addScaledRows()))));
        return results;
    }

    private Result check(String name, Supplier<String> measured) {
        try (var scope = TensorScope.open()) {
            return new Result(name, true, measured.get());
        } catch (RuntimeException e) {
            return new Result(name, false, e.getMessage() == null ? e.toString() : e.getMessage());
        }
    }

    /** Values that should agree: what native code gave, and what Java expects. */
    private record Pair(float[] actual, float[] expected) {}

    private static String compared(Pair pair) {
        if (pair.actual.length != pair.expected.length) {
            throw new IllegalStateException(
                    pair.actual.length + " values where " + pair.expected.length + " are expected");
        }
        double worst = 0;
        for (int i = 0; i < pair.actual.length; i++) {
            double error = Math.abs(pair.actual[i] - pair.expected[i]) / (1 + Math.abs(pair.expected[i]));
            worst = error >= worst || Double.isNaN(error) ? error : worst;
        }
        String detail = String.format(Locale.ROOT, "largest error %.0e", worst);
        if (!(worst <= TOLERANCE)) {
            throw new IllegalStateException(detail);
        }
        return detail;
    }

    private Pair splitProduct() {
        int side = 64;
        float[] a = values(side * side);
        float[] b = values(side * side);
        Tensor out = Tensor.empty(DType.F32, device, side, side);
        Bf16Product.split(out, matrix(a, side), Bf16Product.parts(matrix(b, side)), 0);
        return new Pair(out.toFloats(), product(a, b, side));
    }

    private Pair ownProduct() {
        int side = 64;
        float[] a = values(side * side);
        float[] b = values(side * side);
        Tensor out = Tensor.empty(DType.F32, device, side, side);
        FloatProduct.own(out, matrix(a, side), matrix(b, side), false, 0);
        return new Pair(out.toFloats(), product(a, b, side));
    }

    private Pair roundedProduct() {
        int side = 64;
        Tensor a = Torch.to(matrix(values(side * side), side), DType.BF16);
        Tensor b = Torch.to(matrix(values(side * side), side), DType.BF16);
        Tensor out = Tensor.empty(DType.F32, device, side, side);
        Tensor left = Torch.to(a, DType.F32);
        Bf16Product.rounded(out, left, b, 0);
        return new Pair(
                out.toFloats(), product(left.toFloats(), Torch.to(b, DType.F32).toFloats(), side));
    }

    private String matrixProduct() {
        int small = 64;
        float[] a = values(small * small);
        float[] b = values(small * small);
        String error =
                compared(new Pair(Torch.mm(matrix(a, small), matrix(b, small)).toFloats(), product(a, b, small)));
        int large = 1024;
        Tensor x = matrix(values(large * large), large);
        Torch.mm(x, x).toFloats();
        long start = System.nanoTime();
        int repeats = 4;
        for (int i = 0; i < repeats; i++) {
            Torch.mm(x, x).close();
        }
        Torch.mm(x, x).toFloats();
        double seconds = (System.nanoTime() - start) / 1e9;
        return error
                + String.format(
                        Locale.ROOT,
                        ", %.0f GFLOP/s in float32",
                        2e-9 * large * large * large * (repeats + 1) / seconds);
    }

    private static float[] product(float[] a, float[] b, int n) {
        float[] c = new float[n * n];
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < n; k++) {
                for (int j = 0; j < n; j++) {
                    c[i * n + j] += a[i * n + k] * b[k * n + j];
                }
            }
        }
        return c;
    }

    /** Two products that come to the same: entries times x, and the places of that product in which there are entries. */
    private Pair sparseProducts() {
        float[] dense = values(POSITIONS * WIDTH);
        SparseEntries entries = SparseEntries.above(matrix(dense, WIDTH), null, null);
        Tensor right = matrix(values(WIDTH * WIDTH), WIDTH);
        Tensor out = Tensor.empty(DType.F32, device, POSITIONS, WIDTH);
        entries.product(right, false, out);
        Tensor sums = Tensor.empty(DType.F32, device, WIDTH, WIDTH);
        entries.sums(out, false, sums);
        float[] dots =
                entries.with(entries.dots(matrix(dense, WIDTH), sums)).values().toFloats();
        float[] positive = dense.clone();
        for (int i = 0; i < positive.length; i++) {
            positive[i] = Math.max(0, positive[i]);
        }
        Tensor expected = Torch.mm(
                matrix(dense, WIDTH),
                TorchShape.t(
                        Torch.mm(TorchShape.t(matrix(positive, WIDTH)), Torch.mm(matrix(positive, WIDTH), right))));
        float[] all = expected.toFloats();
        float[] chosen = new float[dots.length];
        for (int i = 0, n = 0; i < all.length; i++) {
            if (positive[i] > 0) {
                chosen[n++] = all[i];
            }
        }
        return new Pair(dots, chosen);
    }

    private Pair adam() {
        float[] parameter = values(WIDTH);
        float[] gradient = values(WIDTH);
        Tensor moved = vector(parameter);
        Tensor mean = Tensor.zeros(DType.F32, device, WIDTH);
        new Adam(0.9, 0.99, 1e-8)
                .step(moved, vector(gradient), mean, Tensor.zeros(DType.F32, device, WIDTH), 1, 0.1, 1);
        float[] expected = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            expected[i] = parameter[i] - 0.1f * Math.signum(gradient[i]); // the first step has one length
        }
        return new Pair(moved.toFloats(), expected);
    }

    /** Dense activations rebuilt from the active entries; ReLU with a threshold, or the two largest of a row. */
    private Pair encode(boolean topK) {
        float[] pre = values(POSITIONS * WIDTH);
        float[] bias = values(WIDTH);
        float[] threshold = values(WIDTH);
        int k = 2;
        Kernels.Active active = topK
                ? Kernels.encodeTopK(matrix(pre, WIDTH), vector(bias), k, 1)
                : Kernels.encodeThreshold(matrix(pre, WIDTH), vector(bias), vector(threshold), 1);
        float[] actual = new float[pre.length];
        for (int i = 0; i < active.values().length; i++) {
            actual[active.rows()[i] * WIDTH + active.columns()[i]] = active.values()[i];
        }
        float[] expected = new float[pre.length];
        for (int r = 1; r < POSITIONS; r++) {
            for (int c = 0; c < WIDTH; c++) {
                float x = pre[r * WIDTH + c] + bias[c];
                int larger = 0;
                for (int other = 0; other < WIDTH; other++) {
                    larger += pre[r * WIDTH + other] + bias[other] > x ? 1 : 0;
                }
                expected[r * WIDTH + c] = topK ? larger < k ? x : 0 : x > threshold[c] ? x : 0;
            }
        }
        return new Pair(actual, expected);
    }

    private Pair gatherRows() {
        float[] source = values(POSITIONS * WIDTH);
        float[] gain = values(WIDTH);
        float[] scale = values(2);
        long[] index = {3, 1};
        Tensor out = Tensor.zeros(DType.F32, device, 2, WIDTH);
        Kernels.gatherRows(matrix(source, WIDTH), index, scale, vector(gain), out);
        float[] expected = new float[2 * WIDTH];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = scale[i / WIDTH] * gain[i % WIDTH] * source[(int) index[i / WIDTH] * WIDTH + i % WIDTH];
        }
        return new Pair(out.toFloats(), expected);
    }

    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD = WIDTH / HEADS;

    private Pair patternAdjoint() {
        float[] o = values(ROWS * WIDTH);
        float[] pattern = values(HEADS * POSITIONS * POSITIONS);
        Tensor v = Tensor.zeros(DType.F32, device, ROWS, KV_HEADS * HEAD);
        Kernels.patternAdjoint(matrix(o, WIDTH), on(pattern, HEADS, POSITIONS, POSITIONS), KV_HEADS, ragged(), v);
        float[] expected = new float[ROWS * KV_HEADS * HEAD];
        for (int t = 0; t < POSITION.length; t++) {
            for (int q = 0; q <= POSITION[t]; q++) {
                mix(o, (int) OFFSET[t] + q, pattern, t, q, expected);
            }
        }
        return new Pair(v.toFloats(), expected);
    }

    private Pair patternAdjointSingle() {
        float[] o = values(POSITION.length * WIDTH);
        float[] pattern = values(HEADS * POSITIONS * POSITIONS);
        Tensor v = Tensor.zeros(DType.F32, device, ROWS, KV_HEADS * HEAD);
        Kernels.patternAdjointSingle(matrix(o, WIDTH), on(pattern, HEADS, POSITIONS, POSITIONS), KV_HEADS, ragged(), v);
        float[] expected = new float[ROWS * KV_HEADS * HEAD];
        for (int t = 0; t < POSITION.length; t++) {
            mix(o, t, pattern, t, POSITION[t], expected);
        }
        return new Pair(v.toFloats(), expected);
    }

    /** Adds to target t's rows what the query at position q takes from each key. */
    private static void mix(float[] o, int row, float[] pattern, int t, int q, float[] into) {
        for (int h = 0; h < HEADS; h++) {
            for (int p = 0; p <= q; p++) {
                for (int j = 0; j < HEAD; j++) {
                    into[((int) OFFSET[t] + p) * KV_HEADS * HEAD + h / (HEADS / KV_HEADS) * HEAD + j] +=
                            pattern[(h * POSITIONS + q) * POSITIONS + p] * o[row * WIDTH + h * HEAD + j];
                }
            }
        }
    }

    private Pair edgeContract() {
        long[] segment = {0, 2, 2, 5, 6, 8};
        int sources = 8;
        float[] g = values(ROWS * WIDTH);
        float[] source = values(sources * WIDTH);
        long[] base = {0, sources, 2L * sources};
        EdgeSlots slots = EdgeSlots.of(ragged(), Segments.of(segment, device), base);
        Tensor out = Tensor.zeros(DType.F32, device, POSITION.length, sources);
        Kernels.edgeContract(matrix(g, WIDTH), matrix(source, WIDTH), slots, out, false);
        float[] expected = new float[POSITION.length * sources];
        for (int t = 0; t < POSITION.length; t++) {
            for (int q = 0; q <= POSITION[t]; q++) {
                for (int s = (int) segment[q]; s < segment[q + 1]; s++) {
                    for (int j = 0; j < WIDTH; j++) {
                        expected[t * sources + s] += g[((int) OFFSET[t] + q) * WIDTH + j] * source[s * WIDTH + j];
                    }
                }
            }
        }
        return new Pair(out.toFloats(), expected);
    }

    private Pair addRows() {
        float[] g = values(ROWS * WIDTH);
        float[] x = values(2 * WIDTH);
        long[] row = {0, 7};
        Tensor sum = matrix(g, WIDTH);
        Kernels.addRows(sum, RowNumbers.of(row, device), matrix(x, WIDTH));
        for (int i = 0; i < x.length; i++) {
            g[(int) row[i / WIDTH] * WIDTH + i % WIDTH] += x[i];
        }
        return new Pair(sum.toFloats(), g);
    }

    private Pair addScaledRows() {
        float[] g = values(ROWS * WIDTH);
        float[] x = values(ROWS * WIDTH);
        float[] scale = values(POSITIONS);
        Tensor sum = matrix(g, WIDTH);
        Kernels.addScaledRows(sum, matrix(x, WIDTH), ragged(), vector(scale));
        for (int t = 0; t < POSITION.length; t++) {
            for (int q = 0; q <= POSITION[t]; q++) {
                for (int j = 0; j < WIDTH; j++) {
                    int i = ((int) OFFSET[t] + q) * WIDTH + j;
                    g[i] += scale[q] * x[i];
                }
            }
        }
        return new Pair(sum.toFloats(), g);
    }

    private Ragged ragged() {
        return Ragged.of(OFFSET, POSITION, device);
    }

    private float[] values(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat(-1, 1);
        }
        return values;
    }

    private Tensor matrix(float[] values, int columns) {
        return on(values, values.length / columns, columns);
    }

    private Tensor vector(float[] values) {
        return on(values, values.length);
    }

    private Tensor on(float[] values, long... shape) {
        return Torch.to(Tensor.ofFloats(values, shape), device);
    }
}
