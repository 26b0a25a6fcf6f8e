package dev.headwater.engine.circuit;

import dev.headwater.engine.document.DocumentNode.Kind;
import java.util.Comparator;

/**
 * What is one node in all graphs of a set: a feature by layer, number and role, whatever token is at a role, or the answer, which is each
 * graph's most probable output.
 *
 * @param kind    FEATURE, TOKEN or LOGIT
 * @param layer   of a feature, otherwise -1
 * @param feature number within its layer, otherwise -1
 */
public record Member(Kind kind, int layer, int feature, Role role) implements Comparable<Member> {
    /** The most probable output. */
    static final Member ANSWER = new Member(Kind.LOGIT, -1, -1, Role.LAST);

    private static final Comparator<Member> ORDER = Comparator.comparing(Member::kind)
            .thenComparingInt(Member::layer)
            .thenComparing(Member::role)
            .thenComparingInt(Member::feature);

    static Member feature(int layer, int feature, Role role) {
        return new Member(Kind.FEATURE, layer, feature, role);
    }

    static Member token(Role role) {
        return new Member(Kind.TOKEN, -1, -1, role);
    }

    /** Whether it is a feature. */
    public boolean ofFeature() {
        return kind == Kind.FEATURE;
    }

    @Override
    public int compareTo(Member other) {
        return ORDER.compare(this, other);
    }

    /** {@code 2/607 final}, {@code token subject} or {@code answer}. */
    @Override
    public String toString() {
        return ofFeature() ? layer + "/" + feature + " " + role : kind == Kind.TOKEN ? "token " + role : "answer";
    }
}
