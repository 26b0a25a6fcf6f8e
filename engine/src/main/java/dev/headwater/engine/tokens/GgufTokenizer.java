package dev.headwater.engine.tokens;

import dev.headwater.engine.gguf.GgufMetadata;
import dev.headwater.engine.tokens.TokenizerDescription.Kind;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the metadata of a GGUF file say of its tokenizer. */
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.ggml.";
    private static final Map<String, String> ROLES = Map.of(
            "bos_token_id", "bos_token",
            "eos_token_id", "eos_token",
            "unknown_token_id", "unk_token",
            "seperator_token_id", "sep_token",
            "separator_token_id", "sep_token",
            "padding_token_id", "pad_token",
            "cls_token_id", "cls_token",
            "mask_token_id", "mask_token");

    private GgufTokenizer() {}

    static TokenizerDescription describe(GgufMetadata metadata) {
        Kind kind = switch (metadata.text(PREFIX + "model")) {
            case "gpt2" -> Kind.BYTE_PAIRS;
            case "llama" -> Kind.SENTENCE_PIECE;
            case "t5" -> Kind.UNIGRAM;
            default ->
                throw metadata.error(
                        PREFIX + "model",
                        "is " + metadata.text(PREFIX + "model") + ", a kind of tokenizer that is not known here");
        };
        if (metadata.has(PREFIX + "precompiled_charsmap")) {
            throw metadata.error(
                    PREFIX + "precompiled_charsmap", "is a normalization that is not read from GGUF files");
        }
        boolean pieces = kind != Kind.BYTE_PAIRS;
        String cut = pieces ? "" : metadata.text(PREFIX + "pre", "");
        return new TokenizerDescription(
                metadata.source(),
                kind,
                cut,
                metadata.texts(PREFIX + "tokens"),
                metadata.has(PREFIX + "token_type")
                        ? metadata.integers(PREFIX + "token_type").stream()
                                .map(Long::intValue)
                                .toList()
                        : List.of(),
                pieces ? metadata.numbers(PREFIX + "scores") : List.of(),
                pieces ? List.of() : metadata.texts(PREFIX + "merges"),
                roles(metadata),
                metadata.flag(PREFIX + "add_bos_token", pieces && kind != Kind.UNIGRAM || TextCuts.startsWithBos(cut)),
                metadata.flag(PREFIX + "add_eos_token", kind == Kind.UNIGRAM),
                metadata.flag(PREFIX + "add_space_prefix", pieces),
                metadata.has("tokenizer.chat_template") ? metadata.text("tokenizer.chat_template") : null);
    }

    private static Map<String, Integer> roles(GgufMetadata metadata) {
        Map<String, Integer> roles = new HashMap<>();
        ROLES.forEach((key, role) -> {
            if (metadata.has(PREFIX + key)) {
                long id = metadata.integer(PREFIX + key);
                if (id < 0 || id >= metadata.texts(PREFIX + "tokens").size()) {
                    throw metadata.error(PREFIX + key, "is no token's number");
                }
                roles.put(role, (int) id);
            }
        });
        return roles;
    }
}
