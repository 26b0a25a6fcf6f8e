package dev.headwater.engine.features;

import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.graph.FeatureRef;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Labels whose evidence is fetched record by record: those that are announced are fetched side by side, each once.
 *
 * @param labels from the evidence; usable from any thread
 * @param known  by layer and feature
 */
record FetchedLabels(GraphJson.Labels labels, Map<Long, String> known) implements GraphJson.Labels {
    /** As many as a hub serves to one visitor without complaint. */
    private static final int TOGETHER = 16;

    FetchedLabels(GraphJson.Labels labels) {
        this(labels, new ConcurrentHashMap<>());
    }

    @Override
    public String of(int layer, int feature) {
        return known.computeIfAbsent(key(layer, feature), _ -> labels.of(layer, feature));
    }

    private static long key(int layer, int feature) {
        return (long) layer << 32 | feature;
    }

    @Override
    public void willNeed(Collection<FeatureRef> features) {
        try (ExecutorService workers =
                Executors.newFixedThreadPool(TOGETHER, Thread.ofVirtual().factory())) {
            features.stream()
                    .map(feature -> key(feature.layer(), feature.feature()))
                    .distinct()
                    .forEach(key -> workers.execute(() -> of((int) (key >> 32), key.intValue())));
        }
    }
}
