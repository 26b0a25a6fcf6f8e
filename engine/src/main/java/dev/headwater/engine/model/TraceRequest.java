package dev.headwater.engine.model;

import java.util.EnumSet;
import java.util.Set;

/**
 * What a forward pass is to leave behind; nothing else is kept.
 *
 * @param sites  whose tensors to keep, in every layer
 * @param frozen whether to keep what the linearised model holds fixed or starts from: attention probabilities, norm
 *               reciprocals, token vectors and the final residual
 */
public record TraceRequest(Set<FeatureSite> sites, boolean frozen, Logits logits) {
    /** At which positions logits are kept: they are the widest rows of a forward pass. */
    public enum Logits {
        NONE,
        LAST,
        ALL
    }

    /** The logits of the last position, nothing else: generation. */
    public static final TraceRequest LAST_LOGITS = new TraceRequest(Set.of(), false, Logits.LAST);

    public TraceRequest {
        sites = Set.copyOf(sites);
    }

    /** What attribution needs of a model whose transcoders stand between these sites. */
    public static TraceRequest attribution(FeatureSite input, FeatureSite output) {
        return new TraceRequest(EnumSet.of(input, output), true, Logits.LAST);
    }
}
