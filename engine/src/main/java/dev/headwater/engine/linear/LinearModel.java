package dev.headwater.engine.linear;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.product.Products;
import dev.headwater.engine.transcoder.FeatureBasis;
import org.jspecify.annotations.Nullable;

/**
 * What the linearised model is on every prompt: weights with the norms' gains folded in, and products of neighbouring
 * layers' weights. A {@link dev.headwater.engine.ReplacementModel} makes it once and closes it. Safe to use from several
 * threads.
 */
public final class LinearModel implements AutoCloseable {
    private final FrozenWeights weights;
    private final AutoCloseable tensors;
    private final MemoryBudget memory;
    private final MemoryBudget.Reservation reserved;
    private @Nullable TwoLayers twoLayers;
    private @Nullable AutoCloseable twoLayerTensors;
    private MemoryBudget.@Nullable Reservation twoLayersReserved;

    private LinearModel(LanguageModel model, FeatureBasis basis, Products products, MemoryBudget memory) {
        this.memory = memory;
        reserved = memory.reserve("folded weights", Place.DEVICE, FrozenWeights.bytes(model.config(), basis, products));
        TensorScope scope = TensorScope.open();
        try {
            weights = FrozenWeights.of(model, basis, products);
            tensors = scope.detach();
        } catch (RuntimeException | Error e) {
            scope.close();
            reserved.close();
            throw e;
        }
    }

    /** Folds the weights of a model whose MLPs these transcoders stand in for. */
    public static LinearModel of(LanguageModel model, FeatureBasis basis, Products products, MemoryBudget memory) {
        return new LinearModel(model, basis, products, memory);
    }

    /** {@return the folded weights, borrowed: they close with this} */
    public FrozenWeights weights() {
        return weights;
    }

    /**
     * The shortcut through two layers for a sweep, made when the first sweep comes for which it pays; without any where it
     * doesn't, or where there is no memory for it. Whether it pays depends on nothing but the sweep, so that equal prompts
     * are computed alike whatever went before.
     *
     * @param rows about how many gradient rows the sweep has at each layer
     */
    public synchronized TwoLayers twoLayers(long rows) {
        if (!TwoLayers.pays(weights, rows)) {
            return TwoLayers.none(weights);
        }
        if (twoLayers == null) {
            long bytes = TwoLayers.bytes(weights);
            if (bytes > memory.working(Place.DEVICE)) {
                return TwoLayers.none(weights);
            }
            MemoryBudget.Reservation room = memory.reserve("two-layer weights", Place.DEVICE, bytes);
            TensorScope scope = TensorScope.open();
            try {
                twoLayers = TwoLayers.of(weights);
                twoLayerTensors = scope.detach();
                twoLayersReserved = room;
            } catch (RuntimeException | Error e) {
                scope.close();
                room.close();
                throw e;
            }
        }
        return twoLayers;
    }

    @Override
    public synchronized void close() {
        try {
            tensors.close();
            if (twoLayerTensors != null) {
                twoLayerTensors.close();
            }
            if (twoLayersReserved != null) {
                twoLayersReserved.close();
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            reserved.close();
        }
    }
}
