package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.linear.TwoLayers;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes rows of edge matrices: carries the gradient of each target's pre-activation down the frozen model and takes
 * its inner product with every source on the way.
 *
 * <p>A target at (layer, position) depends on lower layers and on positions up to its own only. So the batch is ragged,
 * with {@code position + 1} gradient rows a target, and sorted by layer from the top: at each layer the targets above
 * it are a prefix of the rows, and both matrix products run over that prefix. A target that enters has a gradient at
 * one position only; its first attention layer therefore costs one row instead of {@code position + 1}, and its second
 * one a product of lower rank, see {@link TwoLayers}. Rows of several prompts share the products, since weights are the
 * same for all.
 *
 * <p>Formula: reference section 2.6, A[t, s] = in_tᵀ · J(s→t) · out_s, with attention probabilities and norm
 * denominators constant and no path through an MLP but the transcoder's affine skip.
 */
final class AdjointSweep implements AutoCloseable {
    /** One target of one of the prompts; {@code number} counts the prompt's own targets. */
    record Member(SweepPlan plan, int number) {
        Target target() {
            return plan.targets.get(number);
        }
    }

    private final FrozenWeights weights;
    private final TwoLayers twoLayers;
    private final long scratchBytes;
    private final MemoryBudget memory;
    /**
     * Gradients, heads and mixed values of a batch side by side, kept from one batch to the next: fresh memory costs
     * page faults.
     */
    private @Nullable Tensor scratch;

    private MemoryBudget.@Nullable Reservation reserved;

    /**
     * @param scratchBytes room for the gradients of one batch; more targets than fit are swept in several batches
     */
    AdjointSweep(FrozenWeights weights, TwoLayers twoLayers, long scratchBytes, MemoryBudget memory) {
        this.weights = weights;
        this.scratchBytes = scratchBytes;
        this.memory = memory;
        this.twoLayers = twoLayers;
    }

    /** Rows that are wanted of one prompt's edge matrix, for the targets in their order. */
    record Wanted(FrozenPrompt prompt, List<Target> targets) {}

    /**
     * For each prompt the rows that are wanted of it, over all columns of its graph with every active feature. The
     * caller closes them.
     *
     * @param done      hears how many targets are finished
     * @param cancelled asked between layers
     */
    List<EdgeRows> rows(List<Wanted> wanted, LongConsumer done, BooleanSupplier cancelled) {
        List<SweepPlan> plans = new ArrayList<>();
        try (var scope = TensorScope.open()) {
            List<Member> members = new ArrayList<>();
            for (Wanted one : wanted) {
                SweepPlan plan = new SweepPlan(one.prompt(), one.targets(), memory, weights.device());
                plans.add(plan);
                IntStream.range(0, one.targets().size())
                        .boxed()
                        .sorted(Comparator.comparingInt(
                                t -> one.targets().get(t).position()))
                        .forEach(t -> members.add(new Member(plan, t)));
            }
            // The sort is stable: within a layer each prompt's targets stay together, by position.
            members.sort(Comparator.comparingInt(member -> -member.target().layer()));
            Shipment shipment = new Shipment(weights.device());
            List<SweepLayout> batches = new ArrayList<>();
            for (int from = 0, to; from < members.size(); from = to) {
                to = endOfBatch(members, from);
                batches.add(new SweepLayout(members.subList(from, to), shipment));
            }
            shipment.send();
            int swept = 0;
            for (SweepLayout batch : batches) {
                sweep(batch, cancelled);
                swept += batch.size();
                done.accept(swept);
            }
            return plans.stream().map(SweepPlan::finish).toList();
        } catch (RuntimeException | Error e) {
            plans.forEach(SweepPlan::abandon);
            throw e;
        }
    }

    private int endOfBatch(List<Member> members, int from) {
        long rows = 0;
        int to = from;
        while (to < members.size()) {
            rows += members.get(to).target().position() + 1L;
            if (to > from && rows * weights.scratchFloatsPerRow() * Float.BYTES > scratchBytes) {
                break;
            }
            to++;
        }
        return to;
    }

    private void sweep(SweepLayout layout, BooleanSupplier cancelled) {
        try (var scope = TensorScope.open()) {
            SweepBatch batch = new SweepBatch(weights, twoLayers, layout, this::scratch);
            boolean reach = layout.parts().stream().allMatch(part -> part.prompt.reach() != null);
            int layers = weights.layers().size();
            batch.start(layers);
            for (int layer = layers - 1; layer >= 0; layer--) {
                if (cancelled.getAsBoolean()) {
                    throw new CancellationException("attribution was cancelled");
                }
                if (layer > 0) {
                    batch.willNeed(layer - 1);
                }
                batch.readEdges(layer);
                if (weights.parallel()) {
                    batch.throughAttentionAndSkip(layer);
                    batch.start(layer);
                    continue;
                }
                batch.throughSkip(layer);
                if (layer > 0 || !reach) {
                    batch.throughAttention(layer);
                }
            }
            if (reach) {
                batch.start(0);
                batch.readTokensFromAbove();
            } else {
                batch.readTokens();
            }
        }
    }

    /** Bytes that gradients may take at a time. */
    long scratchBytes() {
        return scratchBytes;
    }

    /** Room for {@code floats} values, which are undefined; the next call takes it back. */
    Tensor scratch(long floats) {
        if (scratch == null || scratch.numel() < floats) {
            close();
            reserved = memory.reserve("gradients", Place.DEVICE, floats * Float.BYTES);
            scratch = TensorScope.release(Tensor.empty(DType.F32, weights.device(), floats));
        }
        return scratch;
    }

    @Override
    public void close() {
        if (scratch != null) {
            scratch.close();
            scratch = null;
        }
        if (reserved != null) {
            reserved.close();
            reserved = null;
        }
    }
}
