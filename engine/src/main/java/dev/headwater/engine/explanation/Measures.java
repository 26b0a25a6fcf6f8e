package dev.headwater.engine.explanation;

/**
 * How much of an answer rests on a circuit. With m the margin of the answer ({@link Answer#margin}), M the model, F the features that
 * are at stake and C the circuit, and features taken away by setting them to their ablation value while the model runs:
 *
 * <p>necessity = (m(M) - m(M without C)) / (m(M) - m(M without F)), sufficiency = (m(M without F \ C) - m(M without F)) / (m(M) - m(M
 * without F)).
 *
 * <p>The second is the faithfulness of Marks et al., <i>Sparse Feature Circuits</i> (arXiv 2403.19647), the first is 1
 * less the faithfulness of the circuit's complement, which they call completeness, both after Wang et al. (arXiv 2211.00593, section
 * 4). 0 is what no feature does, 1 what all do; beyond 1 a circuit does more than all, below 0 the opposite.
 *
 * @param probabilityWithout of the answer when the circuit is taken away
 * @param probabilityAlone   of the answer when all else is
 */
public record Measures(double necessity, double sufficiency, double probabilityWithout, double probabilityAlone) {
    /** What a search makes large: both, each up to 1, as more than all is no better than all. */
    double score() {
        return Math.min(1, necessity) + Math.min(1, sufficiency);
    }
}
