package dev.headwater.engine.explanation;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The features at stake, which circuits are taken of and taken out of: all that fire on the prompt, whether the graph has kept them or
 * not. Of neurons, nearly all of which are active, and without which there would be no model, those of the graph.
 *
 * @param features   by layer, position, number [F]
 * @param place      of each in that list
 * @param activation of each in the model as it is [F]
 * @param ablated    what taking it away sets it to: 0, or the mean over the contrast that the graph was made against [F]
 */
record Stake(List<FeatureRef> features, Map<FeatureRef, Integer> place, float[] activation, float[] ablated) {
    /** @throws HeadwaterException if most of the graph's features do not fire, as in another model */
    static Stake of(Baseline baseline, PlainGraph graph, Wiring wiring, Progress progress) {
        List<FeatureRef> features = new ArrayList<>();
        List<Float> values = new ArrayList<>();
        List<FeatureRef> ofGraph = wiring.features().stream()
                .map(wiring::feature)
                .distinct()
                .sorted()
                .toList();
        if (baseline.model().basis().dense()) {
            neurons(baseline, ofGraph, features, values);
        } else {
            firing(baseline, features, values);
        }
        Map<FeatureRef, Integer> place = new HashMap<>();
        features.forEach(feature -> place.put(feature, place.size()));
        long firing = ofGraph.stream().filter(place::containsKey).count();
        if (2 * firing < ofGraph.size()) {
            throw new HeadwaterException(
                    "%s is no graph of this model and these transcoders: only %d of its %d features fire on its prompt; give those that it was made with (--model, --transcoders)"
                            .formatted(graph.name(), firing, ofGraph.size()));
        }
        float[] activation = new float[values.size()];
        for (int i = 0; i < activation.length; i++) {
            activation[i] = values.get(i);
        }
        return new Stake(features, place, activation, ablated(baseline, graph, features, progress));
    }

    private static void firing(Baseline baseline, List<FeatureRef> features, List<Float> values) {
        int zeros = baseline.model().silentPositions(baseline.run().tokens());
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            SparseActivations there = baseline.run().activations(layer);
            for (int i = 0; i < there.count(); i++) {
                if (there.position()[i] >= zeros) {
                    features.add(new FeatureRef(layer, there.position()[i], there.feature()[i]));
                    values.add(there.value()[i]);
                }
            }
        }
    }

    private static void neurons(
            Baseline baseline, List<FeatureRef> ofGraph, List<FeatureRef> features, List<Float> values) {
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            int here = layer;
            List<FeatureRef> some =
                    ofGraph.stream().filter(feature -> feature.layer() == here).toList();
            float[] found = baseline.run().preActivations(layer, positions(some), numbers(some));
            for (float value : found) {
                values.add(value);
            }
            features.addAll(some);
        }
    }

    private static int[] positions(List<FeatureRef> features) {
        return features.stream().mapToInt(FeatureRef::position).toArray();
    }

    private static int[] numbers(List<FeatureRef> features) {
        return features.stream().mapToInt(FeatureRef::feature).toArray();
    }

    private static float[] ablated(Baseline baseline, PlainGraph graph, List<FeatureRef> features, Progress progress) {
        float[] values = new float[features.size()];
        if (graph.contrast().isEmpty()) {
            return values;
        }
        try (MeanActivations means = MeanActivations.of(
                baseline.model(), baseline.prompt(), Contrast.ofIds(baseline.model(), graph.contrast()), progress)) {
            for (int layer = 0; layer < baseline.model().layers(); layer++) {
                int here = layer;
                int[] some = IntStream.range(0, values.length)
                        .filter(i -> features.get(i).layer() == here)
                        .toArray();
                List<FeatureRef> members =
                        IntStream.of(some).mapToObj(features::get).toList();
                float[] mean = means.of(layer, positions(members), numbers(members));
                for (int i = 0; i < some.length; i++) {
                    values[some[i]] = mean[i];
                }
            }
        }
        return values;
    }
}
