package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.headwater.engine.evaluation.Evaluation;
import dev.headwater.engine.evaluation.Evaluation.Changed;
import dev.headwater.engine.evaluation.Evaluation.Layer;
import dev.headwater.engine.evaluation.Evaluation.Losses;
import dev.headwater.engine.evaluation.EvaluationJson;
import dev.headwater.engine.evaluation.PromptScores;
import dev.headwater.engine.files.BoundedJson;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * What sets of transcoders are worth, as tables.
 *
 * @param sets judged on one text with one model
 */
public record EvaluationReport(List<Evaluation> sets) {
    private static final int NAME = 24;

    /** A list with an object for each set. */
    public void printJson(PrintStream out) {
        ArrayNode all = BoundedJson.mapper().createArrayNode();
        sets.forEach(set -> all.add(EvaluationJson.of(set)));
        try {
            out.println(BoundedJson.mapper().writerWithDefaultPrettyPrinter().writeValueAsString(all));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    public void print(Console console) {
        PrintStream out = console.out();
        Style style = console.style();
        Evaluation first = sets.getFirst();
        out.println(style.bold(Text.pad("text", 12))
                + "%s positions in %s windows, losses over %s tokens"
                        .formatted(
                                Text.count(first.size().positions()),
                                Text.count(first.size().windows()),
                                Text.count(first.size().predictions())));
        for (Evaluation set : sets) {
            out.println(style.bold(Text.pad("set", 12))
                    + "%s: %s, %d layers of %s features"
                            .formatted(
                                    name(set),
                                    set.size().crossLayer() ? "cross-layer" : "per-layer",
                                    set.layers().size(),
                                    Text.count(set.size().features())));
        }
        out.println();
        out.println(style.bold(Text.pad("all layers", NAME))
                + style.dim("     FVU       L0     dead    dense      loss  recovered  over mean"));
        for (Evaluation set : sets) {
            out.println(Text.pad(name(set), NAME)
                    + number("%8.4f", set.meanFvu())
                    + number("%9.1f", set.meanL0())
                    + share(set.deadShare())
                    + share(set.denseShare())
                    + losses(
                            set.losses(),
                            set.losses() == null ? null : set.losses().all()));
        }
        Losses losses = first.losses();
        if (losses != null) {
            out.println(Text.pad("the model itself", NAME + 35) + number("%10.4f", losses.model()));
            out.println(Text.pad("MLPs set to 0", NAME + 35)
                    + number("%10.4f", losses.all().zero()));
            out.println(Text.pad("MLPs set to their mean", NAME + 35)
                    + number("%10.4f", losses.all().mean()));
        }
        if (!first.prompts().isEmpty()) {
            out.println();
            out.println(
                    style.bold(Text.pad("%d prompts".formatted(first.prompts().size()), NAME))
                            + style.dim("replacement  completeness  direct r  error   total r  error"));
            sets.forEach(set -> prompts(out, set));
        }
        out.println();
        if (sets.size() == 1) {
            layers(out, style, first);
        } else {
            sideBySide(out, style);
        }
        out.println();
        sets.forEach(set -> out.println(inWords(set)));
    }

    private static void layers(PrintStream out, Style style, Evaluation set) {
        boolean losses = set.layers().getFirst().loss() != null;
        out.println(style.bold(Text.pad("layer", 8))
                + style.dim("    FVU  no outliers  with first       L0     dead    dense"
                        + (losses ? "      loss  recovered  over mean" : "")));
        for (Layer layer : set.layers()) {
            out.println(Text.pad(Integer.toString(layer.layer()), 7)
                    + number("%8.4f", layer.fvu())
                    + number("%13.4f", layer.fvuNoOutliers())
                    + number("%12.4f", layer.fvuWithFirst())
                    + number("%9.1f", layer.l0())
                    + share((double) layer.dead() / set.size().features())
                    + share((double) layer.dense() / set.size().features())
                    + (losses ? losses(set.losses(), layer.loss()) : ""));
        }
    }

    private void sideBySide(PrintStream out, Style style) {
        StringBuilder names = new StringBuilder(Text.pad("layer", 8));
        StringBuilder heads = new StringBuilder(" ".repeat(8));
        for (Evaluation set : sets) {
            names.append(Text.pad(name(set), 20)).append(' ');
            heads.append(Text.pad("    FVU       L0", 21));
        }
        out.println(style.bold(names.toString().stripTrailing()));
        out.println(style.dim(heads.toString().stripTrailing()));
        for (int l = 0; l < sets.getFirst().layers().size(); l++) {
            StringBuilder line = new StringBuilder(Text.pad(Integer.toString(l), 7));
            for (Evaluation set : sets) {
                line.append(number("%8.4f", set.layers().get(l).fvu()))
                        .append(number("%9.1f", set.layers().get(l).l0()))
                        .append("    ");
            }
            out.println(line.toString().stripTrailing());
        }
    }

    private static void prompts(PrintStream out, Evaluation set) {
        out.println(Text.pad(name(set), NAME)
                + number("%11.4f", mean(set, PromptScores::replacement))
                + number("%14.4f", mean(set, PromptScores::completeness))
                + number("%10.4f", mean(set, prompt -> prompt.direct().correlation()))
                + number("%7.3f", mean(set, prompt -> prompt.direct().relativeError()))
                + number("%10.4f", mean(set, prompt -> prompt.total().correlation()))
                + number("%7.3f", mean(set, prompt -> prompt.total().relativeError())));
    }

    /** Prompts without the figure are left out: those with no interventions. */
    private static double mean(Evaluation set, ToDoubleFunction<PromptScores> figure) {
        return set.prompts().stream()
                .mapToDouble(figure)
                .filter(value -> !Double.isNaN(value))
                .average()
                .orElse(Double.NaN);
    }

    private static String inWords(Evaluation set) {
        String fit = String.format(
                Locale.ROOT,
                "In words: %s says %.0f %% of what the MLPs write, with %.0f features a layer and position",
                name(set),
                100 * (1 - set.meanFvu()),
                set.meanL0());
        Losses losses = set.losses();
        return losses == null
                ? fit + "."
                : fit
                        + String.format(
                                Locale.ROOT,
                                "; in their place it costs %.2f nats a token, of the %.2f that they are worth.",
                                losses.all().replaced() - losses.model(),
                                losses.all().zero() - losses.model());
    }

    private static String losses(@Nullable Losses losses, @Nullable Changed changed) {
        return losses == null || changed == null
                ? ""
                : number("%10.4f", changed.replaced())
                        + recovered(changed.zero() - losses.model(), changed.recovered(losses.model()))
                        + recovered(changed.mean() - losses.model(), changed.recoveredOverMean(losses.model()));
    }

    private static String recovered(double lost, double share) {
        return lost < Changed.LEAST ? "          –" : number("%9.1f", 100 * share) + " %";
    }

    private static String share(double value) {
        return number("%7.1f", 100 * value) + " %";
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    /** The last part of a path or reference. */
    private static String name(Evaluation set) {
        Path name = Path.of(set.transcoders()).getFileName();
        return Text.visible(name == null ? set.transcoders() : name.toString());
    }
}
