package dev.headwater.engine.graph;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a graph comes from: enough to make it again.
 *
 * @param model       reference of the model, with its revision
 * @param transcoders references of the transcoder set, with their revisions; one, or one for each layer
 * @param scan        name under which front ends look up features, "" if none
 * @param device      where it was computed
 * @param dtype       precision of the computation
 * @param versions    software name to version
 * @param settings    options of the attribution by their names in files (max_n_logits, desired_logit_prob, batch_size,
 *                    max_feature_nodes, update_interval, seed, ...): strings, numbers, booleans or null
 * @param seconds     time of each phase, in order
 * @param createdMillis time of creation, milliseconds since 1970 UTC, 0 if unknown
 */
public record Provenance(
        String model,
        List<String> transcoders,
        String scan,
        String device,
        String dtype,
        Map<String, String> versions,
        Map<String, Object> settings,
        Map<String, Double> seconds,
        long createdMillis) {
    /** The setting that holds the token ids of the prompts that a graph's prompt was held against, if it was. */
    public static final String CONTRAST = "contrast_token_ids";

    /** Nothing is known. */
    public static final Provenance UNKNOWN = new Provenance("", List.of(), "", "", "", Map.of(), Map.of(), Map.of(), 0);

    /** Takes null for what is not known. */
    public Provenance {
        model = text(model);
        transcoders = transcoders == null ? List.of() : List.copyOf(transcoders);
        scan = text(scan);
        device = text(device);
        dtype = text(dtype);
        versions = ordered(versions);
        settings = ordered(settings);
        seconds = ordered(seconds);
    }

    private static String text(String text) {
        return text == null ? "" : text;
    }

    private static <V> Map<String, V> ordered(Map<String, V> map) {
        return map == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(map));
    }

    /** Without the phases' times, as files keep it: the same prompt and settings then give the same bytes. */
    public Provenance untimed() {
        return new Provenance(model, transcoders, scan, device, dtype, versions, settings, Map.of(), createdMillis);
    }
}
