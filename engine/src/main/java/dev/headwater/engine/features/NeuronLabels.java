package dev.headwater.engine.features;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Pruning;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Names of neurons of a graph that nobody has named: the tokens that each raises by its direct path to the output when it fires as it
 * did there. "→ Paris, Rome" is one that writes these; where its activation is negative, what its column lowers.
 */
public final class NeuronLabels implements GraphJson.Labels {
    private static final int TOKENS = 3;

    private final Map<Place, Ends> ends;

    private record Place(int layer, int feature) {}

    private record Ends(String raised, String lowered) {}

    private NeuronLabels(Map<Place, Ends> ends) {
        this.ends = ends;
    }

    /** Of the neurons that pruning leaves. */
    public static NeuronLabels of(ReplacementModel model, AttributionGraph graph, Pruning pruned) {
        Map<Integer, TreeSet<Integer>> byLayer = new TreeMap<>();
        for (int i = 0; i < graph.featureCount(); i++) {
            if (pruned.keeps(i) && graph.node(i) instanceof Node.Feature neuron) {
                byLayer.computeIfAbsent(neuron.layer(), layer -> new TreeSet<>())
                        .add(neuron.feature());
            }
        }
        BitSet all = new BitSet();
        all.set(0, model.vocabularySize());
        Map<Place, Ends> ends = new HashMap<>();
        try (var _ = model.use();
                var _ = TensorScope.open()) {
            OutputLogits logits = new OutputLogits(model, TOKENS, all);
            byLayer.forEach((layer, neurons) -> {
                int[] wanted = neurons.stream().mapToInt(Integer::intValue).toArray();
                for (int first = 0; first < wanted.length; first += logits.blockSize()) {
                    int[] some = Arrays.copyOfRange(wanted, first, Math.min(wanted.length, first + logits.blockSize()));
                    OutputLogits.Block block = logits.of(layer, some);
                    for (int i = 0; i < some.length; i++) {
                        ends.put(
                                new Place(layer, some[i]),
                                new Ends(
                                        names(model, block.top(), i * block.k(), block.k()),
                                        names(model, block.bottom(), i * block.k(), block.k())));
                    }
                }
            });
        }
        return new NeuronLabels(ends);
    }

    private static String names(ReplacementModel model, int[] tokens, int first, int count) {
        Set<String> names = new LinkedHashSet<>();
        for (int i = first; i < first + count; i++) {
            names.add(FeatureLabels.name(model.tokenizer().token(tokens[i])));
        }
        names.remove("");
        return names.isEmpty() ? "" : "→ " + String.join(", ", names);
    }

    @Override
    public String of(int layer, int feature) {
        return of(layer, feature, 1);
    }

    @Override
    public String of(int layer, int feature, float activation) {
        Ends found = ends.get(new Place(layer, feature));
        return found == null ? "" : activation < 0 ? found.lowered : found.raised;
    }
}
