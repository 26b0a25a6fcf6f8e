package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.tokens.pipeline.Pipeline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedSet;
import org.jspecify.annotations.Nullable;

/**
 * The tokens with a role.
 *
 * <p>The set is the one that the Python library calls {@code all_special_ids}: tokens named by a role (bos, eos, unk, sep, pad, cls,
 * mask, additional), in that order; a token that {@code tokenizer.json} merely marks as special is not among them, unless no role is
 * named at all.
 *
 * @param bos  beginning of sequence, or empty
 * @param pad  padding, or empty
 * @param eos  end of sequence, or empty
 * @param ids  all of them
 * @param text text of each role that has one, e.g. {@code bos_token}: {@code <bos>}; chat templates use it
 */
public record SpecialTokens(
        OptionalInt bos, OptionalInt pad, OptionalInt eos, SequencedSet<Integer> ids, Map<String, String> text) {

    /** Model hubs keep these small; a larger one is no configuration. */
    static final long MOST_CONFIG_BYTES = 64L << 20;

    /** A JSON object from a file of moderate size; an empty one if there is no such file. */
    static JsonNode readConfig(Path file) {
        return Files.exists(file) ? BoundedJson.read(file, MOST_CONFIG_BYTES) : JsonNodeFactory.instance.objectNode();
    }

    /**
     * Numbers them.
     *
     * @param roles text by role
     * @param named texts of all
     */
    static SpecialTokens of(Pipeline pipeline, Map<String, String> roles, List<String> named) {
        SequencedSet<Integer> ids = new LinkedHashSet<>();
        named.stream().map(pipeline::id).filter(id -> id >= 0).forEach(ids::add);
        if (named.isEmpty()) {
            pipeline.added().forEach((id, token) -> {
                if (token.special()) {
                    ids.add(id);
                }
            });
        }
        return new SpecialTokens(
                id(pipeline, roles.get("bos_token")),
                id(pipeline, roles.get("pad_token")),
                id(pipeline, roles.get("eos_token")),
                Collections.unmodifiableSequencedSet(ids),
                Map.copyOf(roles));
    }

    private static OptionalInt id(Pipeline pipeline, @Nullable String token) {
        int id = token == null ? -1 : pipeline.id(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }
}
