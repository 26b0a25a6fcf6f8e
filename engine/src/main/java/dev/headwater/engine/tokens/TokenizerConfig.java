package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.headwater.engine.tokens.pipeline.AddedTokens.Added;
import dev.headwater.engine.tokens.pipeline.Pipeline;
import dev.headwater.engine.tokens.pipeline.TokenizerFile;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the files beside {@code tokenizer.json} say about tokens, as transformers' AutoTokenizer understands them:
 * {@code tokenizer_config.json}, and where that lists no tokens, {@code special_tokens_map.json} and
 * {@code added_tokens.json}, which then have precedence.
 */
final class TokenizerConfig {
    static final List<String> ROLES =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final List<String> LISTS = List.of("additional_special_tokens", "extra_special_tokens");
    private static final String LISTED_TOKENS = "added_tokens_decoder";

    /** Keys that are read here. */
    static final Set<String> USED = Set.of(
            "bos_token",
            "eos_token",
            "unk_token",
            "sep_token",
            "pad_token",
            "cls_token",
            "mask_token",
            "additional_special_tokens",
            "extra_special_tokens",
            LISTED_TOKENS,
            "add_prefix_space",
            "add_bos_token",
            "add_eos_token",
            "split_special_tokens",
            "tokenizer_class",
            "clean_up_tokenization_spaces",
            "chat_template");

    /** Keys that say nothing about which tokens a text has. */
    static final Set<String> IRRELEVANT = Set.of(
            // Lengths and padding: texts are neither cut nor padded here.
            "model_max_length",
            "max_length",
            "stride",
            "truncation",
            "truncation_side",
            "truncation_strategy",
            "padding",
            "padding_side",
            "pad_to_multiple_of",
            "pad_token_type_id",
            "max_len",
            "max_len_single_sentence",
            "max_len_sentences_pair",
            // Names of files, classes, versions and places.
            "name_or_path",
            "special_tokens_map_file",
            "tokenizer_file",
            "vocab_file",
            "merges_file",
            "added_tokens_file",
            "auto_map",
            "processor_class",
            "image_processor_type",
            "feature_extractor_type",
            "transformers_version",
            "tokenizer_version",
            "backend",
            "is_local",
            "local_files_only",
            "use_fast",
            "device_map",
            "_commit_hash",
            "cache_dir",
            "revision",
            "trust_remote_code",
            "tokenizer_type",
            "model_type",
            // What a model's call is given, conversations, and decoding by the slow classes.
            "model_input_names",
            "return_token_type_ids",
            "return_tensors",
            "use_default_system_prompt",
            "response_schema",
            "tool_parser_type",
            "default_chat_template",
            "spaces_between_special_tokens",
            "skip_special_tokens",
            "errors",
            "verbose",
            "trim_offsets",
            "model_specific_special_tokens",
            // Read by the slow classes alone, which build what tokenizer.json already holds.
            "legacy",
            "sp_model_kwargs",
            "sp_model",
            "from_slow",
            "unk_id",
            "bos_id",
            "eos_id",
            "pad_id");

    private final JsonNode config;
    private final JsonNode map;
    private final JsonNode addedFile;
    private final TokenizerClass type;

    private TokenizerConfig(JsonNode config, JsonNode map, JsonNode addedFile, TokenizerClass type) {
        this.config = config;
        this.map = map;
        this.addedFile = addedFile;
        this.type = type;
    }

    /** @throws RefusedException if a file says what is not known here */
    static TokenizerConfig read(Path directory) {
        JsonNode config = SpecialTokens.readConfig(directory.resolve("tokenizer_config.json"));
        config.fieldNames().forEachRemaining(TokenizerConfig::check);
        JsonNode model = config.hasNonNull("tokenizer_class")
                ? JsonNodeFactory.instance.objectNode()
                : SpecialTokens.readConfig(directory.resolve("config.json"));
        String name = config.hasNonNull("tokenizer_class")
                ? config.path("tokenizer_class").asText()
                : model.path("tokenizer_class").asText(null);
        boolean listed = config.has(LISTED_TOKENS);
        JsonNode none = JsonNodeFactory.instance.objectNode();
        return new TokenizerConfig(
                config,
                listed ? none : SpecialTokens.readConfig(directory.resolve("special_tokens_map.json")),
                listed ? none : SpecialTokens.readConfig(directory.resolve("added_tokens.json")),
                TokenizerClass.of(name, model.path("model_type").asText("")));
    }

