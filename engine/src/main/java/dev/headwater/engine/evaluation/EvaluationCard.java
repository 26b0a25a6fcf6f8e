package dev.headwater.engine.evaluation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.Version;
import dev.headwater.engine.evaluation.Evaluation.Changed;
import dev.headwater.engine.evaluation.Evaluation.Layer;
import dev.headwater.engine.evaluation.Evaluation.Losses;
import dev.headwater.engine.evaluation.Evaluation.Options;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What was found of a set, in its folder, for people: a file of its own beside the README. */
public final class EvaluationCard {
    /** The file's name. */
    public static final String FILE = "EVALUATION.md";

    private static final String MARK = "<!-- written by headwater evaluate, which writes it anew -->\n";

    private EvaluationCard() {}

    /**
     * Writes the card, in the place of an earlier one.
     *
     * @param set     folder of the set
     * @param text    that it was judged on
     * @param options that it was judged with
     * @return the file
     * @throws UsageException     if a file of that name is there that is no such card
     * @throws HeadwaterException if it cannot be written; an earlier one is left as it was then
     */
    public static Path write(Path set, Evaluation evaluation, Corpus text, Options options) {
        Path file = set.resolve(FILE);
        try {
            if (Files.exists(file) && !Files.readString(file).startsWith(MARK)) {
                throw new UsageException(file + " is not a card that was written here; move it away");
            }
            ByteBuffer bytes = ByteBuffer.wrap(text(evaluation, text, options).getBytes(StandardCharsets.UTF_8));
            try (AtomicFile whole = AtomicFile.create(file)) {
                while (bytes.hasRemaining()) {
                    whole.channel().write(bytes);
                }
                whole.commit();
            }
        } catch (IOException failure) {
            throw AtomicFile.failure(file, failure);
        }
        return file;
    }

    private static String text(Evaluation evaluation, Corpus corpus, Options options) throws IOException {
        StringBuilder card = new StringBuilder(MARK);
        card.append("# Judged on text\n\n| | |\n| --- | --- |\n");
        row(card, "model", evaluation.model());
        for (Path file : corpus.files()) {
            row(card, "text", file.getFileName() + ", SHA-256 " + Sha256.of(file));
        }
        row(
                card,
                "read",
                "%,d positions in %,d windows of at most %,d tokens"
                        .formatted(
                                evaluation.size().positions(), evaluation.size().windows(), options.window()));
        row(card, "mean FVU", number("%.4f", evaluation.meanFvu()));
        row(card, "mean L0", number("%.1f", evaluation.meanL0()));
        row(card, "dead, dense features", percent(evaluation.deadShare()) + ", " + percent(evaluation.denseShare()));
        Losses losses = evaluation.losses();
        if (losses != null) {
            row(
                    card,
                    "loss, nats a token",
                    number("model %.4f", losses.model())
                            + number(", replaced %.4f", losses.all().replaced())
                            + number(", MLPs 0 %.4f", losses.all().zero())
                            + number(", MLPs their mean %.4f", losses.all().mean())
                            + number(
                                    " (%,.0f tokens)",
                                    (double) evaluation.size().predictions()));
            row(card, "loss recovered", recovered(losses.all(), losses));
        }
        row(card, "made by", "Headwater " + Version.number());
        layers(card, evaluation);
        prompts(card, evaluation.prompts());
        card.append("""

                FVU: squared error over variance of what the MLPs write, the first position left out (`with first`: not), and without outputs over 10 times
                as long as the median one (`no outliers`). L0: active features at a position. Dead: never active here; dense: at over 10 % of positions.
                Loss recovered: (ablated − replaced) / (ablated − model), with MLPs set to 0, and to their mean.
                """);
        return card.toString();
    }

    private static void layers(StringBuilder card, Evaluation evaluation) {
        boolean losses = evaluation.layers().getFirst().loss() != null;
        card.append("\n| layer | FVU | no outliers | with first | L0 | dead | dense |")
                .append(losses ? " loss | recovered |" : "")
                .append("\n| --- | --- | --- | --- | --- | --- | --- |")
                .append(losses ? " --- | --- |\n" : "\n");
        double features = evaluation.size().features();
        for (Layer layer : evaluation.layers()) {
            cells(
                    card,
                    layer.layer(),
                    number("%.4f", layer.fvu()),
                    number("%.4f", layer.fvuNoOutliers()),
                    number("%.4f", layer.fvuWithFirst()),
                    number("%.1f", layer.l0()),
                    percent(layer.dead() / features),
                    percent(layer.dense() / features));
            Changed changed = layer.loss();
            if (changed != null) {
                card.append(' ').append(number("%.4f", changed.replaced())).append(" | ");
                card.append(recovered(changed, evaluation.losses())).append(" |");
            }
            card.append('\n');
        }
    }

    private static void prompts(StringBuilder card, List<PromptScores> prompts) {
        if (prompts.isEmpty()) {
            return;
        }
        card.append(
                "\n| prompt | replacement | completeness | direct r | total r |\n| --- | --- | --- | --- | --- |\n");
        for (PromptScores prompt : prompts) {
            cells(
                    card,
                    prompt.prompt(),
                    number("%.4f", prompt.replacement()),
                    number("%.4f", prompt.completeness()),
                    number("%.4f", prompt.direct().correlation()),
                    number("%.4f", prompt.total().correlation()));
            card.append('\n');
        }
        card.append(
                "\nDirect: what the graph's edges foretell of interventions with everything frozen; total: what its paths do where all responds.\n");
    }

    private static String recovered(Changed changed, @Nullable Losses losses) {
        return losses == null
                ? ""
                : recovered(changed.zero() - losses.model(), changed.recovered(losses.model()))
                        + " over 0, "
                        + recovered(changed.mean() - losses.model(), changed.recoveredOverMean(losses.model()))
                        + " over mean";
    }

    private static String recovered(double lost, double share) {
        return lost < Changed.LEAST ? "–" : percent(share);
    }

    private static void row(StringBuilder card, String name, String value) {
        cells(card, name, value);
        card.append('\n');
    }

    /** What stands in a cell stays in it. */
    private static void cells(StringBuilder card, Object... values) {
        card.append(List.of(values).stream()
                .map(value -> value.toString()
                        .replaceAll("[\\s\\p{Cntrl}]+", " ")
                        .replace("|", "\\|")
                        .replace("<", "&lt;"))
                .collect(Collectors.joining(" | ", "| ", " |")));
    }

    private static String percent(double share) {
        return number("%.1f %%", 100 * share);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
