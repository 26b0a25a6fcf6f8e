package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.sharing.SiteSet;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Prunes the graphs of a batch's lines, writes their files and says what is noted of them. Used by one thread at a time. */
final class BatchOutput {
    private final ReplacementModel model;
    private final BatchSettings settings;
    private final PruningOptions.Thresholds pruning;
    /** Of transcoders: opened once, not for each line. */
    private GraphJson.@Nullable Labels kept;

    /** @param pruning of lines that say nothing else */
    BatchOutput(ReplacementModel model, BatchSettings settings, PruningOptions.Thresholds pruning) {
        this.model = model;
        this.settings = settings;
        this.pruning = pruning;
    }

    /**
     * Writes a line's graph into a directory.
     *
     * @return the line's record
     * @throws HeadwaterException if it cannot be written
     */
    ObjectNode write(BatchLine line, AttributionGraph graph, Path directory) {
        Pruning pruned = line.pruning(pruning).of(graph);
        Path file = GraphJson.write(
                graph,
                pruned,
                new GraphJson.Options(
                        line.slug(),
                        labels(graph, pruned),
                        SiteSet.featureDetails(graph.provenance().scan())),
                directory);
        return record(line, settings.of(line))
                .put("graph", file.getFileName().toString())
                .put("tokens", graph.prompt().length())
                .put("active_features", graph.active().count())
                .put("features", graph.selected().length);
    }

    /** The record of a line that has no graph. */
    ObjectNode failed(BatchLine line, String reason) {
        return record(line, line.fault() == null ? settings.of(line) : null).put("error", reason);
    }

    private GraphJson.Labels labels(AttributionGraph graph, Pruning pruned) {
        if (model.basis().dense()) {
            return SetEvidence.labels(model, graph, pruned); // a neuron's name depends on the graph
        }
        if (kept == null) {
            kept = SetEvidence.labels(model.transcoderReference());
        }
        return kept;
    }

    /** Why a line has no graph. */
    static String reason(Throwable e) {
        return e instanceof OutOfMemoryError
                ? "not enough memory (" + e.getMessage() + ")"
                : String.valueOf(e.getMessage());
    }

    /** The beginning of a line's record. */
    static ObjectNode record(BatchLine line, @Nullable ObjectNode settings) {
        ObjectNode record = BoundedJson.mapper()
                .createObjectNode()
                .put("line", line.number())
                .put("slug", line.isNamed() ? line.slug() : null);
        if (settings != null) {
            record.set("settings", settings);
        }
        return record;
    }
}
