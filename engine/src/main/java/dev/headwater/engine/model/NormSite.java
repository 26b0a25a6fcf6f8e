package dev.headwater.engine.model;

/** The norms of a layer in the order of the forward pass, and the one after the last layer. */
public enum NormSite {
    PRE_ATTENTION,
    /** On what attention adds to the residual stream, where the family has one: Gemma 2 and 3, OLMo 2. */
    POST_ATTENTION,
    PRE_MLP,
    /** On what the MLP adds to the residual stream, in the same families. */
    POST_MLP,
    /** Before the unembedding; it belongs to no layer. */
    FINAL
}
