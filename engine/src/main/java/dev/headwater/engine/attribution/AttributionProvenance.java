package dev.headwater.engine.attribution;

import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.Version;
import dev.headwater.engine.graph.Provenance;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is needed to make a graph again, from the model and the options that it was made with. */
final class AttributionProvenance {
    private AttributionProvenance() {}

    static Provenance of(ReplacementModel model, Attribution.Request request, Map<String, Double> seconds) {
        AttributionOptions options = request.options();
        Map<String, Object> settings = new LinkedHashMap<>();
        switch (options.targets()) {
            case OutputTargets.Salient salient -> {
                settings.put("max_n_logits", salient.maxLogits());
                settings.put("desired_logit_prob", salient.probability());
            }
            case OutputTargets.Tokens tokens ->
                settings.put("target_tokens", tokens.ids().toString());
            case OutputTargets.Text text -> {
                settings.put("targets_at", text.positions().toString());
                if (text.positions().getLast() == request.prompt().length() - 1) {
                    settings.put("max_n_logits", text.end().maxLogits());
                    settings.put("desired_logit_prob", text.end().probability());
                }
            }
            case OutputTargets.Directions directions ->
                settings.put(
                        "target_directions",
                        directions.directions().stream()
                                .map(OutputTargets.Direction::name)
                                .toList()
                                .toString());
            case OutputTargets.Features features ->
                settings.put("target_features", features.features().toString());
        }
        settings.put("batch_size", options.batchSize());
        settings.put("max_feature_nodes", options.maxFeatures());
        settings.put("update_interval", options.updateInterval());
        settings.put("rank", (model.basis().dense() ? Rank.TOTAL : options.rank()).toString());
        if (options.contrast() != null) {
            settings.put(Provenance.CONTRAST, options.contrast().ids());
        }
        settings.put("products", model.products().toString());
        if (model.device().isCpu()) {
            settings.put("instructions", Kernels.instructionSet());
        }
        // No time of creation: the same prompt and settings give the same bytes.
        return new Provenance(
                model.modelReference(),
                List.of(model.transcoderReference()),
                model.scan(),
                model.device().toString(),
                model.dtype().toString(),
                versions(),
                settings,
                seconds,
                0);
    }

    /** Software and its versions. */
    private static Map<String, String> versions() {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("headwater", Version.number());
        NativeLibraries.load().stream()
                .filter(library -> library.name().equals("libtorch"))
                .forEach(library -> versions.put("libtorch", library.version()));
        versions.put("java", System.getProperty("java.version"));
        return versions;
    }
}
