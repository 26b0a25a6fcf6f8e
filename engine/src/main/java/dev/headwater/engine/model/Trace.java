package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a forward pass left behind, as its {@link TraceRequest} asked: float32 tensors on the model's device, which live
 * until the trace is closed. Asking for what was not requested is an {@link IllegalStateException}.
 */
public final class Trace implements AutoCloseable {
    private final int[] tokens;
    private final int layers;
    private final Map<FeatureSite, Tensor[]> sites = new EnumMap<>(FeatureSite.class);
    private final Tensor[] attention;
    private final Map<NormSite, Tensor[]> reciprocals = new EnumMap<>(NormSite.class);
    private final List<Tensor> owned = new ArrayList<>();
    private @Nullable Tensor tokenVectors;
    private @Nullable Tensor finalResidual;
    private @Nullable Tensor logits;

    Trace(int[] tokens, int layers) {
        this.tokens = tokens.clone();
        this.layers = layers;
        attention = new Tensor[layers];
    }

    private Tensor own(Tensor tensor) {
        owned.add(TensorScope.release(tensor));
        return tensor;
    }

    void keepSite(FeatureSite site, int layer, Tensor value) {
        sites.computeIfAbsent(site, s -> new Tensor[layers])[layer] = own(value);
    }

    void keepAttention(int layer, Tensor probabilities) {
        attention[layer] = own(probabilities);
    }

    void keepReciprocal(NormSite norm, int layer, Tensor reciprocal) {
        reciprocals.computeIfAbsent(norm, s -> new Tensor[norm == NormSite.FINAL ? 1 : layers])[layer] =
                own(reciprocal);
    }

    void keepTokenVectors(Tensor vectors) {
        tokenVectors = own(vectors);
    }

    void keepFinalResidual(Tensor residual) {
        finalResidual = own(residual);
    }

    void keepLogits(Tensor values) {
        logits = own(values);
    }

    /** The ids that were read, in this pass. */
    public int[] tokens() {
        return tokens.clone();
    }

    /** {@return tokens of the prompt} */
    public int positions() {
        return tokens.length;
    }

    /** {@return layers of the model} */
    public int layers() {
        return layers;
    }

    /** [positions, width]. */
    public Tensor site(FeatureSite site, int layer) {
        return kept(sites.containsKey(site) ? sites.get(site)[layer] : null, site.hookName());
    }

    /** Probabilities of a layer: [heads, positions, positions], or [heads, positions, all positions] after a cache. */
    public Tensor attention(int layer) {
        return kept(attention[layer], "attention");
    }

    /** Whether the model has this norm and its reciprocals were kept. */
    public boolean has(NormSite norm) {
        return reciprocals.containsKey(norm);
    }

    /** 1/s of each position, [positions]; the layer of {@link NormSite#FINAL} is 0. */
    public Tensor reciprocal(NormSite norm, int layer) {
        return kept(reciprocals.containsKey(norm) ? reciprocals.get(norm)[layer] : null, norm + " reciprocals");
    }

    /** Scaled token embeddings, without positions': [positions, width]. */
    public Tensor tokenVectors() {
        return kept(tokenVectors, "token vectors");
    }

    /** What enters the final norm: [positions, width]. */
    public Tensor finalResidual() {
        return kept(finalResidual, "final residual");
    }

    /** After the final soft-cap: [positions, vocab], or [1, vocab] if only the last position was asked for. */
    public Tensor logits() {
        return kept(logits, "logits");
    }

    private static Tensor kept(@Nullable Tensor tensor, String what) {
        if (tensor == null) {
            throw new IllegalStateException("the forward pass was not asked to keep: " + what);
        }
        return tensor;
    }

    @Override
    public void close() {
        owned.forEach(Tensor::close);
    }
}
