package dev.headwater.cli.report;

import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Flow;
import dev.headwater.engine.explanation.Explanation.Member;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A circuit as SVG: the prompt's tokens below, boxes over the tokens that they stand at, from low layers to high ones, the answer on
 * top; lines as strong as the direct effects, dashed where these are negative.
 */
final class CircuitDrawing {
    private static final int WIDTH = 164;
    private static final int HEIGHT = 60;
    private static final int TOKEN_HEIGHT = 30;
    private static final int GAP = 26;
    private static final int RISE = 62;
    private static final int MARGIN = 24;
    /** Columns of text that a box holds. */
    private static final int NAME = 22;

    private static final int SMALL = 31;

    private static final String RAISES = "#1f6fb4";
    private static final String LOWERS = "#b4421f";

    private final Explanation found;
    private final ExplanationText said;
    private final StringBuilder svg = new StringBuilder();
    private final Map<String, Place> boxes = new LinkedHashMap<>();
    private final Map<String, Place> tokens = new LinkedHashMap<>();

    /** Where something stands: the left, upper corner. */
    private record Place(double x, double y, int height) {}

    /** A line from the upper side of one thing to the lower side of another. */
    private record Edge(Flow flow, Place from, Place to) {}

    private CircuitDrawing(Explanation found) {
        this.found = found;
        said = new ExplanationText(found);
    }

    static String svg(Explanation found) {
        CircuitDrawing drawing = new CircuitDrawing(found);
        drawing.draw();
        return drawing.svg.toString();
    }

