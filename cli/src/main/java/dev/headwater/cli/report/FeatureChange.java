package dev.headwater.cli.report;

import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What a feature is in two runs, as the encoder reads it from their streams. */
record FeatureChange(FeatureRef ref, float before, float after) {
    private static final double LEAST = 1e-5;

    private float size() {
        return Math.abs(after - before);
    }

    /** Features whose value differs, the largest difference first. */
    static List<FeatureChange> between(Run before, Run after, int layers, int features, boolean preActivations) {
        List<FeatureChange> changes = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            if (preActivations) {
                float[] old = before.preActivations(layer);
                float[] now = after.preActivations(layer);
                for (int i = 0; i < old.length; i++) {
                    add(changes, new FeatureChange(new FeatureRef(layer, i / features, i % features), old[i], now[i]));
                }
            } else {
                compare(layer, before.activations(layer), after.activations(layer), changes);
            }
        }
        changes.sort(Comparator.comparingDouble(change -> -change.size()));
        return changes;
    }

    private static void add(List<FeatureChange> changes, FeatureChange change) {
        if (change.size() > LEAST) {
            changes.add(change);
        }
    }

    /** Merges two lists that are ordered by position and feature. */
    private static void compare(
            int layer, SparseActivations before, SparseActivations after, List<FeatureChange> changes) {
        int i = 0;
        int j = 0;
        while (i < before.count() || j < after.count()) {
            int order = i == before.count()
                    ? 1
                    : j == after.count() ? -1 : Integer.compare(before.position()[i], after.position()[j]);
            if (order == 0) {
                order = Integer.compare(before.feature()[i], after.feature()[j]);
            }
            SparseActivations one = order <= 0 ? before : after;
            int at = order <= 0 ? i : j;
            add(
                    changes,
                    new FeatureChange(
                            new FeatureRef(layer, one.position()[at], one.feature()[at]),
                            order <= 0 ? before.value()[i] : 0,
                            order >= 0 ? after.value()[j] : 0));
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
    }
}
