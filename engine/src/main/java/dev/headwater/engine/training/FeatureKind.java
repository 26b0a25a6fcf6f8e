package dev.headwater.engine.training;

/** How a feature's activation comes from its pre-activation while it is trained, and what the finished set has. */
public enum FeatureKind {
    /** The k largest of a position (Gao et al., arXiv 2406.04093); the set has TopK. */
    TOPK,
    /** The k · P largest of a batch of P positions (Bussmann et al., arXiv 2412.06410); the set has JumpReLU with one threshold a layer. */
    BATCHTOPK,
    /** max(x, 0), with a penalty on activations times their decoders' norms (Conerly et al., 2024); the set has ReLU. */
    RELU,
    /**
     * x where it is over a threshold, which is trained by straight-through estimators under a penalty on how many are active
     * (Rajamanoharan et al., arXiv 2407.14435); the set has JumpReLU.
     */
    JUMPRELU;

    /** Whether what is active is bounded by a penalty, whose weight is steered, and not by a number. */
    boolean penalised() {
        return this == RELU || this == JUMPRELU;
    }
}
