package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Kernels;
import dev.headwater.cli.option.ContrastOptions;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.Rank;
import dev.headwater.engine.document.EarlierGraph;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.product.Products;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * All that a batch's graphs depend on, by which a later run of the batch tells whose a file is and whether it is done.
 *
 * @param common what all lines share
 * @param batch  the options of lines that say nothing else
 * @param pruning the thresholds of lines that say nothing else
 */
record BatchSettings(ObjectNode common, AttributionOptions batch, PruningOptions.Thresholds pruning) {
    /** What the machine decides that computes. */
    private static final List<String> OF_THE_MACHINE = List.of("products", "instructions");

    static BatchSettings of(
            ModelOptions model, ContrastOptions contrast, PruningOptions pruning, AttributionOptions batch) {
        Device on = Cuda.device(model.device());
        ObjectNode common = BoundedJson.mapper()
                .createObjectNode()
                .put("model", Reference.parse(model.model()).toString())
                .put("transcoders", Reference.parse(model.transcoders()).toString())
                .put("dtype", model.type().toString())
                // What was chosen, not "auto": a batch that goes on elsewhere must not mix two ways.
                .put(
                        "products",
                        Products.choose(model.products(), model.type(), on).toString())
                .put("instructions", on.isCpu() ? Kernels.instructionSet() : on.toString());
        return new BatchSettings(contrast.noted(common), batch, pruning.thresholds());
    }

    /** Where other machines compute, none of which is known: without what they decide. */
    static BatchSettings elsewhere(
            ModelOptions model, ContrastOptions contrast, PruningOptions pruning, AttributionOptions batch) {
        ObjectNode common = BoundedJson.mapper()
                .createObjectNode()
                .put("model", Reference.parse(model.model()).toString())
                .put("transcoders", Reference.parse(model.transcoders()).toString())
                .put("dtype", model.type().toString());
        Products products = model.products();
        if (products != null) {
            common.put("products", products.toString());
        }
        return new BatchSettings(contrast.noted(common), batch, pruning.thresholds());
    }

    /** Whether the line's graph was made with these settings, by whatever machine if they leave that open. */
    boolean isDone(BatchLine line, BatchRecords records) {
        return records.settings(line.slug())
                .filter(made -> {
                    ObjectNode known = made.deepCopy();
                    known.remove(OF_THE_MACHINE.stream()
                            .filter(key -> !common.has(key))
                            .toList());
                    return known.equals(of(line));
                })
                .isPresent();
    }

    /** All that a line's graph depends on. */
    ObjectNode of(BatchLine line) {
        ObjectNode settings = BoundedJson.mapper().createObjectNode();
        switch (line.prompt()) {
            case PromptOptions.Words words -> settings.put("prompt", words.text());
            case PromptOptions.Chat chat ->
                settings.set("conversation", BoundedJson.mapper().valueToTree(chat.conversation()));
            case PromptOptions.Ids ids -> {
                var list = settings.putArray("token_ids");
                for (int id : ids.ids()) {
                    list.add(id);
                }
            }
        }
        AttributionOptions options = line.options(batch);
        OutputTargets.Salient targets = (OutputTargets.Salient) options.targets();
        if (options.rank() != Rank.INFLUENCE) {
            settings.put("rank", options.rank().toString());
        }
        if (line.targets().isPresent()) {
            settings.set("targets", line.fields().get("targets"));
        }
        for (String key : List.of("targets_at", "answer_text", "continue")) {
            if (line.fields().has(key)) {
                settings.set(key, line.fields().get(key));
            }
        }
        PruningOptions.Thresholds thresholds = line.pruning(pruning);
        return settings.<ObjectNode>setAll(common)
                .put("node_threshold", thresholds.nodes())
                .put("edge_threshold", thresholds.edges())
                .put("max_logits", targets.maxLogits())
                .put("logit_prob", targets.probability())
                .put("max_features", options.maxFeatures())
                .put("batch_size", options.batchSize())
                .put("update_interval", options.updateInterval());
    }

    /** A graph that is no other line's, other command's or other prompt's: theirs is never replaced. */
    boolean isFree(String slug, BatchLine line, Path directory, BatchRecords records) {
        Path file = GraphName.file(directory, slug);
        return !EarlierGraph.exists(file) || isOf(line, slug, file, records);
    }

    /** Whether a graph that is there is this line's. */
    boolean isOf(BatchLine line, String slug, Path file, BatchRecords records) {
        Optional<ObjectNode> made = records.settings(slug);
        if (made.isPresent()) {
            ObjectNode settings = of(line);
            return List.of(
                            "prompt",
                            "token_ids",
                            "conversation",
                            "model",
                            "transcoders",
                            "targets",
                            "targets_at",
                            "answer_text",
                            "continue",
                            "contrast")
                    .stream()
                    .allMatch(key -> settings.path(key).equals(made.get().path(key)));
        }
        // The batch that made it was killed before it could note it down.
        return EarlierGraph.read(file)
                .filter(earlier -> switch (line.prompt()) {
                    case PromptOptions.Words words ->
                        earlier.prompt().equals(words.text())
                                || !earlier.tokens().isEmpty()
                                        && earlier.prompt()
                                                .equals(earlier.tokens().getFirst() + words.text());
                    case PromptOptions.Ids ids -> earlier.tokens().size() == ids.ids().length;
                    case PromptOptions.Chat chat ->
                        earlier.prompt().contains(chat.title().strip());
                })
                .isPresent();
    }
}
