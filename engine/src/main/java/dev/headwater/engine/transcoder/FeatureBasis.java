package dev.headwater.engine.transcoder;

import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.engine.model.FeatureSite;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a model's MLPs are taken apart into: the features of {@linkplain TranscoderSet transcoders}, or the MLPs' own neurons. L
 * layers of F features, width d, P positions. All arithmetic and all results are float32; results belong to the innermost {@link
 * dev.headwater.bindings.TensorScope}, else to the caller.
 */
public interface FeatureBasis extends AutoCloseable {
    /** L. */
    int layers();

    /** F, features of a layer. */
    int features();

    /** Where features read. */
    FeatureSite input();

    /** Where features write. */
    FeatureSite output();

    /**
     * Whether nearly every feature is active everywhere, with either sign, so that those of a graph have to be chosen first, and
     * what a feature reads through depends on the prompt.
     */
    boolean dense();

    /** Whether features write to later layers too. */
    boolean crossLayer();

    /** The last layer that features of a layer write to. */
    int lastTarget(int sourceLayer);

    /** Whether there is a linear path beside the features of a layer. */
    boolean hasSkip(int layer);

    /** That path S [d, d], which adds x · S to the output, or null if there is none. */
    @Nullable
    Tensor skip(int layer);

    /**
     * The active features of a layer.
     *
     * @param x        F32 [P, d] at the input site
     * @param firstRow positions before it get none
     */
    SparseActivations encode(int layer, Tensor x, int firstRow);

    /**
     * Activations of some features at all positions, [P * n].
     *
     * @param feature ascending
     * @param x F32 [P, d] at the input site
     */
    float[] activations(int layer, Tensor x, int[] feature);

    /** What all features of a layer have before their activation function [P, F]; for few positions or small sets. */
    Tensor preActivations(int layer, Tensor x);

    /** The same of chosen features at chosen positions. */
    float[] preActivations(int layer, Tensor x, int[] position, int[] feature);

    /**
     * What features read through, [n, d]: a feature's pre-activation is a bias plus the product of its row with the input, around
     * this input at least.
     *
     * @param position where each feature is active
     * @param x        F32 [P, d] at the input site
     */
    Tensor encoderRows(int layer, int[] feature, int[] position, Tensor x);

    /**
     * The same for many layers at once: what a GPU lacks for it goes there with the shipment, and rows can be had once that was sent.
     * They belong to the scope that is open then.
     */
    default Supplier<Tensor> encoderRows(int layer, int[] feature, int[] position, Tensor x, Shipment shipment) {
        return () -> encoderRows(layer, feature, position, x);
    }

    /** What features of a layer write to a layer, where all of that lies on the GPU; null where it does not. */
    default @Nullable ResidentRows residentDecoder(int sourceLayer, int targetLayer) {
        return null;
    }

    /** What of the features' weights a GPU with so many bytes for them and for work would keep. */
    default Residency residency(long room) {
        return Residency.NONE;
    }

    /** Has matrices stay on the GPU from their first use on; before that. */
    default void keep(Residency residency) {}

    /**
     * What features of a layer write to a layer: out[i] = scale[i] · gain · row of feature[i].
     *
     * @param targetLayer from sourceLayer to {@link #lastTarget}
     * @param scale       n numbers, activations for instance, or null
     * @param gain        F32 [d] or null
     * @param out         F32 [n, d], overwritten
     */
    void decoderRows(
            int sourceLayer,
            int targetLayer,
            int[] feature,
            float @Nullable [] scale,
            @Nullable Tensor gain,
            Tensor out);

    /** Has rows for {@link #decoderRows} read from the disk while something else goes on; numbers ascending. */
    void willNeedDecoderRows(int sourceLayer, int targetLayer, int[] feature);

    /**
     * What some features make of the output at every layer: what they write, the bias, and the skip.
     *
     * @param activations by layer
     * @param x           F32 [P, d] at the input site, by layer
     * @return F32 [P, d] at the output site, by layer
     */
    List<Tensor> reconstruct(List<SparseActivations> activations, List<Tensor> x);

    @Override
    void close();
}
