package dev.headwater.engine.attribution;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.graph.FeatureSelection;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.model.Trace;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * From a prompt to its attribution graph: one forward pass, the active features and errors there, the model frozen at that
 * point, and the direct effect of every source on every target (reference section 2).
 */
public final class Attribution {
    private final ReplacementModel model;
    private final AttributionOptions options;
    private final Progress progress;
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private long phaseStart;
    private String phase;

    private Attribution(ReplacementModel model, AttributionOptions options, Progress progress) {
        this.model = model;
        this.options = options;
        this.progress = progress;
    }

    /**
     * The attribution graph of a prompt.
     *
     * @throws dev.headwater.engine.HeadwaterException if the prompt or a target does not fit the model
     * @throws java.util.concurrent.CancellationException if the progress listener asks to stop
     */
    public static AttributionGraph of(ReplacementModel model, Prompt prompt, AttributionOptions options, Progress progress) {
        return new Attribution(model, options, progress).run(prompt);
    }

    private AttributionGraph run(Prompt prompt) {
        begin("forward pass", 1);
        try (var scope = TensorScope.open(); Trace trace = model.trace(prompt.tokens())) {
            progress.advance(1);

            begin("encode", model.layers());
            LocalReplacement local = LocalReplacement.of(model, trace, progress::advance);
            FrozenModel frozen = FrozenModel.of(model.model(), trace, model.transcoders(), model.products());
            long memory = options.memory() > 0 ? options.memory() : physicalMemory() / 4;
            Sources sources = new Sources(local.active(), model.transcoders(), frozen.outputNorms(), local.errors(),
                trace.tokenVectors(), memory / 2);
            TargetVectors vectors = new TargetVectors(model, frozen, local.active(), prompt.length());
            List<LogitTarget> labels = vectors.choose(options.targets(), trace);
            ActiveFeatures active = local.active();
            int wanted = options.maxFeatures() == 0 ? active.count() : Math.min(options.maxFeatures(), active.count());
            begin("logit rows", labels.size());
            int firstLogit = sources.columns(0);
            int[] done = {0};
            try (AdjointSweep sweep = new AdjointSweep(frozen, sources, labels.size(), memory / 2, wanted)) {
                FeatureSelection selection = FeatureSelection.run(active.count(), firstLogit - active.count(), labels,
                    options.maxFeatures(), options.perRound(), nodes -> {
                        boolean features = nodes.length > 0 && nodes[0] < active.count();
                        if (features && done[0] == 0) {
                            begin("feature rows", wanted);
                        }
                        try (var inner = TensorScope.open()) {
                            EdgeRows rows = sweep.rows(vectors.of(nodes, firstLogit), n -> progress.advance(done[0] + n), progress::cancelled);
                            done[0] += features ? nodes.length : 0;
                            return rows;
                        }
                    });
                end();
                return new AttributionGraph(prompt, model.layers(), model.vocabularySize(), active, selection.selected(), labels,
                    selection.edges(), provenance());
            }
        }
    }

    private static long physicalMemory() {
        return ((com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory.getOperatingSystemMXBean())
            .getTotalMemorySize();
    }

    private void begin(String name, long total) {
        end();
        phase = name;
        phaseStart = System.nanoTime();
        progress.phase(name, total);
    }

    private void end() {
        if (phase != null) {
            seconds.merge(phase, (System.nanoTime() - phaseStart) / 1e9, Double::sum);
        }
        phase = null;
    }

    private Provenance provenance() {
        Map<String, Object> settings = new LinkedHashMap<>();
        switch (options.targets()) {
            case OutputTargets.Salient salient -> {
                settings.put("max_n_logits", salient.maxLogits());
                settings.put("desired_logit_prob", salient.probability());
            }
            case OutputTargets.Tokens tokens -> settings.put("target_tokens", tokens.ids().toString());
            case OutputTargets.Directions directions ->
                settings.put("target_directions", directions.directions().stream().map(OutputTargets.Direction::name).toList().toString());
            case OutputTargets.Features features -> settings.put("target_features", features.features().toString());
        }
        settings.put("batch_size", options.batchSize());
        settings.put("max_feature_nodes", options.maxFeatures());
        settings.put("update_interval", options.updateInterval());
        settings.put("products", model.products().toString());
        // No time of creation: the same prompt and settings give the same bytes.
        return new Provenance(model.modelReference(), List.of(model.transcoderReference()), model.scan(), model.device().toString(),
            model.dtype().toString(), ReplacementModel.versions(), settings, seconds, 0);
    }
}
