package dev.headwater.engine.model;

/** What a tensor of a model is there for. */
enum Role {
    EMBEDDING,
    POSITIONS,
    FINAL_NORM,
    UNEMBEDDING,
    PRE_ATTENTION,
    QUERY,
    KEY,
    VALUE,
    QUERY_KEY_VALUE,
    OUTPUT,
    QUERY_NORM,
    KEY_NORM,
    SINKS,
    POST_ATTENTION,
    PRE_MLP,
    GATE,
    UP,
    GATE_UP,
    DOWN,
    POST_MLP,
    ROUTER,
    EXPERTS_GATE,
    EXPERTS_UP,
    EXPERTS_GATE_UP,
    EXPERTS_DOWN
}
