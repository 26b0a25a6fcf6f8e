package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.option.OutputOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.TracingOptions;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.tokens.Conversation;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

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
record BatchLine(int number, String slug, PromptOptions.Source prompt, JsonNode fields, String fault) {
    private static final long LARGEST_FILE = 256 << 20;
    private static final List<String> PROMPTS = List.of("prompt", "token_ids", "messages");
    private static final Set<String> KEYS = Set.of("slug", "max_features", "max_logits", "logit_prob");

    /**
     * Reads a file with a JSON object a line, or, if its name ends in {@code .txt}, with a prompt a line. Empty lines
     * are passed over. A line that makes no sense gets a fault; only a file that cannot be read is an error.
     */
    static List<BatchLine> read(Path file) {
        boolean plain = file.toString().toLowerCase(Locale.ROOT).endsWith(".txt");
        List<BatchLine> lines = new ArrayList<>();
        int number = 0;
        for (String text : content(file)) {
            number++;
            if (!text.isBlank()) {
                lines.add(
                        plain
                                ? parsed(
                                        number,
                                        BoundedJson.mapper().createObjectNode().put("prompt", text))
                                : parsed(number, text));
            }
        }
        if (lines.isEmpty()) {
            throw new HeadwaterException(file + " has no prompts in it");
        }
        return lines;
    }

    /** Says which names may be given. */
    interface Names {
        /** Whether nothing has this name yet, or what has it is this very line's graph. */
        boolean isFree(String slug, BatchLine line);
    }

    private static List<String> content(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new HeadwaterException("There is no file " + file);
            }
            if (Files.size(file) > LARGEST_FILE) {
                throw new HeadwaterException(file + " has " + Text.bytes(Files.size(file))
                        + "; split it into files of at most " + Text.bytes(LARGEST_FILE));
            }
            return Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new HeadwaterException(file + " is not text in UTF-8", e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static BatchLine parsed(int number, String text) {
        try {
            return parsed(number, BoundedJson.mapper().readTree(text));
        } catch (JsonProcessingException e) {
            return new BatchLine(
                    number,
                    null,
                    null,
                    null,
                    "it is not JSON: "
                            + e.getOriginalMessage().lines().findFirst().orElse(""));
        }
    }

    private static BatchLine parsed(int number, JsonNode fields) {
        try {
            if (!fields.isObject()) {
                throw new UsageException("it is not a JSON object with a prompt, token_ids or messages");
            }
            PromptOptions.Source prompt = prompt(fields);
            String slug = fields.has("slug") ? text(fields, "slug") : null;
            if (slug != null) {
                GraphName.file(Path.of(""), slug);
            }
            BatchLine line = new BatchLine(number, slug, prompt, fields, null);
            line.options(AttributionOptions.DEFAULT);
            return line;
        } catch (UsageException e) {
            return new BatchLine(number, null, null, fields, e.getMessage());
        }
    }

    private static PromptOptions.Source prompt(JsonNode fields) {
        List<String> given = PROMPTS.stream().filter(fields::has).toList();
        if (given.size() != 1) {
            throw new UsageException(
                    given.isEmpty()
                            ? "it has no prompt, no token_ids and no messages"
                            : "it has " + String.join(" and ", given) + "; one of them is enough");
        }
        refuseHalfPairs(fields);
        return switch (given.getFirst()) {
            case "prompt" -> new PromptOptions.Words(text(fields, "prompt"));
            case "messages" -> new PromptOptions.Chat(Conversation.read(fields), false, false);
            default -> new PromptOptions.Ids(ids(fields.get("token_ids")));
        };
    }

    /** Half a surrogate pair, which JSON can say, is no character: no tokenizer knows it and no file can hold it. */
    private static void refuseHalfPairs(JsonNode value) {
        if (value.isTextual() && !StandardCharsets.UTF_8.newEncoder().canEncode(value.textValue())) {
            throw new UsageException(
                    "it has a text that is not valid Unicode: half a surrogate pair, cut off from its other half");
        }
        value.forEach(BatchLine::refuseHalfPairs);
    }

    /** Gives names to the lines that have none; a line that has another's name gets a fault. */
    static List<BatchLine> named(List<BatchLine> lines, Names names) {
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
                String base = OutputOptions.slugOf(line.prompt.title());
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
    List<String> unknownKeys() {
        List<String> unknown = new ArrayList<>();
        if (fields != null) {
            fields.fieldNames().forEachRemaining(key -> {
                if (!KEYS.contains(key)
                        && !PROMPTS.contains(key)
                        && !(fields.has("messages") && Conversation.keys().contains(key))) {
                    unknown.add(key);
                }
            });
        }
        return unknown;
    }

    /** The batch's options with what this line says otherwise. */
    AttributionOptions options(AttributionOptions batch) {
        OutputTargets.Salient targets = (OutputTargets.Salient) batch.targets();
        int logits = integer("max_logits", targets.maxLogits());
        double probability = fields.has("logit_prob") ? number("logit_prob").doubleValue() : targets.probability();
        int features = integer("max_features", batch.maxFeatures());
        TracingOptions.check("max_logits", logits, "logit_prob", probability, "max_features", features);
        return batch.withTargets(new OutputTargets.Salient(logits, probability)).withMaxFeatures(features);
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

    private static String text(JsonNode fields, String key) {
        if (!fields.get(key).isTextual() || fields.get(key).textValue().isEmpty()) {
            throw new UsageException("its " + key + " is not a text with something in it");
        }
        return fields.get(key).textValue();
    }

    private static int[] ids(JsonNode list) {
        if (!list.isArray() || list.isEmpty()) {
            throw new UsageException("its token_ids are not a list of numbers");
        }
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            if (!list.get(i).isIntegralNumber()
                    || !list.get(i).canConvertToInt()
                    || list.get(i).intValue() < 0) {
                throw new UsageException(
                        "its token_ids hold " + Text.cut(list.get(i).toString(), 30) + ", which is not a token id");
            }
            ids[i] = list.get(i).intValue();
        }
        return ids;
    }
}
