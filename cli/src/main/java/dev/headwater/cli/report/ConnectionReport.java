package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.features.Connection;
import dev.headwater.engine.features.FeatureConnections;
import dev.headwater.engine.files.BoundedJson;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A feature's connections as two tables.
 *
 * @param labels of features
 */
public record ConnectionReport(Console console, GraphJson.Labels labels) {
    private static final int FEATURE = 10;
    private static final int NUMBER = 10;

    public void printJson(FeatureConnections found) {
        try {
            console.out()
                    .println(BoundedJson.mapper()
                            .writerWithDefaultPrettyPrinter()
                            .writeValueAsString(found));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    public void print(FeatureConnections found) {
        console.out()
                .println(
                        (found.layer() + "/" + found.feature() + "  " + label(found.layer(), found.feature())).strip());
        table("inputs", found.inputs());
        table("outputs", found.outputs());
    }

    private void table(String name, List<Connection> connections) {
        console.out().println();
        if (connections.isEmpty()) {
            console.out().println(Text.pad(name, FEATURE) + "none");
            return;
        }
        boolean statistics = connections.stream().anyMatch(one -> one.era() != null);
        console.out()
                .println(console.style()
                        .dim(Text.pad(name, FEATURE) + heading("weight")
                                + (statistics ? heading("ERA") + heading("TWERA") : "") + "  label"));
        for (Connection one : connections) {
            console.out()
                    .println((Text.pad(one.layer() + "/" + one.feature(), FEATURE)
                                    + number(one.weight())
                                    + (statistics ? number(one.era()) + number(one.twera()) : "")
                                    + "  " + label(one.layer(), one.feature()))
                            .stripTrailing());
        }
    }

    private String label(int layer, int feature) {
        return Text.visible(labels.of(layer, feature));
    }

    private static String heading(String text) {
        return " ".repeat(NUMBER - text.length()) + text;
    }

    private static String number(@Nullable Double value) {
        return value == null ? heading("–") : String.format(Locale.ROOT, "%" + NUMBER + ".4f", value);
    }
}
