package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.intervention.Faithfulness;
import dev.headwater.engine.intervention.Faithfulness.Measured;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** How few neurons carry the answers, as a table. */
public record FaithfulnessReport(Faithfulness result) {
    public void printJson(PrintStream out) throws JsonProcessingException {
        out.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(result));
    }

    public void print(Console console) {
        PrintStream out = console.out();
        Style style = console.style();
        List<Measured> known =
                result.questions().stream().filter(Measured::counts).toList();
        double difference =
                known.stream().mapToDouble(Measured::difference).average().orElse(Double.NaN);
        out.println(style.bold(Text.pad("prompts", 16))
                + String.format(
                        Locale.ROOT,
                        "%d, the answer's logit %.2f above the other's on average",
                        known.size(),
                        difference));
        result.questions().stream()
                .filter(question -> !question.counts())
                .forEach(question -> out.println(Text.pad("not counted", 16)
                        + "\""
                        + Text.visible(question.prompt())
                        + "\": the model itself puts \""
                        + Text.visible(question.instead())
                        + "\" above \""
                        + Text.visible(question.answer())
                        + "\""));
        out.println(style.bold(Text.pad("neurons", 16)) + Text.count(result.neurons()) + " in the first prompt");
        out.println();
        out.println(style.bold(Text.pad("neurons kept", 16)) + style.dim("  contrast     total    random"));
        for (int i = 0; i < result.counts().size(); i++) {
            out.println(Text.pad(Text.count(result.counts().get(i)), 16)
                    + share(result.contrast().get(i))
                    + share(result.total().get(i))
                    + share(result.random().get(i)));
        }
    }

    private static String share(double value) {
        return String.format(Locale.ROOT, "%8.1f %%", 100 * value);
    }
}