    /** Names of single tokens, images' and sounds' for instance, only give the tokens of the vocabulary a name. */
    private static void check(String key) {
        boolean named = key.endsWith("_token")
                || key.endsWith("_token_id")
                || key.endsWith("_tokens")
                || key.startsWith("chat_template");
        if (!USED.contains(key) && !IRRELEVANT.contains(key) && !named) {
            throw new RefusedException(
                    "tokenizer_config.json has the key \"" + (key.length() > 80 ? key.substring(0, 80) : key)
                            + "\", which is not known here: remove it if it says nothing about the tokens of a text");
        }
    }

    /** The tokenizer with what these files change. */
    Pipeline pipeline(TokenizerFile file) {
        Pipeline pipeline = withPrefixSpace(file)
                .pipeline(added(file), config.path("split_special_tokens").asBoolean());
        if (type.around() == null) {
            return pipeline;
        }
        return pipeline.around(
                around(pipeline, "bos_token", "add_bos_token", type.around().bos()),
                around(pipeline, "eos_token", "add_eos_token", type.around().eos()));
    }

    private int[] around(Pipeline pipeline, String role, String key, boolean absent) {
        boolean wanted = config.hasNonNull(key) ? config.path(key).asBoolean() : config.has(key) ? false : absent;
        if (!wanted) {
            return new int[0];
        }
        String token = roles().get(role);
        int id = token == null ? -1 : pipeline.id(token);
        if (id < 0) {
            throw new RefusedException(
                    "its class puts the " + role + " around every text (" + key + "), but no file names one");
        }
        return new int[] {id};
    }

    /**
     * The class's or the configuration's {@code add_prefix_space} replaces that of a byte-level pre-tokenizer. SentencePiece's classes
     * would read {@code tokenizer.model} anew for it; that can be left out only where it changes nothing.
     */
    private TokenizerFile withPrefixSpace(TokenizerFile file) {
        JsonNode preTokenizer = file.part("pre_tokenizer");
        JsonNode given = config.path("add_prefix_space");
        if (type.sentencePiece()) {
            if (given.isBoolean() && given.booleanValue() != putsSpaceInFront(file)) {
                throw new RefusedException("tokenizer_config.json has add_prefix_space " + given
                        + ", which its tokenizer.json does not do;" + " make them say the same");
            }
            return file;
        }
        boolean wanted = given.asBoolean();
        if (!preTokenizer.path("type").asText().equals("ByteLevel")
                || preTokenizer.path("add_prefix_space").asBoolean() == wanted) {
            return file;
        }
        ObjectNode changed = preTokenizer.deepCopy();
        return file.with("pre_tokenizer", changed.put("add_prefix_space", wanted));
    }

