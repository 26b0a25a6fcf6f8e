package dev.headwater.cli.report;

import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Card.Layer;
import dev.headwater.engine.explanation.Card.Replaced;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Flow;
import dev.headwater.engine.explanation.Explanation.Judged;
import dev.headwater.engine.explanation.Explanation.Range;
import dev.headwater.engine.explanation.Measures;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Verification.Agreement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** What is said of an explanation, piece by piece, whatever it is written to; nothing is escaped yet. */
record ExplanationText(Explanation found) {
    /** A circuit's number in three ways to choose as many features, and at other ablation values. */
    record Row(String name, String circuit, String strongest, String random) {}

    /** What a card says of one thing. */
    record Line(String name, String text) {}

    /** How far a layer holds, or all of them at once. */
    record LayerRow(String layer, String unexplained, String probability, String margin, String divergence) {}

    String answer() {
        return String.format(
                Locale.ROOT,
                "\"%s\" %.4f, its logit %.2f ahead of \"%s\"",
                found.answer().text(),
                found.answer().probability(),
                found.answer().margin(),
                found.answer().rival());
    }

    String size() {
        long members =
                found.boxes().stream().mapToLong(box -> box.members().size()).sum();
        return Text.count(members) + " of " + Text.count(found.features()) + " features, in "
                + Text.count(found.boxes().size()) + (found.boxes().size() == 1 ? " box" : " boxes");
    }

    String toAnswer(Box box) {
        return found.flows().stream()
                .filter(flow -> flow.to().equals(Flow.ANSWER) && flow.from().equals(box.name()))
                .map(flow -> effect(flow.effect()))
                .findFirst()
                .orElse("");
    }

    static String effect(double value) {
        return String.format(Locale.ROOT, "%+.3f", value);
    }

    /** What the box draws on, "" for nothing. */
    String flows(Box box) {
        String into = found.flows().stream()
                .filter(flow -> flow.to().equals(box.name()))
                .map(flow -> flow.from() + " " + effect(flow.effect()))
                .collect(Collectors.joining(", "));
        return into.isEmpty() ? "" : into + " → " + box.name();
    }

    List<Row> rows() {
        Judged judged = found.circuit();
        List<Row> rows = new ArrayList<>();
        rows.add(row("necessity", Measures::necessity, range(found.random().necessity())));
        rows.add(row("  P(answer) without", Measures::probabilityWithout, ""));
        rows.add(row("sufficiency", Measures::sufficiency, range(found.random().sufficiency())));
        rows.add(row("  P(answer) alone", Measures::probabilityAlone, ""));
        rows.add(spread("both, a quarter left", judged.partly()));
        rows.add(spread("both, a quarter turned", judged.turned()));
        rows.add(spread("both, attention live", judged.live()));
        return rows;
    }

    private Row row(String name, ToDoubleFunction<Measures> number, String random) {
        return new Row(
                name,
                number(number.applyAsDouble(found.circuit().taken())),
                number(number.applyAsDouble(found.strongest())),
                random);
    }

    private static Row spread(String name, Measures measures) {
        return new Row(name, number(measures.necessity()) + ", " + number(measures.sufficiency()), "", "");
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    private static String range(Range range) {
        return String.format(Locale.ROOT, "%.3f (%.3f to %.3f)", range.mean(), range.lowest(), range.highest());
    }

    String scores() {
        return scores(found.scores()) + " of the graph with the circuit alone explained";
    }

    private static String scores(Scores scores) {
        return String.format(
                Locale.ROOT, "replacement %.3f, completeness %.3f", scores.replacement(), scores.completeness());
    }

    String words() {
        Measures taken = found.circuit().taken();
        return String.format(
                Locale.ROOT,
                "In words: without the circuit \"%s\" loses %.0f %% of the lead that it owes to features (P %.4f); with the circuit alone it keeps %.0f %% (P %.4f).",
                found.answer().text(),
                100 * taken.necessity(),
                taken.probabilityWithout(),
                100 * taken.sufficiency(),
                taken.probabilityAlone());
    }

    /** A card's numbers that are not in {@link #rows}. */
    static List<Line> card(Card card) {
        return List.of(
                new Line("graph", scores(card.graph()) + " with all its features explained"),
                new Line("circuit", scores(card.circuit()) + " with the circuit alone explained"),
                new Line("direct effects", agreement(card.direct())),
                new Line("total effects", agreement(card.total())));
    }

    private static String agreement(Agreement agreement) {
        return String.format(
                Locale.ROOT,
                "correlation %.4f, relative error %.4f over %s changes, foretold by the graph and measured",
                agreement.correlation(),
                agreement.relativeError(),
                Text.count(agreement.targets()));
    }

    /** Layer by layer, then all; none for neurons. */
    static List<LayerRow> layers(Card card) {
        List<LayerRow> rows = new ArrayList<>();
        for (Layer layer : card.layers()) {
            rows.add(layer(
                    Integer.toString(layer.layer()),
                    String.format(Locale.ROOT, "%.4f", layer.unexplained()),
                    layer.replaced()));
        }
        if (card.whole() != null) {
            rows.add(layer("all", "", card.whole()));
        }
        return rows;
    }

    private static LayerRow layer(String name, String unexplained, Replaced replaced) {
        return new LayerRow(
                name,
                unexplained,
                String.format(Locale.ROOT, "%.4f", replaced.probability()),
                String.format(Locale.ROOT, "%.2f", replaced.margin()),
                String.format(Locale.ROOT, "%.4f", replaced.divergence()));
    }

    static String asItIs(WhyNot whyNot) {
        return String.format(
                Locale.ROOT,
                "P %.4f, its logit %.2f %s the strongest other",
                whyNot.probability(),
                Math.abs(whyNot.margin()),
                whyNot.margin() < 0 ? "behind" : "ahead of");
    }

    static String together(WhyNot whyNot) {
        return whyNot.features().isEmpty()
                ? "No feature of the graph holds it down."
                : String.format(
                        Locale.ROOT,
                        "Without these %d together: P %.4f, %.2f %s \"%s\".",
                        whyNot.features().size(),
                        whyNot.probabilityWithout(),
                        Math.abs(whyNot.marginWithout()),
                        whyNot.marginWithout() < 0 ? "behind" : "ahead of",
                        whyNot.then());
    }
}
