package dev.headwater.cli.report;

import dev.headwater.engine.attention.AttentionJson;
import dev.headwater.engine.attention.EdgeHeads;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.attention.ScoreSources;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.graph.Node;
import java.io.PrintStream;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** Prints explanations of attention for people. */
public final class AttentionReport {
    private static final int NODE = 14;

    private final PrintStream out;
    private final Style style;
    private final int width;
    private final LinearPrompt prompt;
    private final GraphJson.Labels labels;
    private final int top;

    /** @param top how many heads, sources and pairs; 0 for all */
    public AttentionReport(Console console, LinearPrompt prompt, GraphJson.Labels labels, int top) {
        out = console.out();
        style = console.style();
        width = console.width();
        this.prompt = prompt;
        this.labels = labels;
        this.top = top;
    }

    /** The heads that carry a graph. */
    public void print(GraphHeads graph) {
        out.println(style.bold("influence  head"));
        List<GraphHeads.Ranked> ranking = graph.ranking();
        for (GraphHeads.Ranked ranked : ranking.subList(0, Math.min(ranking.size(), most()))) {
            out.println(String.format(Locale.ROOT, "%8.1f %%  %s", 100 * ranked.influence(), ranked.head()));
        }
        out.println(style.dim("share of the influence on the graph's edges that passes the head; layer/head"));
    }

    private int most() {
        return top == 0 ? Integer.MAX_VALUE : top;
    }

    /** The heads of an edge. */
    public void print(EdgeHeads edge) {
        out.println(style.bold("edge      ") + node(edge.source()) + " → " + node(edge.target())
                + String.format(Locale.ROOT, ", weight %+.4f", edge.weight()));
        out.println(style.dim("layer     bypass  heads"));
        for (int layer = edge.firstLayer(); layer < edge.firstLayer() + edge.layers(); layer++) {
            float[] loadings = edge.layer(layer);
            StringBuilder heads = new StringBuilder();
            int[] order = IntStream.range(0, loadings.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(h -> -Math.abs(loadings[h])))
                    .mapToInt(Integer::intValue)
                    .toArray();
            int shown = 0;
            double rest = 0;
            for (int head : order) {
                String one = String.format(Locale.ROOT, "%d %+.4f  ", head, loadings[head]);
                if (shown < most() && heads.length() + one.length() + 34 < width) {
                    heads.append(one);
                    shown++;
                } else {
                    rest += loadings[head];
                }
            }
            if (shown < order.length) {
                heads.append(String.format(Locale.ROOT, "others %+.4f", rest));
            }
            out.println(String.format(
                    Locale.ROOT,
                    "%5d  %+9.4f  %s",
                    layer,
                    edge.bypass(layer),
                    heads.toString().stripTrailing()));
        }
        out.println();
    }

    /** Why a head looks where it looks. */
    public void print(ScoreSources score) {
        out.println(style.bold("head      ") + score.head() + " looks from " + token(score.query()) + " at "
                + token(score.key())
                + String.format(
                        Locale.ROOT,
                        ": attention %.3f, score %+.3f (%+.3f against the mean over all it sees)",
                        score.attention(),
                        score.score(),
                        score.score() - score.mean()));
        sources("query side, " + position(score.query()), score.querySide(), score.queryRest());
        sources("key side, " + position(score.key()), score.keySide(), score.keyRest());
        sources("query side, here rather than elsewhere", score.relative(), score.relativeRest());
        out.println(style.bold("strongest pairs")
                + style.dim(score.allPairs() ? "" : "  found by a search: too many sources to look at all pairs"));
        for (ScoreSources.Pair pair : score.pairs()) {
            out.println(String.format(Locale.ROOT, "%+10.4f  ", pair.value()) + node(prompt.source(pair.query()))
                    + " · " + node(prompt.source(pair.key())));
        }
        out.println();
    }

    private void sources(String title, float[] values, double rest) {
        out.println(style.bold(title));
        int[] largest = AttentionJson.largest(values, top);
        double others = 0;
        for (float value : values) {
            others += value;
        }
        for (int source : largest) {
            others -= values[source];
            Node node = prompt.source(source);
            String label = node instanceof Node.Feature feature ? labels.of(feature.layer(), feature.feature()) : "";
            out.println(String.format(Locale.ROOT, "%+10.4f  ", values[source])
                    + Text.pad(NodeId.of(node, prompt.model().layers()), NODE) + " " + Text.pad(kind(node), 8)
                    + Text.pad(token(node.position()), 14) + " " + Text.cut(label, Math.max(10, width - 50)));
        }
        out.println(String.format(Locale.ROOT, "%+10.4f  all other sources", others));
        out.println(String.format(Locale.ROOT, "%+10.4f  biases and what else has no node", rest));
    }

    private static String kind(Node node) {
        return switch (node) {
            case Node.Feature _ -> "feature";
            case Node.Error _ -> "error";
            case Node.Token _ -> "token";
            case Node.Logit _ -> "output";
        };
    }

    private String node(Node node) {
        String label = node instanceof Node.Feature feature ? labels.of(feature.layer(), feature.feature()) : "";
        String name = NodeId.of(node, prompt.model().layers()) + " " + token(node.position());
        return label.isEmpty() ? name : name + " (" + Text.cut(Text.visible(label), 24) + ")";
    }

    private String token(int position) {
        return "\"" + Text.visible(prompt.prompt().texts().get(position)) + "\"";
    }

    private String position(int position) {
        return token(position) + " at " + position;
    }
}
