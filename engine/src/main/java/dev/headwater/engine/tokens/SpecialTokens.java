package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.tokens.TokenizerFile.Added;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedSet;

/**
 * The tokens with a role, as {@code tokenizer_config.json} and {@code special_tokens_map.json} name them and
 * {@code tokenizer.json} numbers them.
 *
 * <p>The set is the one that the Python library calls {@code all_special_ids}: tokens named by a role (bos, eos, unk,
 * sep, pad,
 * cls, mask, additional), in that order; a token that {@code tokenizer.json} merely marks as special is not among them,
 * unless
 * no role is named at all.
 *
 * @param bos  beginning of sequence, or empty
 * @param pad  padding, or empty
 * @param eos  end of sequence, or empty
 * @param ids  all of them
 * @param text text of each role that has one, e.g. {@code bos_token}: {@code <bos>}; chat templates use it
 */
public record SpecialTokens(
        OptionalInt bos, OptionalInt pad, OptionalInt eos, SequencedSet<Integer> ids, Map<String, String> text) {
    private static final List<String> ROLES =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    /** Model hubs keep these small; a larger one is no configuration. */
    static final long MOST_CONFIG_BYTES = 64L << 20;

    static SpecialTokens read(Path directory, JsonNode config, TokenizerFile file) {
        Map<String, Added> added = new LinkedHashMap<>(file.added());
        config.path("added_tokens_decoder")
                .forEachEntry((id, token) -> added.putIfAbsent(
                        token.path("content").asText(),
                        new Added(Integer.parseInt(id), token.path("special").asBoolean())));
        JsonNode map = readConfig(directory.resolve("special_tokens_map.json"));

        Map<String, String> text = new LinkedHashMap<>();
        for (String role : ROLES) {
            String content = content(config.has(role) ? config.path(role) : map.path(role));
            if (content != null) {
                text.put(role, content);
            }
        }
        List<String> named = new ArrayList<>(text.values());
        for (String list : List.of("additional_special_tokens", "extra_special_tokens")) {
            // A list of tokens, or an object of named ones; iterating gives the values of both.
            for (JsonNode token : config.has(list) ? config.path(list) : map.path(list)) {
                String content = content(token);
                if (content != null) {
                    named.add(content);
                }
            }
        }
        SequencedSet<Integer> ids = new LinkedHashSet<>();
        named.stream()
                .filter(added::containsKey)
                .forEach(content -> ids.add(added.get(content).id()));
        if (named.isEmpty()) {
            added.values().stream().filter(Added::special).forEach(token -> ids.add(token.id()));
        }
        return new SpecialTokens(
                id(added, text.get("bos_token")),
                id(added, text.get("pad_token")),
                id(added, text.get("eos_token")),
                Collections.unmodifiableSequencedSet(ids),
                Map.copyOf(text));
    }

    /** A JSON object from a file of moderate size; an empty one if there is no such file. */
    static JsonNode readConfig(Path file) {
        if (!Files.exists(file)) {
            return JsonNodeFactory.instance.objectNode();
        }
        return BoundedJson.read(file, MOST_CONFIG_BYTES);
    }

    private static OptionalInt id(Map<String, Added> added, String content) {
        Added token = content == null ? null : added.get(content);
        return token == null ? OptionalInt.empty() : OptionalInt.of(token.id());
    }

    /** A token is written as its text or as an object that has it. */
    private static String content(JsonNode token) {
        JsonNode content = token.isObject() ? token.path("content") : token;
        return content.isTextual() ? content.textValue() : null;
    }
}
