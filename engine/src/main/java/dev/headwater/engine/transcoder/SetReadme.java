package dev.headwater.engine.transcoder;

import dev.headwater.engine.Version;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** The README of a set that was made here: Markdown, led by what the hub wants to know. */
final class SetReadme {
    private static final Pattern HUB_NAME = Pattern.compile("[\\w.-]+/[\\w.-]+");

    private SetReadme() {}

    static String of(String name, TranscoderSetWriter.Description set, OptionalInt k, Map<String, String> provenance) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("model", set.modelName());
        rows.put("kind", set.kind().modelKind());
        rows.put(
                "features",
                String.format(
                        Locale.ROOT,
                        "%,d in each of %d layers%s",
                        set.features(),
                        set.layers(),
                        k.isPresent() ? ", " + k.getAsInt() + " active at a position" : ""));
        rows.put("read", set.input().hookName());
        rows.put("write", set.output().hookName());
        rows.put("numbers", set.dtype().name());
        rows.putAll(provenance);
        rows.put("made by", "Headwater " + Version.number());
        StringBuilder text = new StringBuilder("---\n");
        if (HUB_NAME.matcher(set.modelName()).matches()) {
            text.append("base_model: ").append(set.modelName()).append('\n');
        }
        text.append("tags:\n- transcoder\n- circuit-tracer\n---\n# ")
                .append(cell(name))
                .append("\n\nTranscoders for ")
                .append(cell(set.modelName()))
                .append(
                        ", to trace circuits with: Headwater (`headwater attribute -m MODEL -t FOLDER`) and circuit-tracer read this folder.\n\n");
        text.append("| | |\n| --- | --- |\n");
        rows.forEach((key, value) -> text.append("| %s | %s |\n".formatted(cell(key), cell(value))));
        if (k.isPresent()) {
            text.append("\ncircuit-tracer 0.5.0 takes TopK for ReLU, and shows more features than are active here.\n");
        }
        return text.toString();
    }

    /** On one line, with nothing that ends a cell. */
    private static String cell(String text) {
        return text.replaceAll("\\s+", " ").replace("|", "\\|").strip();
    }
}