    private void draw() {
        Map<Integer, Integer> rows = rows();
        Map<Integer, Double> left = columns(rows);
        int high = rows.size();
        Map<List<Integer>, Integer> used = new HashMap<>();
        double answerY = MARGIN;
        for (Box box : found.boxes()) {
            int row = row(rows, box);
            int nth = used.merge(List.of(row, box.position()), 1, Integer::sum) - 1;
            boxes.put(
                    box.name(),
                    new Place(
                            left.getOrDefault(box.position(), 0.0) + nth * (WIDTH + GAP),
                            answerY + (high - row) * (HEIGHT + RISE),
                            HEIGHT));
        }
        double tokenY = answerY + (high + 1) * (HEIGHT + RISE);
        left.forEach((position, x) -> tokens.putIfAbsent(token(position), new Place(x, tokenY, TOKEN_HEIGHT)));
        double right = boxes.values().stream().mapToDouble(Place::x).max().orElse(MARGIN);
        right = Math.max(
                right, tokens.values().stream().mapToDouble(Place::x).max().orElse(MARGIN));
        Place answer = new Place(right, answerY, HEIGHT);
        double width = right + WIDTH + MARGIN;
        double height = tokenY + TOKEN_HEIGHT + MARGIN;
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">",
                width, height, width, height);
        add("<title>%s</title>", Text.markup("The circuit of " + said.answer() + " in " + found.prompt()));
        add("<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>", width, height);
        arrows();
        edges(answer);
        left.keySet().forEach(this::drawToken);
        found.boxes().forEach(this::drawBox);
        box(
                answer,
                "#e9f3e6",
                found.answer().text(),
                String.format(Locale.ROOT, "P %.4f", found.answer().probability()),
                said.answer());
        svg.append("</svg>\n");
    }

    /** Rows by a box's mean layer, from below; those that no box has are left out. */
    private Map<Integer, Integer> rows() {
        TreeSet<Integer> layers =
                found.boxes().stream().map(CircuitDrawing::layer).collect(Collectors.toCollection(TreeSet::new));
        Map<Integer, Integer> rows = new HashMap<>();
        layers.forEach(layer -> rows.put(layer, rows.size() + 1));
        return rows;
    }

    private static int row(Map<Integer, Integer> rows, Box box) {
        return rows.getOrDefault(layer(box), 1);
    }

    private static int layer(Box box) {
        return (int) Math.round(box.members().stream()
                .mapToInt(member -> member.feature().layer())
                .average()
                .orElse(0));
    }

    /** Left ends by position: of the boxes', and of the tokens that they draw on. */
    private Map<Integer, Double> columns(Map<Integer, Integer> rows) {
        Map<Integer, Map<Integer, Integer>> counts = new TreeMap<>();
        for (Box box : found.boxes()) {
            counts.computeIfAbsent(box.position(), _ -> new HashMap<>()).merge(row(rows, box), 1, Integer::sum);
        }
        for (Flow flow : found.flows()) {
            int position = position(flow.from());
            if (position >= 0
                    && counts.keySet().stream().noneMatch(at -> token(at).equals(flow.from()))) {
                counts.put(position, new HashMap<>());
            }
        }
        Map<Integer, Double> left = new TreeMap<>();
        double x = MARGIN;
        for (Map.Entry<Integer, Map<Integer, Integer>> column : counts.entrySet()) {
            left.put(column.getKey(), x);
            int most = column.getValue().values().stream()
                    .mapToInt(Integer::intValue)
                    .max()
                    .orElse(1);
            x += most * (WIDTH + GAP);
        }
        return left;
    }

    /** A token as flows have it. */
    private String token(int position) {
        return position < found.tokens().size() ? "\"" + found.tokens().get(position) + "\"" : "";
    }

    /** The first token of this text, -1 if it is none. */
    private int position(String from) {
        for (int i = 0;
                i < found.tokens().size()
                        && found.boxes().stream().noneMatch(box -> box.name().equals(from));
                i++) {
            if (token(i).equals(from)) {
                return i;
            }
        }
        return -1;
    }

    private void arrows() {
        svg.append("<defs>");
        for (String colour : List.of(RAISES, LOWERS)) {
            svg.append(String.format(
                    Locale.ROOT,
                    "<marker id=\"a%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"%s\"/></marker>",
                    colour.substring(1),
                    colour));
        }
        svg.append("</defs>\n");
    }

    private void edges(Place answer) {
        List<Edge> edges = new ArrayList<>();
        for (Flow flow : found.flows()) {
            Place from = place(flow.from());
            Place to = flow.to().equals(Flow.ANSWER) ? answer : boxes.get(flow.to());
            if (from != null && to != null) {
                edges.add(new Edge(flow, from, to));
            }
        }
        double largest = edges.stream()
                .mapToDouble(edge -> Math.abs(edge.flow.effect()))
                .max()
                .orElse(1);
        for (Edge edge : edges) {
            double x1 = edge.from.x
                    + port(edges.stream().filter(e -> e.from.equals(edge.from)).toList(), edge, e -> e.to.x);
            double x2 = edge.to.x
                    + port(edges.stream().filter(e -> e.to.equals(edge.to)).toList(), edge, e -> e.from.x);
            double y1 = edge.from.y;
            double y2 = edge.to.y + edge.to.height;
            double bend = Math.max(RISE * 0.8, Math.abs(y1 - y2) * 0.4);
            boolean raises = edge.flow.effect() >= 0;
            add(
                    "<path d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.2f\" stroke-opacity=\"0.7\"%s marker-end=\"url(#a%s)\"><title>%s</title></path>",
                    x1,
                    y1,
                    x1,
                    y1 - bend,
                    x2,
                    y2 + bend,
                    x2,
                    y2,
                    raises ? RAISES : LOWERS,
                    0.8 + 4.2 * Math.sqrt(Math.abs(edge.flow.effect()) / largest),
                    raises ? "" : " stroke-dasharray=\"5 4\"",
                    (raises ? RAISES : LOWERS).substring(1),
                    Text.markup(edge.flow.from() + " " + ExplanationText.effect(edge.flow.effect()) + " → "
                            + edge.flow.to()));
        }
    }

    /** How far from the left of a box an edge begins or ends, so that its neighbours do not cross it there. */
    private static double port(List<Edge> beside, Edge edge, java.util.function.ToDoubleFunction<Edge> other) {
        List<Edge> sorted =
                beside.stream().sorted(Comparator.comparingDouble(other)).toList();
        return WIDTH * (sorted.indexOf(edge) + 1.0) / (sorted.size() + 1);
    }

    private @Nullable Place place(String from) {
        Place box = boxes.get(from);
        return box != null ? box : tokens.get(from);
    }

    private void drawToken(int position) {
        Place place = tokens.get(token(position));
        if (place != null) {
            add(
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"4\" fill=\"#f2f2f2\" stroke=\"#999999\"/>",
                    place.x, place.y, WIDTH, TOKEN_HEIGHT);
            text(place, 20, "", token(position), NAME);
        }
    }

    private void drawBox(Box box) {
        Place place = boxes.get(box.name());
        if (place != null) {
            box(
                    place,
                    "#eef3fa",
                    box.name(),
                    String.format(
                            Locale.ROOT,
                            "necessity %.3f · %d %s",
                            box.necessity(),
                            box.members().size(),
                            box.members().size() == 1 ? "feature" : "features"),
                    box.members().stream().map(CircuitDrawing::member).collect(Collectors.joining("; ")));
        }
    }

    private static String member(Member member) {
        return member.feature() + (member.label().isEmpty() ? "" : " " + member.label());
    }

    private void box(Place place, String fill, String name, String below, String hint) {
        add(
                "<g><title>%s</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"#556677\"/>",
                Text.markup(hint), place.x, place.y, WIDTH, HEIGHT, fill);
        text(place, 25, " font-weight=\"bold\"", name, NAME);
        text(place, 45, " font-size=\"11\" fill=\"#444444\"", below, SMALL);
        svg.append("</g>\n");
    }

    private void text(Place place, int down, String style, String text, int columns) {
        add(
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\"%s>%s</text>",
                place.x + WIDTH / 2.0, place.y + down, style, Text.markup(Text.cut(Text.visible(text), columns)));
    }

    private void add(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
