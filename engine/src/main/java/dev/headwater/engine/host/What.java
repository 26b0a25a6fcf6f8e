package dev.headwater.engine.host;

/** The numbers by which {@code headwater.h} names arrays and texts; the header says what each holds. */
final class What {
    static final int TOKENS = 1;
    static final int NODE_KIND = 10;
    static final int NODE_LAYER = 11;
    static final int NODE_POSITION = 12;
    static final int NODE_NUMBER = 13;
    static final int NODE_ACTIVATION = 14;
    static final int NODE_INFLUENCE = 15;
    static final int EDGE_START = 20;
    static final int EDGE_SOURCE = 21;
    static final int EDGE_WEIGHT = 22;
    static final int LOGIT_TOKENS = 30;
    static final int LOGIT_WEIGHTS = 31;
    static final int ACTIVE_FEATURES = 40;
    static final int ACTIVATIONS = 41;
    static final int SELECTED = 42;
    static final int KEPT_NODES = 50;
    static final int KEPT_TARGETS = 51;
    static final int KEPT_SOURCES = 52;
    static final int KEPT_WEIGHTS = 53;
    static final int LOGITS = 60;
    static final int LAYER_POSITIONS = 61;
    static final int LAYER_FEATURES = 62;
    static final int LAYER_ACTIVATIONS = 63;
    static final int LAYER_DENSE = 64;
    static final int VALUES = 70;
    static final int HEAD_INFLUENCE = 80;
    static final int HEAD_TARGETS = 81;
    static final int HEAD_SOURCES = 82;
    static final int HEAD_START = 83;
    static final int HEAD_LAYERS = 84;
    static final int HEAD_NUMBERS = 85;
    static final int HEAD_LOADINGS = 86;
    static final int HEAD_REST = 87;
    static final int SOURCES = 88;
    static final int SCORE_SUMMARY = 90;
    static final int SCORE_QUERY = 91;
    static final int SCORE_KEY = 92;
    static final int SCORE_RELATIVE = 93;
    static final int SCORE_PAIRS = 94;
    static final int SCORE_PAIR_VALUES = 95;
    static final int TOKEN_TEXTS = 100;
    static final int PROMPT_TEXT = 101;
    static final int LOGIT_TEXTS = 102;
    static final int NODE_LABELS = 103;
    static final int GENERATED_TEXT = 104;
    static final int INFO = 105;

    private What() {}
}
