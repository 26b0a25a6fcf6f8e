package dev.headwater.engine.intervention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Features written as {@code LAYERS/POSITIONS/FEATURE}: a layer, a range of layers {@code a:b} or {@code *} for all;
 * positions as {@link Positions#parse} reads them; a feature's number, or {@code *} for all that fire there.
 *
 * @param layers  from and to (one past the last); null for all
 * @param feature null for all that fire
 */
public record EditPattern(
        @Nullable Layers layers,
        Positions positions,
        @Nullable Integer feature) {
    /** Layers {@code from} to {@code to - 1}. */
    public record Layers(int from, int to) {}

    /** @throws UsageException if the text is not of this form */
    public static EditPattern parse(String text) {
        String[] parts = text.split("/", -1);
        if (parts.length != 3
                || !parts[0].matches("\\*|\\d{1,9}|\\d{1,9}:\\d{1,9}")
                || !parts[2].matches("\\*|\\d{1,9}")) {
            throw new UsageException(
                    "'" + ErrorText.of(text)
                            + "' names no features; write LAYER/POSITION/FEATURE, as in 2/-1/607, or a range of layers as 0:3, or * for all");
        }
        Layers layers = null;
        if (!parts[0].equals("*")) {
            String[] ends = parts[0].split(":", -1);
            int from = Integer.parseInt(ends[0]);
            layers = new Layers(from, ends.length == 1 ? from + 1 : Integer.parseInt(ends[1]));
        }
        if (layers != null && layers.from() >= layers.to()) {
            throw new UsageException("'" + ErrorText.of(text) + "': the range of layers is empty");
        }
        return new EditPattern(
                layers, Positions.parse(parts[1]), parts[2].equals("*") ? null : Integer.valueOf(parts[2]));
    }

    /**
     * The same change of every feature meant.
     *
     * @throws UsageException if the layers or positions don't exist
     */
    public List<Edit> edits(Baseline baseline, Change change) {
        List<Edit> edits = new ArrayList<>();
        for (int layer = first(); layer < end(baseline); layer++) {
            if (feature != null) {
                edits.add(new Edit(layer, positions, feature, change));
                continue;
            }
            for (int position : resolved(baseline, layer)) {
                for (int each : firing(baseline.run().activations(layer), position)) {
                    edits.add(new Edit(layer, new Positions.At(position), each, change));
                }
            }
        }
        return edits;
    }

    /**
     * Swaps every feature meant for its activation in another prompt, at the same position there (from the end if the
     * pattern counts from there). {@code *} means all that fire in either.
     */
    public List<Edit> swaps(Baseline baseline, Prompt other) {
        return swaps(baseline, List.of(other), null, 1);
    }

    /**
     * Gives every feature meant its mean activation in other prompts, times a factor. {@code *} means all that fire in
     * any of the prompts.
     *
     * @param at the position in the others, negative from their end; null for the same as here, counted as the pattern
     *      counts
     */
    public List<Edit> swaps(Baseline baseline, List<Prompt> others, @Nullable Integer at, float factor) {
        List<Edit> edits = new ArrayList<>();
        for (int layer = first(); layer < end(baseline); layer++) {
            for (int position : resolved(baseline, layer)) {
                int meant = at != null ? at : positions instanceof Positions.At(int from) && from < 0 ? from : position;
                List<Change.Swap.Place> places = others.stream()
                        .map(other -> new Change.Swap.Place(other, meant))
                        .toList();
                TreeSet<Integer> features = new TreeSet<>();
                if (feature != null) {
                    features.add(feature);
                } else {
                    features.addAll(firing(baseline.run().activations(layer), position));
                    for (Prompt other : others) {
                        features.addAll(firing(
                                baseline.activations(other).get(layer), meant < 0 ? meant + other.length() : meant));
                    }
                }
                for (int each : features) {
                    edits.add(new Edit(layer, new Positions.At(position), each, new Change.Swap(places, factor)));
                }
            }
        }
        return edits;
    }

    private int first() {
        return layers == null ? 0 : layers.from();
    }

    private int end(Baseline baseline) {
        int all = baseline.model().layers();
        if (layers != null && layers.to() > all) {
            throw new UsageException(
                    "there is no layer %d; the model's layers are 0 to %d".formatted(layers.to() - 1, all - 1));
        }
        return layers == null ? all : layers.to();
    }

    /** The positions of the prompt that are meant. */
    private int[] resolved(Baseline baseline, int layer) {
        int length = baseline.run().positions();
        new Edit(layer, positions, feature == null ? 0 : feature, Change.ABLATE)
                .check(baseline.model().layers(), baseline.model().basis().features(), length, false);
        return java.util.stream.IntStream.range(positions.first(length), positions.end(length))
                .toArray();
    }

    private static List<Integer> firing(SparseActivations active, int position) {
        List<Integer> features = new ArrayList<>();
        for (int i = 0; i < active.count(); i++) {
            if (active.position()[i] == position) {
                features.add(active.feature()[i]);
            }
        }
        return features;
    }
}
