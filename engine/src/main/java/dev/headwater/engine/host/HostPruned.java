package dev.headwater.engine.host;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.sharing.SiteSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The part of a graph that carries most of the influence; keeps the graph. */
final class HostPruned extends Shared {
    private final HostGraph whole;
    private final Pruning pruning;
    private volatile @Nullable AttentionBlock attention;

    /** @param whole taken by the caller for this; closed with it */
    HostPruned(HostGraph whole, double nodes, double edges) {
        this.whole = whole;
        pruning = Pruning.of(whole.graph(), whole.influence(), nodes, edges);
    }

    HostGraph whole() {
        return whole;
    }

    Pruning pruning() {
        return pruning;
    }

    /** Files that are written from now on say which heads the edges passed. */
    void attention(AttentionBlock found) {
        attention = found;
    }

    /** Writes the file that front ends read. */
    Path write(String slug, boolean numbered, Path directory) {
        AttributionGraph graph = whole.graph();
        return GraphJson.write(
                graph,
                pruning,
                new GraphJson.Options(
                        slug,
                        numbered,
                        labels(),
                        SiteSet.featureDetails(graph.provenance().scan()),
                        attention),
                directory);
    }

    private GraphJson.Labels labels() {
        HostModel model = whole.model();
        if (model != null && model.model().basis().dense()) {
            if (!model.take()) {
                throw new HeadwaterException(
                        "the model that the graph was made with is closed; neurons are named with it");
            }
            try (model) {
                return SetEvidence.labels(model.model(), whole.graph(), pruning);
            }
        }
        return SetEvidence.labels(String.join(",", whole.graph().provenance().transcoders()));
    }

    @Override
    Array make(int what, int index) {
        return switch (what) {
            case What.KEPT_NODES -> copy(pruning.nodes());
            case What.KEPT_TARGETS, What.KEPT_SOURCES -> {
                int[] ends = new int[pruning.edgeCount()];
                int[] count = new int[1];
                pruning.forEachEdge(
                        (target, source, _) -> ends[count[0]++] = what == What.KEPT_TARGETS ? target : source);
                yield copy(ends);
            }
            case What.KEPT_WEIGHTS -> {
                float[] weights = new float[pruning.edgeCount()];
                int[] count = new int[1];
                pruning.forEachEdge((_, _, weight) -> weights[count[0]++] = weight);
                yield copy(weights);
            }
            default -> super.make(what, index);
        };
    }

    @Override
    List<String> texts(int what) {
        if (what != What.NODE_LABELS) {
            throw none("texts", what);
        }
        AttributionGraph graph = whole.graph();
        GraphJson.Labels labels = labels();
        List<FeatureRef> features = new ArrayList<>();
        int[] kept = pruning.nodes();
        for (int node : kept) {
            if (graph.node(node) instanceof Node.Feature feature) {
                features.add(feature.ref());
            }
        }
        labels.willNeed(features);
        return Arrays.stream(kept)
                .mapToObj(node -> switch (graph.node(node)) {
                    case Node.Feature feature -> labels.of(feature.layer(), feature.feature(), feature.activation());
                    case Node.Token token -> token.text();
                    case Node.Logit logit -> logit.target().text();
                    case Node.Error _ -> "";
                })
                .toList();
    }

    @Override
    void free() {
        whole.close();
    }
}
