package dev.headwater.engine.attribution;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.Kernels.Ragged;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.model.Weight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/**
 * Computes rows of the edge matrix: carries the gradient of each target's pre-activation down the frozen model and takes its
 * inner product with every source on the way.
 *
 * <p>A target at (layer, position) depends on lower layers and on positions up to its own only. So the batch is ragged, with
 * {@code position + 1} gradient rows a target, and sorted by layer from the top: at each layer the targets above it are a
 * prefix of the rows, and both matrix products run over that prefix. A target that enters has a gradient at one position
 * only; its first attention layer therefore costs one row instead of {@code position + 1}, and its second one a product of
 * lower rank, see {@link TwoLayers}.
 *
 * <p>Formula: reference section 2.6, A[t, s] = in_tᵀ · J(s→t) · out_s, with attention probabilities and norm denominators
 * constant and no path through an MLP but the transcoder's affine skip.
 */
final class AdjointSweep implements AutoCloseable {
    private final FrozenModel model;
    private final Sources sources;
    private final long scratchBytes;
    private final int outputs;
    /** Null where carrying the gradients down costs less. */
    private final TokenReach reach;
    private final TwoLayers twoLayers;
    /** Gradients, heads and mixed values of a batch side by side, kept from one batch to the next: fresh memory costs page faults. */
    private Tensor scratch;

    /**
     * @param outputs      number of the graph's output targets, which are its last columns
     * @param scratchBytes room for the gradients of one batch; more targets than fit are swept in several batches
     * @param targets      about how many targets there will be in all
     */
    AdjointSweep(FrozenModel model, Sources sources, int outputs, long scratchBytes, int targets) {
        this.model = model;
        this.sources = sources;
        this.scratchBytes = scratchBytes;
        this.outputs = outputs;
        int positions = (int) sources.tokens().size(0);
        reach = TokenReach.pays(model, positions) ? TokenReach.of(model, sources.tokens()) : null;
        twoLayers = TwoLayers.of(model, (long) targets * (positions + 1) / 2 / model.layers());
    }

