package dev.headwater.cli.report;

import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.explanation.WhyNot;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** An explanation as markdown, its card with it. */
final class ExplanationMarkdown {
    private ExplanationMarkdown() {}

    static String of(Explanation found, @Nullable WhyNot whyNot, @Nullable Card card) {
        ExplanationText said = new ExplanationText(found);
        StringBuilder text = new StringBuilder();
        text.append("# ").append(Text.markdown(found.prompt())).append("\n\n");
        text.append("Answer: ")
                .append(Text.markdown(said.answer()))
                .append(". Circuit: ")
                .append(said.size())
                .append(".\n\n");
        text.append("| box | token | to the answer | necessity | P(answer) without | features |\n");
        text.append("| --- | --- | ---: | ---: | ---: | --- |\n");
        for (Box box : found.boxes()) {
            text.append(String.format(
                    Locale.ROOT,
                    "| %s | %s | %s | %.3f | %.4f | %s |%n",
                    Text.markdown(box.name()),
                    Text.markdown(box.token()),
                    said.toAnswer(box),
                    box.necessity(),
                    box.probabilityWithout(),
                    box.members().stream().map(ExplanationMarkdown::member).collect(Collectors.joining("; "))));
        }
        text.append("\nDirect effects:\n\n");
        for (Box box : found.boxes()) {
            String into = said.flows(box);
            if (!into.isEmpty()) {
                text.append("- ").append(Text.markdown(into)).append('\n');
            }
        }
        text.append("\n| of the answer | circuit | top influence | random (lowest to highest) |\n");
        text.append("| --- | ---: | ---: | --- |\n");
        for (ExplanationText.Row row : said.rows()) {
            text.append("| ")
                    .append(String.join(" | ", row.name().strip(), row.circuit(), row.strongest(), row.random()))
                    .append(" |\n");
        }
        text.append("\n").append(Text.markdown(said.words())).append("\n");
        text.append(card == null ? "\n" + said.scores() + ".\n" : card(card));
        if (whyNot != null) {
            whyNot(text, whyNot);
        }
        return text.toString();
    }

    private static String card(Card card) {
        StringBuilder text = new StringBuilder("\n## How far to believe it\n\n");
        for (ExplanationText.Line line : ExplanationText.card(card)) {
            text.append("- ")
                    .append(line.name())
                    .append(": ")
                    .append(line.text())
                    .append('\n');
        }
        if (!card.layers().isEmpty()) {
            text.append("\nWith features in the place of an MLP, without their error:\n\n");
            text.append("| layer | variance unexplained | P(answer) | margin | KL from the model, nats |\n");
            text.append("| ---: | ---: | ---: | ---: | ---: |\n");
        }
        for (ExplanationText.LayerRow row : ExplanationText.layers(card)) {
            text.append("| ")
                    .append(String.join(
                            " | ", row.layer(), row.unexplained(), row.probability(), row.margin(), row.divergence()))
                    .append(" |\n");
        }
        return text.toString();
    }

    private static void whyNot(StringBuilder text, WhyNot whyNot) {
        text.append("\nWhy not \"").append(Text.markdown(whyNot.token())).append("\": ");
        text.append(ExplanationText.asItIs(whyNot))
                .append(". ")
                .append(Text.markdown(ExplanationText.together(whyNot)))
                .append("\n\n");
        for (WhyNot.Held held : whyNot.features()) {
            text.append(String.format(
                    Locale.ROOT,
                    "- %s %s: %+.3f, by its own logit %+.3f%n",
                    held.feature(),
                    Text.markdown(held.label()),
                    held.alone(),
                    held.own()));
        }
    }

    private static String member(Member member) {
        String label = member.label().isEmpty() ? "" : " " + Text.markdown(member.label());
        return member.feature() + label;
    }
}