    private static boolean putsSpaceInFront(TokenizerFile file) {
        for (String part : List.of("normalizer", "pre_tokenizer")) {
            JsonNode node = file.part(part);
            List<JsonNode> all = new ArrayList<>(List.of(node));
            node.path("normalizers").forEach(all::add);
            node.path("pretokenizers").forEach(all::add);
            for (JsonNode each : all) {
                boolean metaspace = each.path("type").asText().equals("Metaspace")
                        && !each.path("prepend_scheme").asText("always").equals("never");
                if (metaspace
                        || each.path("type").asText().equals("Prepend")
                        || each.path("add_prefix_space").asBoolean()) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The tokens beside the vocabulary: the tokenizer's own, those that these files list, and those with a role that none has listed. */
    private List<Added> added(TokenizerFile file) {
        List<Added> all = new ArrayList<>(file.added());
        Map<String, Added> listed = new HashMap<>();
        all.forEach(token -> listed.put(token.content(), token));
        Set<String> withRole = new HashSet<>(special());
        Set<String> named = new HashSet<>();
        for (Added token : listed().values()) {
            boolean hasRole = token.special() || withRole.contains(token.content());
            Added changed = new Added(
                    token.content(),
                    token.singleWord(),
                    token.stripsLeft(),
                    token.stripsRight(),
                    token.normalized(),
                    hasRole);
            all.add(changed);
            listed.put(token.content(), changed);
            named.add(token.content());
        }
        boolean listsTokens = config.has(LISTED_TOKENS);
        Set<String> seen = new HashSet<>();
        List<JsonNode> special = new ArrayList<>();
        roles().forEach((role, text) ->
                special.add(Objects.requireNonNullElseGet(written(role), () -> new TextNode(text))));
        int roles = special.size();
        special.addAll(furtherSpecial());
        for (int i = 0; i < special.size(); i++) {
            String content = content(special.get(i));
            if (content == null || !seen.add(content)) {
                continue;
            }
            // A role that is written as an object changes the token's flags, unless its list has said them.
            boolean described = special.get(i).isObject()
                    && !(i < roles && (listsTokens ? named.contains(content) : listed.containsKey(content)));
            if (described) {
                all.add(asSpecial(described(special.get(i))));
            } else if (!listed.containsKey(content)) {
                all.add(Added.special(content));
            }
        }
        return all;
    }

    private static Added asSpecial(Added token) {
        return new Added(
                token.content(), token.singleWord(), token.stripsLeft(), token.stripsRight(), token.normalized(), true);
    }

    /** By id: {@code added_tokens_decoder}, or {@code added_tokens.json} of older repositories. */
    private Map<Integer, Added> listed() {
        Map<Integer, Added> listed = new TreeMap<>();
        config.path(LISTED_TOKENS).forEachEntry((id, token) -> listed.put(number(id), described(token)));
        Set<String> special = new LinkedHashSet<>(special());
        addedFile.forEachEntry((content, id) -> {
            if (!id.isInt()) {
                throw new RefusedException("added_tokens.json has a token whose id is no integer");
            }
            boolean role = special.contains(content);
            listed.put(id.intValue(), new Added(unicode(content), false, false, false, !role, role));
        });
        return listed;
    }

    private static int number(String id) {
        try {
            return Integer.parseInt(id);
        } catch (NumberFormatException e) {
            throw new RefusedException("tokenizer_config.json lists a token whose id is no integer");
        }
    }

    /** A token as Python's AddedToken writes it; what is left out is false, and a token that is not special is normalized. */
    private static Added described(JsonNode token) {
        JsonNode content = token.path("content");
        if (!content.isTextual()) {
            throw new RefusedException("tokenizer_config.json lists a token without its content");
        }
        boolean special = token.path("special").asBoolean();
        return new Added(
                unicode(content.textValue()),
                token.path("single_word").asBoolean(),
                token.path("lstrip").asBoolean(),
                token.path("rstrip").asBoolean(),
                token.hasNonNull("normalized") ? token.path("normalized").asBoolean() : !special,
                special);
    }

    private static String unicode(String content) {
        if (!Unicode.isValid(content)) {
            throw new RefusedException(
                    "a token of the configuration has half of a surrogate pair, which is no character");
        }
        return content;
    }

    /** The text of each token with a role; a role that is {@code null} in the files has none, whatever its class says. */
    Map<String, String> roles() {
        Map<String, String> roles = new LinkedHashMap<>();
        for (String role : ROLES) {
            JsonNode written = written(role);
            String content = written == null ? type.defaults().get(role) : content(written);
            if (content != null) {
                roles.put(role, content);
            }
        }
        return roles;
    }

    /** Null if no file says anything about the key. */
    private @Nullable JsonNode written(String key) {
        return map.has(key) ? map.path(key) : config.has(key) ? config.path(key) : null;
    }

    /** Texts of all tokens with a role, single ones first; more than one may have the same. */
    List<String> special() {
        List<String> all = new ArrayList<>(roles().values());
        furtherSpecial().stream()
                .map(TokenizerConfig::content)
                .filter(Objects::nonNull)
                .forEach(all::add);
        return all;
    }

    /** Tokens without one of the roles: a list of tokens, or an object of named ones. */
    private List<JsonNode> furtherSpecial() {
        List<JsonNode> all = new ArrayList<>();
        for (String list : LISTS) {
            config.path(list).forEach(all::add);
            map.path(list).forEach(all::add);
        }
        return all;
    }

    /** A token is written as its text or as an object that has it. */
    private static @Nullable String content(JsonNode token) {
        JsonNode content = token.isObject() ? token.path("content") : token;
        return content.isTextual() && !content.textValue().isEmpty() ? unicode(content.textValue()) : null;
    }

    boolean cleansUpSpaces() {
        return config.path("clean_up_tokenization_spaces").asBoolean();
    }
}
