package dev.headwater.cli.report;

import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.intervention.Verification;
import dev.headwater.engine.intervention.Verification.Curve;
import dev.headwater.engine.intervention.Verification.Point;
import dev.headwater.engine.intervention.Verification.Shift;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Draws a verification as SVG: predicted against actual changes, and the ablation curves. */
public final class VerificationPlot {
    private static final int SIDE = 320;
    private static final int MARGIN = 60;
    private static final String OUTPUT = "#c43c39";
    private static final String[] COLOURS = {"#1f6fb4", "#999999"};

    private final StringBuilder svg = new StringBuilder();

    private VerificationPlot() {}

    public static void write(Verification check, Path file) {
        VerificationPlot plot = new VerificationPlot();
        plot.draw(check);
        AtomicFile.write(file, plot.svg.toString().getBytes(StandardCharsets.UTF_8));
    }

    private void draw(Verification check) {
        int width = 2 * (SIDE + 2 * MARGIN);
        int height = SIDE + 2 * MARGIN;
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">",
                width, height);
        add("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", width, height);
        scatter(
                check.effects().stream()
                        .flatMap(effect -> effect.changes().stream())
                        .toList(),
                check.total().correlation());
        curves(check);
        add("</svg>");
    }

    private void scatter(List<Shift> shifts, double correlation) {
        double largest = shifts.stream()
                .mapToDouble(s -> Math.max(Math.abs(s.predicted()), Math.abs(s.actual())))
                .max()
                .orElse(1);
        double scale = SIDE / 2.0 / Math.max(largest, 1e-9);
        double middle = MARGIN + SIDE / 2.0;
        frame(MARGIN, "predicted change", "actual change", "Total effects, r = " + number(correlation));
        add(
                "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#cccccc\"/>",
                MARGIN, MARGIN + SIDE, MARGIN + SIDE, MARGIN);
        for (Shift shift : shifts) {
            boolean logit = shift.node().startsWith("logit");
            add(
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" fill=\"%s\" fill-opacity=\"0.5\"/>",
                    middle + shift.predicted() * scale,
                    middle - shift.actual() * scale,
                    logit ? "3.5" : "2",
                    logit ? OUTPUT : COLOURS[0]);
        }
        legend(0, "3.5", OUTPUT, "outputs");
        legend(1, "2", COLOURS[0], "features");
        for (int end : new int[] {-1, 1}) {
            text(middle + end * SIDE / 2.0, MARGIN + SIDE + 16, "middle", number(end * largest));
            text(MARGIN - 6, middle - end * SIDE / 2.0 + 4, "end", number(end * largest));
        }
    }

    private void legend(int line, String radius, String colour, String what) {
        int y = MARGIN + 18 + 16 * line;
        add("<circle cx=\"%d\" cy=\"%d\" r=\"%s\" fill=\"%s\"/>", MARGIN + 14, y - 4, radius, colour);
        text(MARGIN + 24, y, "start", what);
    }

    private void curves(Verification check) {
        int left = SIDE + 3 * MARGIN;
        frame(
                left,
                "features kept",
                "probability",
                "Probability of \"" + check.answer() + "\" when other features are 0");
        int most = check.curves().stream()
                .flatMap(curve -> curve.points().stream())
                .mapToInt(Point::features)
                .max()
                .orElse(1);
        for (int i = 0; i < check.curves().size(); i++) {
            Curve curve = check.curves().get(i);
            StringBuilder points = new StringBuilder();
            for (Point point : curve.points()) {
                double x = left + SIDE * Math.log1p(point.features()) / Math.log1p(most);
                points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y(point.probability())));
                add(
                        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>",
                        x, y(point.lowest()), x, y(point.highest()), COLOURS[i]);
                if (i == 0) {
                    text(x, MARGIN + SIDE + 16, "middle", Integer.toString(point.features()));
                }
            }
            add(
                    "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>",
                    points.toString().strip(), COLOURS[i]);
            add(
                    "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>",
                    left + 10, MARGIN + 18 + 16 * i, COLOURS[i], curve.kept());
        }
        text(left - 6, y(0) + 4, "end", "0");
        text(left - 6, y(1) + 4, "end", "1");
    }

    private static double y(double probability) {
        return MARGIN + SIDE * (1 - probability);
    }

    private void frame(int left, String x, String y, String title) {
        add(
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#333333\"/>",
                left, MARGIN, SIDE, SIDE);
        text(left + SIDE / 2.0, MARGIN - 14, "middle", title);
        text(left + SIDE / 2.0, MARGIN + SIDE + 36, "middle", x);
        add(
                "<text transform=\"translate(%d %d) rotate(-90)\" text-anchor=\"middle\">%s</text>",
                left - 40, MARGIN + SIDE / 2, y);
    }

    private void text(double x, double y, String anchor, String text) {
        add("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor, Text.markup(text));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3g", value);
    }

    private void add(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