    /**
     * Rows for the targets, in their order, over all columns of the graph with every active feature.
     *
     * @param done      hears how many targets are finished
     * @param cancelled asked between layers
     */
    EdgeRows rows(List<Target> targets, LongConsumer done, BooleanSupplier cancelled) {
        Plan plan = new Plan(targets);
        Arena arena = Arena.ofShared();
        try (var scope = TensorScope.open()) {
            MemorySegment values = arena.allocate(Math.max(1, plan.layout.size()) * Float.BYTES, 64);
            Tensor host = Tensor.borrow(values, DType.F32, Math.max(1, plan.layout.size()));
            Device device = model.device();
            Tensor out = device.isCpu() ? host : Tensor.zeros(DType.F32, device, host.numel());
            for (int from = 0; from < targets.size();) {
                int to = plan.endOfBatch(from);
                sweep(plan, from, to, out, cancelled);
                done.accept(to);
                from = to;
            }
            if (out != host) {
                Torch.copy(host, out);
            }
            return plan.layout.adopt(values, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private void sweep(Plan plan, int from, int to, Tensor out, BooleanSupplier cancelled) {
        try (var scope = TensorScope.open()) {
            Batch batch = new Batch(plan, from, to, out);
            batch.enter(model.layers());
            for (int layer = model.layers() - 1; layer >= 0; layer--) {
                if (cancelled.getAsBoolean()) {
                    throw new CancellationException("attribution was cancelled");
                }
                batch.readEdges(layer);
                batch.throughSkip(layer);
                if (layer > 0 || reach == null) {
                    batch.throughAttention(layer);
                }
            }
            if (reach == null) {
                batch.readTokens();
            } else {
                batch.enter(0);
                batch.readTokensFromAbove();
            }
        }
    }

    /** Room for {@code floats} values, which are undefined. */
    private Tensor scratch(long floats) {
        if (scratch == null || scratch.numel() < floats) {
            close();
            scratch = TensorScope.release(Tensor.empty(DType.F32, model.device(), floats));
        }
        return scratch;
    }

    @Override
    public void close() {
        if (scratch != null) {
            scratch.close();
            scratch = null;
        }
    }

    /** Order of work and places of the results. */
    private final class Plan {
        final List<Target> targets;
        /** Target numbers, by layer from the top, then by position. */
        final int[] order;
        final EdgeRows.Layout layout = new EdgeRows.Layout(sources.columns(outputs));
        /** First value of a target's run of features or errors of a layer, or of tokens; by target number. */
        final long[][] featureBase;
        final long[][] errorBase;
        final long[] tokenBase;

        Plan(List<Target> targets) {
            this.targets = targets;
            order = IntStream.range(0, targets.size()).boxed()
                .sorted(Comparator.<Integer>comparingInt(i -> -targets.get(i).layer()).thenComparingInt(i -> targets.get(i).position()))
                .mapToInt(Integer::intValue).toArray();
            featureBase = new long[model.layers()][targets.size()];
            errorBase = new long[model.layers()][targets.size()];
            tokenBase = new long[targets.size()];
            for (int t = 0; t < targets.size(); t++) {
                int layer = targets.get(t).layer();
                int count = targets.get(t).position() + 1;
                for (int l = 0; l < layer; l++) {
                    featureBase[l][t] = layout.run(sources.firstFeature(l), sources.featuresUpTo(l, count));
                }
                for (int l = 0; l < layer; l++) {
                    errorBase[l][t] = layout.run(sources.firstError(l), count);
                }
                tokenBase[t] = layout.run(sources.firstToken(), count);
                layout.endRow();
            }
        }

        int endOfBatch(int from) {
            long rows = 0;
            int to = from;
            while (to < order.length) {
                rows += targets.get(order[to]).position() + 1L;
                if (to > from && rows * model.scratchFloatsPerRow() * Float.BYTES > scratchBytes) {
                    break;
                }
                to++;
            }
            return to;
        }
    }

    /** The gradients of one batch, and how far the targets have entered. */
    private final class Batch {
        private final Plan plan;
        private final int[] members;
        private final long[] offset;
        private final Ragged all;
        private final Tensor out;
        private final Tensor gradient;
        private final Tensor heads;
        private final Tensor mixed;
        /** Targets that have entered: a prefix of the members. */
        private int entered;
        /** Of these, the targets from here on entered in the attention layer above, so that their rows of {@link #mixed} still tell all. */
        private int young;

        Batch(Plan plan, int from, int to, Tensor out) {
            this.plan = plan;
            this.out = out;
            members = Arrays.copyOfRange(plan.order, from, to);
            offset = new long[members.length + 1];
            int[] position = new int[members.length];
            for (int i = 0; i < members.length; i++) {
                position[i] = target(i).position();
                offset[i + 1] = offset[i] + position[i] + 1;
            }
            Device device = model.device();
            all = new Ragged(Torch.to(Tensor.ofLongs(Arrays.copyOf(offset, members.length), members.length), device),
                Torch.to(Tensor.ofInts(position, members.length), device));
            long rows = offset[members.length];
            Tensor room = scratch(rows * model.scratchFloatsPerRow());
            gradient = matrix(room, 0, rows, model.width());
            heads = matrix(room, rows * model.width(), rows, model.headsWidth());
            mixed = matrix(room, rows * (model.width() + model.headsWidth()), rows, model.valueWidth());
        }

        private static Tensor matrix(Tensor room, long from, long rows, long columns) {
            return Torch.reshape(Torch.narrow(room, 0, from, rows * columns), rows, columns);
        }

        private Target target(int member) {
            return plan.targets.get(members[member]);
        }

        private Ragged ragged(int first, int count) {
            return new Ragged(Torch.narrow(all.offset(), 0, first, count), Torch.narrow(all.position(), 0, first, count));
        }

        private Tensor rows(Tensor matrix, int first, int last) {
            return Torch.narrow(matrix, 0, offset[first], offset[last] - offset[first]);
        }

        /** Number of targets after the entered ones that enter at this layer. */
        private int fresh(int layer) {
            int end = entered;
            while (end < members.length && target(end).layer() == layer) {
                end++;
            }
            return end - entered;
        }

        /** The members' vectors, F32 [count, d]. */
        private Tensor vectors(int first, int count) {
            return model.vectors(IntStream.range(first, first + count).mapToObj(this::target).toList());
        }

        /** The row of each member's own position. */
        private Tensor ownRows(int first, int count) {
            long[] own = new long[count];
            for (int i = 0; i < count; i++) {
                own[i] = offset[first + i] + target(first + i).position();
            }
            return Torch.to(Tensor.ofLongs(own, count), model.device());
        }

        /** Targets above all layers (logits) enter without an attention layer between. */
        void enter(int layer) {
            int count = fresh(layer);
            if (count > 0) {
                Torch.zeroInPlace(rows(gradient, entered, entered + count));
                Kernels.addRows(gradient, ownRows(entered, count), vectors(entered, count));
                entered += count;
                young = entered;
            }
        }

        void readEdges(int layer) {
            if (entered == 0) {
                return;
            }
            try (var scope = TensorScope.open()) {
                Ragged ragged = ragged(0, entered);
                for (int from = sources.firstSourceLayer(layer); from <= layer; from++) {
                    Kernels.edgeContract(gradient, ragged, sources.decoders(from, layer), sources.segments(from), out,
                        base(plan.featureBase[from]), sources.crossLayer());
                }
                Kernels.edgeContract(gradient, ragged, sources.errors(layer), sources.onePerPosition(), out,
                    base(plan.errorBase[layer]), false);
            }
        }

        void readTokens() {
            Kernels.edgeContract(gradient, ragged(0, entered), sources.tokens(), sources.onePerPosition(), out,
                base(plan.tokenBase), false);
        }

        /** Edges of the tokens, read above the first layer's attention: for each token the sum over the positions that it reaches. */
        void readTokensFromAbove() {
            long[] base = new long[entered + 1];
            for (int i = 0; i < entered; i++) {
                long count = target(i).position() + 1L;
                base[i + 1] = base[i] + count * (count + 1) / 2;
            }
            try (var scope = TensorScope.open()) {
                Tensor parts = Tensor.empty(DType.F32, Device.CPU, base[entered]);
                Kernels.edgeContract(gradient, ragged(0, entered), reach.sources(), reach.segment(), parts,
                    Tensor.ofLongs(Arrays.copyOf(base, entered), entered), false);
                for (int i = 0; i < entered; i++) {
                    int count = target(i).position() + 1;
                    float[] values = parts.data().asSlice(base[i] * Float.BYTES, (base[i + 1] - base[i]) * Float.BYTES).toArray(JAVA_FLOAT);
                    float[] sums = new float[count];
                    for (int q = 0, at = 0; q < count; q++) {
                        for (int p = 0; p <= q; p++) {
                            sums[p] += values[at++];
                        }
                    }
                    MemorySegment.copy(sums, 0, out.data(), JAVA_FLOAT, plan.tokenBase[members[i]] * Float.BYTES, count);
                }
            }
        }

        private Tensor base(long[] byTarget) {
            long[] base = new long[entered];
            for (int i = 0; i < entered; i++) {
                base[i] = byTarget[members[i]];
            }
            return Torch.to(Tensor.ofLongs(base, entered), model.device());
        }

        /** The affine skip of a transcoder is the only path through an MLP. */
        void throughSkip(int layer) {
            FrozenModel.Skip skip = model.layer(layer).skip();
            if (skip == null || entered == 0) {
                return;
            }
            try (var scope = TensorScope.open()) {
                Tensor active = rows(gradient, 0, entered);
                Kernels.addScaledRows(gradient, Torch.mm(active, skip.weight()), ragged(0, entered), skip.scale());
            }
        }

        void throughAttention(int layer) {
            int count = fresh(layer);
            try (var scope = TensorScope.open()) {
                FrozenModel.Layer weights = model.layer(layer);
                if (entered > 0) {
                    Tensor active = rows(gradient, 0, entered);
                    toHeads(layer);
                    Kernels.patternAdjoint(heads, weights.pattern(), model.kvHeads(), ragged(0, entered), mixed);
                    weights.value().product(active, rows(mixed, 0, entered), 1);
                }
                young = entered;
                if (count > 0) {
                    Tensor vectors = vectors(entered, count);
                    Tensor own = Tensor.empty(DType.F32, model.device(), count, model.headsWidth());
                    weights.output().product(own, vectors, 0);
                    Kernels.patternAdjointSingle(own, weights.pattern(), model.kvHeads(), ragged(entered, count), mixed);
                    weights.value().product(rows(gradient, entered, entered + count), rows(mixed, entered, entered + count), 0);
                    Kernels.addRows(gradient, ownRows(entered, count), vectors);
                    entered += count;
                }
            }
        }

        /** The entered targets' gradients with respect to the heads' outputs. */
        private void toHeads(int layer) {
            Weight output = model.layer(layer).output();
            int whole = twoLayers.weight(layer) == null ? entered : young;
            if (whole > 0) {
                output.product(rows(heads, 0, whole), rows(gradient, 0, whole), 0);
            }
            int count = entered - whole;
            if (count > 0) {
                twoLayers.weight(layer).product(rows(heads, whole, entered), rows(mixed, whole, entered), 0);
                Tensor own = Tensor.empty(DType.F32, model.device(), count, model.headsWidth());
                output.product(own, vectors(whole, count), 0);
                Kernels.addRows(heads, ownRows(whole, count), own);
            }
        }
    }
}
