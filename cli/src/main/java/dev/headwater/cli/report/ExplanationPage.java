package dev.headwater.cli.report;

import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.explanation.WhyNot;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An explanation as a page of its own: drawing, tables and card in one file that needs nothing else, runs nothing and, by its policy,
 * loads nothing.
 */
final class ExplanationPage {
    private static final String STYLE = """
            body { font: 15px/1.45 sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }
            h1 { font-size: 1.3rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin-top: 2rem }
            table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd }
            td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } .d { border: 1px solid #ddd }
            .d svg { display: block; max-width: 100%; height: auto }
            .f { color: #555; font-size: .85rem } td { overflow-wrap: break-word } li { overflow-wrap: anywhere }
            """;

    private final StringBuilder page = new StringBuilder();

    private ExplanationPage() {}

    static String of(Explanation found, @Nullable WhyNot whyNot, @Nullable Card card) {
        ExplanationPage written = new ExplanationPage();
        written.write(found, whyNot, card);
        return written.page.toString();
    }

    private void write(Explanation found, @Nullable WhyNot whyNot, @Nullable Card card) {
        ExplanationText said = new ExplanationText(found);
        String title = Text.markup(found.prompt());
        page.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.append(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        page.append("<meta name=\"viewport\" content=\"width=device-width\">\n<title>")
                .append(title)
                .append("</title>\n<style>\n")
                .append(STYLE)
                .append("</style>\n</head>\n<body>\n");
        page.append("<h1>").append(title).append("</h1>\n");
        paragraph("Answer: " + said.answer() + ". Circuit: " + said.size() + ".");
        page.append("<div class=\"d\">\n").append(CircuitDrawing.svg(found)).append("</div>\n");
        paragraph(said.words());
        boxes(found, said);
        heading("Direct effects");
        list(found.boxes().stream()
                .map(said::flows)
                .filter(into -> !into.isEmpty())
                .toList());
        heading("How much of the answer rests on it");
        head(1, "", "circuit", "top influence", "random (lowest to highest)");
        said.rows().forEach(row -> cells(1, row.name().strip(), row.circuit(), row.strongest(), row.random()));
        page.append("</table>\n");
        if (card == null) {
            paragraph(said.scores() + ".");
        } else {
            card(card);
        }
        if (whyNot != null) {
            heading("Why not \"" + whyNot.token() + "\"");
            paragraph(ExplanationText.asItIs(whyNot) + ". " + ExplanationText.together(whyNot));
            list(whyNot.features().stream()
                    .map(held -> String.format(
                            Locale.ROOT,
                            "%s %s: %+.3f, by its own logit %+.3f",
                            held.feature(),
                            held.label(),
                            held.alone(),
                            held.own()))
                    .toList());
        }
        page.append(
                "<p class=\"f\">Made by headwater explain. Necessity: what of the answer's lead is lost without the circuit; sufficiency: what is kept without all other features; 0 is what no feature does, 1 what all do.</p>\n");
        page.append("</body>\n</html>\n");
    }

    private void boxes(Explanation found, ExplanationText said) {
        heading("Boxes");
        head(3, "box", "token", "features", "to the answer", "necessity", "P(answer) without");
        for (Box box : found.boxes()) {
            cells(
                    3,
                    box.name(),
                    box.token(),
                    box.members().stream().map(ExplanationPage::member).collect(Collectors.joining("; ")),
                    said.toAnswer(box),
                    String.format(Locale.ROOT, "%.3f", box.necessity()),
                    String.format(Locale.ROOT, "%.4f", box.probabilityWithout()));
        }
        page.append("</table>\n");
    }

    private void card(Card card) {
        heading("How far to believe it");
        list(ExplanationText.card(card).stream()
                .map(line -> line.name() + ": " + line.text())
                .toList());
        if (!card.layers().isEmpty()) {
            paragraph("With features in the place of an MLP, without their error:");
            head(0, "layer", "variance unexplained", "P(answer)", "margin", "KL from the model, nats");
            ExplanationText.layers(card)
                    .forEach(row -> cells(
                            0, row.layer(), row.unexplained(), row.probability(), row.margin(), row.divergence()));
            page.append("</table>\n");
        }
    }

    private static String member(Member member) {
        return member.feature() + (member.label().isEmpty() ? "" : " " + member.label());
    }

    private void heading(String text) {
        page.append("<h2>").append(Text.markup(text)).append("</h2>\n");
    }

    private void paragraph(String text) {
        page.append("<p>").append(Text.markup(text)).append("</p>\n");
    }

    private void list(List<String> items) {
        page.append("<ul>\n");
        items.forEach(item -> page.append("<li>").append(Text.markup(item)).append("</li>\n"));
        page.append("</ul>\n");
    }

    /** @param texts columns at the left that are words; the others are numbers */
    private void head(int texts, String... names) {
        page.append("<table>\n<tr>");
        for (int i = 0; i < names.length; i++) {
            page.append(i < texts ? "<th>" : "<th class=\"n\">")
                    .append(Text.markup(names[i]))
                    .append("</th>");
        }
        page.append("</tr>\n");
    }

    /** @param texts cells at the left that are words; the others are numbers */
    private void cells(int texts, String... cells) {
        page.append("<tr>");
        for (int i = 0; i < cells.length; i++) {
            page.append(i < texts ? "<td>" : "<td class=\"n\">")
                    .append(Text.markup(cells[i]))
                    .append("</td>");
        }
        page.append("</tr>\n");
    }
}
