package dev.headwater.engine.features;

import dev.headwater.engine.document.GraphJson;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What {@link FeatureLabels} makes of {@link BundledFeatures}, kept in files: reading all of the evidence for some
 * names would take longer than making a graph. A test compares the files with the evidence.
 */
public final class BundledLabels implements GraphJson.Labels {
    private final String[][] labels;

    private BundledLabels(String[][] labels) {
        this.labels = labels;
    }

    /**
     * Labels for a set of transcoders by its reference: {@code labels/<reference>.txt} has a line with the number of
     * layers and one for each feature, layer by layer. A set without such a file has no labels.
     */
    public static BundledLabels of(String transcoders) {
        try (InputStream in = transcoders.matches("[a-z-]+")
                ? BundledLabels.class.getResourceAsStream("labels/" + transcoders + ".txt")
                : null) {
            return new BundledLabels(
                    in == null ? new String[0][] : read(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new UncheckedIOException("labels of " + transcoders, e);
        }
    }

    private static String[][] read(String text) {
        int at = text.indexOf('\n');
        String[][] labels = new String[Integer.parseInt(text, 0, at, 10)][];
        String[] lines = text.substring(at + 1).split("\n", -1);
        int features = (lines.length - 1) / labels.length;
        for (int layer = 0; layer < labels.length; layer++) {
            labels[layer] = Arrays.copyOfRange(lines, layer * features, (layer + 1) * features);
        }
        return labels;
    }

    @Override
    public String of(int layer, int feature) {
        return layer < labels.length && feature < labels[layer].length ? labels[layer][feature] : "";
    }
}
