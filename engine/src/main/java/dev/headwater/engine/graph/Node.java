package dev.headwater.engine.graph;

/** A node of an attribution graph. */
public sealed interface Node {
    /** Token position. */
    int position();

    /** A transcoder feature that fires with this activation. */
    record Feature(FeatureRef ref, float activation) implements Node {
        /** {@return layer of the feature, from 0} */
        public int layer() {
            return ref.layer();
        }

        @Override
        public int position() {
            return ref.position();
        }

        /** Number within its layer. */
        public int feature() {
            return ref.feature();
        }
    }

    /** What the transcoders leave unexplained of an MLP's output. */
    record Error(int layer, int position) implements Node {}

    /** An input token's embedding. */
    record Token(int position, int token, String text) implements Node {}

    /** An output target. */
    record Logit(LogitTarget target) implements Node {
        @Override
        public int position() {
            return target.position();
        }
    }
}
