package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.option.Answer;
import dev.headwater.cli.option.ContrastOptions;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PromptLines;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.PruningOptions;
import dev.headwater.cli.option.TracingOptions;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.tokens.Conversation;
import dev.headwater.explorer.Engine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One line of a batch.
 *
 * @param number from 1, empty lines counted
 * @param slug   name of its graph, unlike that of any other line; null if the line has a fault that keeps it from
 *      having one, or
 *               before it is {@link #named}
 * @param prompt null if there is a fault
 * @param fields what the line says
 * @param fault  why it can't be done, or null
 */
public record BatchLine(
        int number,
        @Nullable String slug,
        PromptOptions.@Nullable Source prompt,
        JsonNode fields,
        @Nullable String fault) {
    /** @throws IllegalStateException if it has none */
    @Override
    public String slug() {
        if (slug == null) {
            throw new IllegalStateException("line " + number + " has no name");
        }
        return slug;
    }

    /** @throws IllegalStateException if it has none */
    @Override
    public PromptOptions.Source prompt() {
        if (prompt == null) {
            throw new IllegalStateException("line " + number + " has no prompt");
        }
        return prompt;
    }

    boolean isNamed() {
        return slug != null;
    }

    /** With {@code contrast}, which {@code --contrast} reads where the same file is given to it. */
    private static final Set<String> KEYS = Set.of(
            "slug",
            "max_features",
            "max_logits",
            "logit_prob",
            "node_threshold",
            "edge_threshold",
            "targets",
            "targets_at",
            "answer_text",
            "continue",
            "contrast");

    /**
     * Reads a file as {@link PromptLines} does. A line that makes no sense gets a fault; only a file that cannot be read is an error.
     */
    public static List<BatchLine> read(Path file) {
        return of(PromptLines.read(file));
    }

    /** As {@link #read}, of lines that are there. */
    static List<BatchLine> of(List<PromptLines.Line> lines) {
        return lines.stream().map(BatchLine::parsed).toList();
    }

    /** What another process needs to make this line again; it has no fault. */
    ObjectNode json() {
        ObjectNode json = BoundedJson.mapper().createObjectNode().put("line", number);
        if (slug != null) {
            json.put("slug", slug);
        }
        json.set("fields", fields);
        return json;
    }

    /** The line of which this is the {@link #json}. */
    static BatchLine of(JsonNode json) {
        BatchLine line = parsed(new PromptLines.Line(json.path("line").asInt(), json.path("fields"), null));
        return new BatchLine(line.number, json.path("slug").asText(null), line.prompt, line.fields, line.fault);
    }

    /** Says which names may be given. */
    public interface Names {
        /** Whether nothing has this name yet, or what has it is this very line's graph. */
        boolean isFree(String slug, BatchLine line);
    }

    private static BatchLine parsed(PromptLines.Line read) {
        JsonNode fields = read.fields();
        if (read.fault() != null) {
            return new BatchLine(read.number(), null, null, fields, read.fault());
        }
        try {
            PromptOptions.Source prompt = PromptLines.prompt(fields);
            String slug = fields.has("slug") ? PromptLines.text(fields, "slug") : null;
            if (slug != null) {
                GraphName.file(Path.of(""), slug);
            }
            BatchLine line = new BatchLine(read.number(), slug, prompt, fields, null);
            line.options(AttributionOptions.DEFAULT);
            line.pruning(PruningOptions.Thresholds.USUAL);
            line.targets();
            line.answer();
            return line;
        } catch (UsageException e) {
            return new BatchLine(read.number(), null, null, fields, e.getMessage());
        }
    }

    /** Gives names to the lines that have none; a line that has another's name gets a fault. */
    public static List<BatchLine> named(List<BatchLine> lines, Names names) {
        // Where upper and lower case are one, two graphs must not share a file either.
        Map<String, Integer> taken = new HashMap<>();
        List<BatchLine> result = new ArrayList<>(lines);
        for (int i = 0; i < lines.size(); i++) {
            BatchLine line = lines.get(i);
            Integer other =
                    line.slug == null ? null : taken.putIfAbsent(line.slug.toLowerCase(Locale.ROOT), line.number);
            if (other != null) {
                result.set(i, new BatchLine(line.number, null, null, line.fields, "its slug is that of line " + other));
            }
        }
        for (int i = 0; i < lines.size(); i++) {
            BatchLine line = lines.get(i);
            if (line.slug == null && line.fault == null) {
                String base = OutputOptions.slugOf(line.prompt().title());
                String slug = base;
                for (int n = 2;
                        slug.equals("graph-metadata") || taken.containsKey(slug) || !names.isFree(slug, line);
                        n++) {
                    slug = base + "-" + n;
                }
                taken.put(slug, line.number);
                result.set(i, new BatchLine(line.number, slug, line.prompt, line.fields, null));
            }
        }
        return result;
    }

    /** Keys that mean nothing here, which may be notes or slips. */
    public List<String> unknownKeys() {
        List<String> unknown = new ArrayList<>();
        fields.fieldNames().forEachRemaining(key -> {
            if (!KEYS.contains(key)
                    && !PromptLines.KEYS.contains(key)
                    && !(fields.has("messages") && Conversation.keys().contains(key))) {
                unknown.add(key);
            }
        });
        return unknown;
    }

    /** What to say of keys that mean nothing here, if there are any. */
    static Optional<String> warning(List<BatchLine> lines) {
        Set<String> unknown = new TreeSet<>();
        lines.forEach(line -> unknown.addAll(line.unknownKeys()));
        return unknown.isEmpty()
                ? Optional.empty()
                : Optional.of(Text.visible(
                        Text.cut("Keys that mean nothing here are passed over: " + String.join(", ", unknown), 200)));
    }

    /** The batch's options with what this line says otherwise. */
    public AttributionOptions options(AttributionOptions batch) {
        OutputTargets.Salient targets = (OutputTargets.Salient) batch.targets();
        int logits = integer("max_logits", targets.maxLogits());
        double probability = fields.has("logit_prob") ? number("logit_prob").doubleValue() : targets.probability();
        int features = integer("max_features", batch.maxFeatures());
        TracingOptions.check("max_logits", logits, "logit_prob", probability, "max_features", features);
        return batch.withTargets(new OutputTargets.Salient(logits, probability)).withMaxFeatures(features);
    }

    /** The batch's thresholds with what this line says otherwise. */
    PruningOptions.Thresholds pruning(PruningOptions.Thresholds batch) {
        return new PruningOptions.Thresholds(
                share("node_threshold", batch.nodes()), share("edge_threshold", batch.edges()));
    }

    private double share(String key, double otherwise) {
        double share = fields.has(key) ? number(key).doubleValue() : otherwise;
        PruningOptions.check(key, share);
        return share;
    }

    /**
     * What this line's graph is to explain in place of the most probable next tokens, written as the explorer's requests have it.
     *
     * @throws UsageException if it says what makes no sense
     */
    Optional<Engine.Targets> targets() {
        JsonNode said = fields.path("targets");
        if (said.isMissingNode() || said.isNull()) {
            return Optional.empty();
        }
        for (String key : List.of("max_logits", "logit_prob")) {
            if (fields.has(key)) {
                throw new UsageException("it has targets and " + key + ", which says how many next tokens are targets");
            }
        }
        try {
            return Optional.of(BoundedJson.mapper().treeToValue(said, Engine.Targets.class));
        } catch (ValueInstantiationException e) {
            throw new UsageException("its targets are not right: "
                    + (e.getCause() instanceof UsageException why ? why.getMessage() : "they are lists of texts"));
        } catch (JsonProcessingException e) {
            throw new UsageException(
                    "its targets are not one of {\"tokens\": [A, …]}, {\"difference\": [A, B]}, {\"concept\": [A, …], \"minus\": [B, …]}, {\"features\": [LAYER/POSITION/NUMBER, …]}");
        }
    }

    /**
     * What follows this line's prompt, and where the text is explained.
     *
     * @throws UsageException if it says what makes no sense
     */
    Answer answer() {
        Answer answer = Answer.parse(fields);
        if (answer.isGiven() && targets().isPresent()) {
            throw new UsageException(
                    "it has targets, and targets_at, answer_text or continue, which make the text's own tokens the targets");
        }
        return answer;
    }

    /** The graph that is wanted. */
    Attribution.Request request(ReplacementModel model, AttributionOptions batch, ContrastOptions contrast) {
        Prompt asked = prompt().resolve(model);
        AttributionOptions own = options(batch);
        Answer answer = answer();
        Answer.Asked whole =
                answer.isGiven() ? answer.of(model, asked, (OutputTargets.Salient) own.targets(), Progress.NONE) : null;
        Prompt read = whole == null ? asked : whole.prompt();
        AttributionOptions options = (whole == null ? own : own.withTargets(whole.targets()))
                .withContrast(contrast.of(model, read).orElse(null));
        return new Attribution.Request(
                read,
                targets()
                        .map(targets -> options.withTargets(LiveEngine.targets(targets, model, read.length())))
                        .orElse(options));
    }

    private int integer(String key, int otherwise) {
        if (!fields.has(key)) {
            return otherwise;
        }
        if (!number(key).canConvertToExactIntegral() || !number(key).canConvertToInt()) {
            throw new UsageException(key + " is " + fields.get(key) + ", not a whole number");
        }
        return number(key).intValue();
    }

    private JsonNode number(String key) {
        if (!fields.get(key).isNumber()) {
            throw new UsageException(key + " is not a number");
        }
        return fields.get(key);
    }
}
