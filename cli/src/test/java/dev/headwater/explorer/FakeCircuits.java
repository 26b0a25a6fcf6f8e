package dev.headwater.explorer;

import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.explanation.Answer;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Draws;
import dev.headwater.engine.explanation.Explanation.Flow;
import dev.headwater.engine.explanation.Explanation.Judged;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.explanation.Explanation.Range;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.Measures;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Verification.Agreement;
import java.util.List;
import java.util.stream.IntStream;

/** Three features of the Dallas graph as its circuit, with numbers of all kinds. */
final class FakeCircuits {
    private static final Answer ANSWER = new Answer(3913, " Austin", 0.9997, " Texas", 8.17);

    private static final Judged JUDGED = new Judged(
            new Measures(0.96, 0.9, 0.0004, 0.989),
            new Measures(0.9, 1.02, 0, 1),
            new Measures(Double.NaN, Double.NaN, 0, 1),
            new Measures(0.89, -0.24, 0, 1));

    private static final Draws DRAWS = new Draws(new Range(0.35, 0.01, 0.62), new Range(0.38, 0.13, 0.67));

    static final WhyNot WHY_NOT_HOUSTON = new WhyNot(
            " Houston",
            0.001,
            -7.5,
            List.of(new WhyNot.Held(new FeatureRef(5, 10, 1320), "say Austin", 2.5, -0.25)),
            0.02,
            -5,
            " Dallas",
            300);

    static final Card CARD = new Card(
            new Scores(0.91, 0.97),
            new Scores(0.1, 0.2),
            new Agreement(40, 0.9999, 0.0002),
            new Agreement(40, 0.75, 0.5),
            List.of(new Card.Layer(0, 0.125, new Card.Replaced(0.875, 6, 0.25))),
            new Card.Replaced(0.5, 0.75, 1.5));

    private FakeCircuits() {}

    static Explanation explanation(CircuitEngine.Subject subject) {
        List<Box> boxes =
                List.of(box(subject, "Dallas", 9, "0_94_9", "0_1862_9"), box(subject, "say Austin", 10, "5_1320_10"));
        return new Explanation(
                subject.document().metadata().path("prompt").asText(),
                ANSWER,
                647,
                boxes,
                List.of(new Flow("Dallas", Flow.ANSWER, 1.69), new Flow("say Austin", Flow.ANSWER, 4.733)),
                JUDGED,
                new Measures(0.52, 0.76, 0.032, 0.962),
                DRAWS,
                new Scores(0.144, 0.787),
                1416,
                List.of());
    }

    static Judgement judgement(int size) {
        return new Judgement(ANSWER, 647, size, JUDGED, JUDGED.partly(), DRAWS, new Scores(0.1, 0.2), 54);
    }

    private static Box box(CircuitEngine.Subject subject, String name, int position, String... ids) {
        List<DocumentNode> nodes = subject.document().nodes();
        List<Member> members = IntStream.range(0, nodes.size())
                .filter(i -> List.of(ids).contains(nodes.get(i).id()))
                .mapToObj(i -> member(i, nodes.get(i)))
                .toList();
        return new Box(name, position, " token", members, 0.25, 0.5);
    }

    private static Member member(int number, DocumentNode node) {
        return new Member(number, new FeatureRef(node.layer(), node.position(), (int) node.feature()), "", 0.1, 0.2);
    }
}
