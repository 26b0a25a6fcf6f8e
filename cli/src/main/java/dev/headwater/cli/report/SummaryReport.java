package dev.headwater.cli.report;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Prints a {@link GraphSummary} for people, within the width of their terminal. */
public final class SummaryReport {
    private static final int HEAD = 10;
    private static final int BAR = 8;
    private static final int RANKS = 15;
    private static final String EIGHTHS = " ▏▎▍▌▋▊▉";

    private final GraphSummary summary;
    private final PrintStream out;
    private final Style style;
    private final int width;

    private SummaryReport(GraphSummary summary, Console console) {
        this.summary = summary;
        out = console.out();
        style = console.style();
        width = console.width();
    }

    public static void print(GraphSummary summary, Console console) {
        new SummaryReport(summary, console).print();
    }

    private void print() {
        flow("tokens", tokens(), style.dim("│"), "│");
        flow(
                atEnd() && summary.targets().stream().allMatch(GraphSummary.Target::isToken) ? "next" : "explains",
                targets(),
                "   ",
                "   ");
        out.println();
        line(
                "graph",
                Text.count(summary.active()) + " active features, " + Text.count(summary.selected()) + " selected; "
                        + Text.count(summary.nodes()) + " nodes, " + Text.count(summary.edges()) + " edges");
        line(
                "pruned",
                Text.count(summary.prunedNodes()) + " nodes, " + Text.count(summary.prunedEdges()) + " edges"
                        + style.dim(String.format(
                                Locale.ROOT,
                                "  (thresholds: nodes %s, edges %s)",
                                summary.nodeThreshold(),
                                summary.edgeThreshold())));
        line(
                "scores",
                String.format(
                        Locale.ROOT,
                        "replacement %.3f, completeness %.3f",
                        summary.scores().replacement(),
                        summary.scores().completeness()));
        features();
        if (!summary.files().isEmpty()) {
            out.println();
            String head = "wrote";
            for (var file : summary.files().entrySet()) {
                line(head, file.getValue() + style.dim("  " + size(file.getValue())));
                head = "";
            }
        }
        String products = summary.products();
        if (!products.isEmpty()) {
            line("products", products + " on " + summary.provenance().device());
        }
        if (!summary.seconds().isEmpty()) {
            double total = summary.seconds().values().stream()
                    .mapToDouble(Double::doubleValue)
                    .sum();
            List<Piece> phases = new ArrayList<>();
            summary.seconds().forEach((phase, seconds) -> phases.add(piece(phase + " " + Text.seconds(seconds))));
            phases.add(piece("all " + Text.seconds(total)));
            flow("time", phases, style.dim(" · "), " · ");
        }
    }

    /** Text and how it is painted. */
    private record Piece(String text, String painted) {}

    private static Piece piece(String text) {
        return new Piece(text, text);
    }

    private List<Piece> tokens() {
        return summary.prompt().texts().stream()
                .map(text -> piece(Text.visible(text)))
                .toList();
    }

    private boolean atEnd() {
        return summary.targets().stream()
                .allMatch(target -> target.position() == summary.prompt().length() - 1);
    }

    private List<Piece> targets() {
        boolean placed = !atEnd();
        List<Piece> pieces = new ArrayList<>();
        for (GraphSummary.Target target : summary.targets()) {
            String text = (placed ? target.position() + " " : "") + Text.visible(target.shown());
            // A direction or a feature is no next token, and its weight no probability.
            String probability = target.isToken()
                    ? String.format(Locale.ROOT, " %.1f %%", 100 * target.weight())
                    : summary.targets().size() == 1
                            ? ""
                            : String.format(Locale.ROOT, " (weight %.3g)", target.weight());
            pieces.add(new Piece(
                    text + probability, (pieces.isEmpty() ? style.green(style.bold(text)) : text) + probability));
        }
        return pieces;
    }

    private void features() {
        List<GraphSummary.Feature> features = summary.features();
        if (features.isEmpty()) {
            return;
        }
        int node = Math.max(
                4, features.stream().mapToInt(f -> name(f).length()).max().orElse(0));
        int token = Math.clamp(
                features.stream().mapToInt(f -> Text.columns(token(f))).max().orElse(0), 5, width < 100 ? 12 : 16);
        int label = width - HEAD - BAR - RANKS - node - token - 17;
        out.println();
        out.println(style.bold(Text.pad("influence", HEAD))
                + style.dim(" ".repeat(BAR + 1) + "  rank  so far  " + Text.pad("node", node) + "  "
                        + Text.pad("token", token) + "  activation  label"));
        double largest = features.getFirst().influence();
        for (GraphSummary.Feature f : features) {
            out.println(String.format(Locale.ROOT, "%8.4f  ", f.influence()) + style.blue(bar(f.influence() / largest))
                    + String.format(Locale.ROOT, " %5d %5.1f %%  ", f.rank(), 100 * f.cumulative())
                    + style.bold(Text.pad(name(f), node)) + "  " + Text.pad(token(f), token)
                    + String.format(Locale.ROOT, "  %10.3f  ", f.activation()) + Text.cut(f.label(), label));
        }
        out.println(style.dim(" ".repeat(HEAD + BAR + RANKS + 1) + "layer/position/feature"));
    }

    private static String name(GraphSummary.Feature feature) {
        return feature.layer() + "/" + feature.position() + "/" + feature.feature();
    }

    private static String token(GraphSummary.Feature feature) {
        return Text.visible(feature.token());
    }

    private static String bar(double share) {
        int eighths = (int) Math.round(share * BAR * 8);
        String whole = "█".repeat(eighths / 8);
        return Text.pad(eighths % 8 == 0 ? whole : whole + EIGHTHS.charAt(eighths % 8), BAR);
    }

    private void line(String head, String text) {
        out.println(style.bold(Text.pad(head, HEAD)) + text);
    }

    /** Pieces one after the other, on as many lines as they need. */
    private void flow(String head, List<Piece> pieces, String separator, String plainSeparator) {
        StringBuilder line = new StringBuilder();
        int used = 0;
        String heading = head;
        for (Piece whole : pieces) {
            boolean fits = Text.columns(whole.text) < width - HEAD;
            Piece piece = fits ? whole : piece(Text.cut(whole.text, width - HEAD - 1));
            int needed = Text.columns(piece.text) + Text.columns(plainSeparator);
            if (used > 0 && used + needed > width - HEAD) {
                line(heading, line.append(separator.stripTrailing()).toString());
                heading = "";
                line.setLength(0);
                used = 0;
            }
            if (used > 0) {
                line.append(separator);
            }
            line.append(piece.painted);
            used += needed;
        }
        line(heading, line.toString());
    }

    private static String size(Path file) {
        try {
            return Text.bytes(Files.size(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
