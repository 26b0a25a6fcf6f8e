package dev.headwater.engine.intervention;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.sharing.SiteSet;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A graph that features to change are taken from, of this prompt or another one.
 *
 * @param name   what messages call it
 * @param scan   what front ends call its transcoders or, on Neuronpedia, its model; "" if it doesn't say
 * @param tokens of its prompt, or null if it doesn't say
 * @param groups made in a front end
 */
public record SourceGraph(String name, String scan, int @Nullable [] tokens, List<Supernode> groups) {
    public SourceGraph {
        groups = List.copyOf(groups);
    }

    /**
     * A graph file of a front end, or the address of a graph on Neuronpedia.
     *
     * @param layers of the model that is to be changed
     */
    public static SourceGraph of(String fileOrUrl, int layers) {
        if (!fileOrUrl.contains("://")) {
            GraphDocument document = GraphDocument.read(Path.of(fileOrUrl));
            return new SourceGraph(
                    fileOrUrl,
                    document.metadata().path("scan").asText(""),
                    DocumentNode.tokens(document.nodes()),
                    Supernode.of(document));
        }
        String[] path = fileOrUrl.replaceFirst("[?#].*", "").split("/");
        // https://www.neuronpedia.org/MODEL/graph?…
        String model = path.length > 4 && path[4].equals("graph") ? path[3] : "";
        return new SourceGraph(fileOrUrl.replaceFirst("[?#].*", ""), model, null, Supernode.ofUrl(fileOrUrl, layers));
    }

    /**
     * The features of a graph, whole or pruned, that have the most influence on its outputs.
     *
     * @param count how many at most
     */
    public static SourceGraph strongest(Path file, int count) {
        try (PlainGraph graph = PlainGraph.read(file)) {
            double[] influence = graph.influence();
            List<FeatureRef> features = IntStream.range(0, graph.size())
                    .filter(i -> graph.nodes().get(i).kind() == Kind.FEATURE
                            && graph.nodes().get(i).number() <= Integer.MAX_VALUE)
                    .boxed()
                    .sorted((a, b) -> Double.compare(influence[b], influence[a]))
                    .limit(count)
                    .map(i -> graph.nodes().get(i))
                    .map(node -> new FeatureRef(node.layer(), node.position(), (int) node.number()))
                    .toList();
            return new SourceGraph(
                    file.toString(), graph.scan(), graph.tokens(), List.of(new Supernode("strongest", features)));
        }
    }

    /** Why its features may mean something else in this model; empty if nothing says so. */
    public Optional<String> mismatch(ReplacementModel model) {
        String ours = model.scan();
        if (scan.isEmpty()
                || scan.equals(ours)
                || SiteSet.known(ours).filter(site -> site.scan().equals(scan)).isPresent()) {
            return Optional.empty();
        }
        return Optional.of("%s is a graph of '%s', and this is '%s': the same numbers are other features here"
                .formatted(ErrorText.of(name), ErrorText.of(scan), ours));
    }
}
