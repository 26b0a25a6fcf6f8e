package dev.headwater.cli.option;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.SourceGraph;
import dev.headwater.engine.intervention.Supernode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Graphs, of this prompt or of others, whose groups and strongest features are to change. */
public final class GraphSources {
    @Option(
            names = "--graph",
            paramLabel = "FILE|URL",
            description = "Graph file, or address of a graph on Neuronpedia, whose supernodes and pinned "
                    + "features (the group 'pinned') --group and --put mean; may be repeated. A name that several of them have is "
                    + "written 2:NAME, for the second.")
    private List<String> graphs = new ArrayList<>();

    @Option(
            names = "--from-graph",
            paramLabel = "FILE",
            description =
                    "Change the --top most influential features of this graph (*.json or *.safetensors): multiply them by --factor.")
    private @Nullable Path strongest;

    @Option(
            names = "--factor",
            paramLabel = "X",
            description = "With --from-graph: what to multiply by (default: 0, take them away).")
    private @Nullable Float factor;

    /** @param option that means groups, or null if none is given */
    void check(@Nullable String option) {
        if ((option != null) != !graphs.isEmpty()) {
            throw new UsageException(
                    option != null
                            ? option + " needs --graph, where its features are listed"
                            : "--graph is given without --group or --put");
        }
        if (factor != null && strongest == null) {
            throw new UsageException("--factor is given without --from-graph");
        }
        if (factor != null) {
            new Change.Scale(factor);
        }
    }

    /** Whether a graph's strongest features are asked for, so that their number has a meaning. */
    public boolean strongestWanted() {
        return strongest != null;
    }

    /** The graphs of groups. */
    List<SourceGraph> read(ReplacementModel model, Consumer<String> warn) {
        List<SourceGraph> found = graphs.stream()
                .map(graph -> SourceGraph.of(graph, model.layers()))
                .toList();
        found.forEach(graph -> graph.mismatch(model).ifPresent(warn));
        return found;
    }

    /** What is to become of the strongest features of a graph. */
    List<Edit> strongest(ReplacementModel model, int count, Consumer<String> warn) {
        if (strongest == null) {
            return List.of();
        }
        SourceGraph graph = SourceGraph.strongest(strongest, count);
        graph.mismatch(model).ifPresent(warn);
        return graph.groups().getFirst().edits(factor == null ? Change.ABLATE : new Change.Scale(factor));
    }

    /** A group and the graph that has it. */
    private record Found(SourceGraph graph, Supernode group) {}

    private static List<Found> named(List<SourceGraph> graphs, String name) {
        List<Found> found = new ArrayList<>();
        for (int i = 0; i < graphs.size(); i++) {
            SourceGraph graph = graphs.get(i);
            String numbered = (i + 1) + ":";
            for (Supernode group : graph.groups()) {
                if (group.name().equals(name) || name.equals(numbered + group.name())) {
                    found.add(new Found(graph, group));
                }
            }
        }
        if (found.isEmpty()) {
            List<String> all = graphs.stream()
                    .flatMap(graph -> graph.groups().stream().map(Supernode::name))
                    .toList();
            throw new UsageException("The graph has no supernode '" + Text.cut(name, 60) + "'; it has "
                    + (all.isEmpty() ? "none" : Text.cut(String.join(", ", all), 200)));
        }
        if (found.stream().map(Found::graph).distinct().count() > 1) {
            throw new UsageException("Several graphs have a supernode '" + Text.cut(name, 60) + "'; write 1:"
                    + Text.cut(name, 60) + " for that of the first --graph, and so on");
        }
        return found;
    }

    /** The same change of all features of a group. */
    static List<Edit> changes(List<SourceGraph> graphs, String name, Change change) {
        return named(graphs, name).stream()
                .flatMap(found -> found.group().edits(change).stream())
                .toList();
    }

    /**
     * A group's features with the activations of its own prompt.
     *
     * @param others prompts to take activations from in place of the graph's own; may be empty
     * @param at     where to put them, null for the positions that they have there
     */
    static List<Edit> put(
            Baseline baseline,
            List<SourceGraph> graphs,
            String name,
            List<Prompt> others,
            @Nullable Integer at,
            float factor) {
        List<Edit> edits = new ArrayList<>();
        for (Found found : named(graphs, name)) {
            List<Prompt> from = others.isEmpty() ? List.of(own(baseline.model(), found.graph())) : others;
            for (Prompt prompt : from) {
                if (at == null && prompt.length() != baseline.prompt().length()) {
                    throw new UsageException(
                            "The prompt that '%s' comes from has %d tokens and this one %d; say at which position to put it, as in --put '%s@-1'"
                                    .formatted(
                                            Text.cut(name, 60),
                                            prompt.length(),
                                            baseline.prompt().length(),
                                            Text.cut(name, 60)));
                }
            }
            edits.addAll(found.group().swaps(from, at, factor));
        }
        return edits;
    }

    private static Prompt own(ReplacementModel model, SourceGraph graph) {
        if (graph.tokens() == null) {
            throw new UsageException(
                    graph.name() + " does not say which tokens its prompt has; give the prompt with --from");
        }
        return model.prompt(graph.tokens());
    }
}
