package dev.headwater.engine.intervention;

import dev.headwater.bindings.Tensor;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Edits sorted by layer: for each layer a table of the positions of one pass by the features that change anywhere in
 * it.
 */
final class EditPlan {
    /**
     * A layer's edits.
     *
     * @param feature distinct features, ascending [n]
     * @param change  by position, then feature; null where nothing changes [P * n]
     */
    record Table(int layer, int[] feature, @Nullable Change[] change) {
        private int slot(int position, int wanted) {
            return position * feature.length + Arrays.binarySearch(feature, wanted);
        }

        /**
         * Activations of the table's features at all positions, [P * n].
         *
         * @param x     F32 [P, d] at the features' input
         * @param zeros positions at the start where they count as 0
         */
        float[] activations(FeatureBasis basis, Tensor x, int zeros) {
            float[] values = basis.activations(layer, x, feature);
            Arrays.fill(values, 0, zeros * feature.length, 0);
            return values;
        }
    }

    private final Table[] tables;

    private EditPlan(Table[] tables) {
        this.tables = tables;
    }

    /** A prompt's edits. */
    static EditPlan ofPrompt(List<Edit> edits, int layers, int positions) {
        return of(edits, layers, positions, edit ->
                new int[] {edit.positions().first(positions), edit.positions().end(positions)});
    }

    /** The edits that go on after a prompt of so many positions, on the token generated at {@code position}. */
    static EditPlan ofToken(List<Edit> edits, int layers, int promptPositions, int position) {
        List<Edit> lasting = edits.stream()
                .filter(edit -> edit.positions().openEnded() && edit.positions().first(promptPositions) <= position)
                .toList();
        return of(lasting, layers, 1, edit -> new int[] {0, 1});
    }

    private static EditPlan of(List<Edit> edits, int layers, int positions, Function<Edit, int[]> bounds) {
        Table[] tables = new Table[layers];
        List<List<Edit>> byLayer = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            byLayer.add(new ArrayList<>());
        }
        edits.forEach(edit -> byLayer.get(edit.layer()).add(edit));
        for (int layer = 0; layer < layers; layer++) {
            if (byLayer.get(layer).isEmpty()) {
                continue;
            }
            int[] features = byLayer.get(layer).stream()
                    .mapToInt(Edit::feature)
                    .sorted()
                    .distinct()
                    .toArray();
            Table table = new Table(layer, features, new Change[Math.multiplyExact(positions, features.length)]);
            for (Edit edit : byLayer.get(layer)) {
                int[] range = bounds.apply(edit);
                for (int position = range[0]; position < range[1]; position++) {
                    table.change[table.slot(position, edit.feature())] = edit.change();
                }
            }
            tables[layer] = table;
        }
        return new EditPlan(tables);
    }

    boolean isEmpty() {
        return Arrays.stream(tables).allMatch(Objects::isNull);
    }

    /** The layer's edits, or null if it has none. */
    Table table(int layer) {
        return tables[layer];
    }
}
