package dev.headwater.engine.tokens;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A look at {@code tokenizer.json} before the native library gets it. That library ends the process on some files that
 * are not as it
 * expects, so whatever it takes for granted is checked here; all else it refuses by itself.
 *
 * @param added tokens beside the vocabulary, by their text
 */
record TokenizerFile(Map<String, Added> added) {
    /** The parts of a tokenizer, the types that each may have, and the name of the list in a {@code Sequence}. */
    private static final Map<String, Set<String>> TYPES = Map.of(
            "normalizer",
                    Set.of(
                            "Sequence",
                            "NFC",
                            "NFD",
                            "NFKC",
                            "NFKD",
                            "Lowercase",
                            "Nmt",
                            "Strip",
                            "StripAccents",
                            "Replace",
                            "Prepend",
                            "ByteLevel",
                            "BertNormalizer",
                            "Precompiled"),
            "pre_tokenizer",
                    Set.of(
                            "Sequence",
                            "ByteLevel",
                            "Split",
                            "Whitespace",
                            "WhitespaceSplit",
                            "Metaspace",
                            "Digits",
                            "Punctuation",
                            "BertPreTokenizer",
                            "UnicodeScripts",
                            "CharDelimiterSplit"),
            "post_processor",
                    Set.of("Sequence", "ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing"),
            "decoder",
                    Set.of(
                            "Sequence",
                            "ByteLevel",
                            "ByteFallback",
                            "Fuse",
                            "Replace",
                            "Strip",
                            "Metaspace",
                            "WordPiece",
                            "BPEDecoder"),
            "model", Set.of("BPE", "Unigram", "WordPiece", "WordLevel"));

    private static final Map<String, String> LISTS = Map.of(
            "normalizer",
            "normalizers",
            "pre_tokenizer",
            "pretokenizers",
            "post_processor",
            "processors",
            "decoder",
            "decoders");
    private static final int DEEPEST = 8;

    /** An added token. */
    record Added(int id, boolean special) {}

    /** Reads the whole file, which shows that it is JSON to the end, and keeps its small parts. */
    static TokenizerFile read(Path file) throws IOException {
        Map<String, Added> added = new LinkedHashMap<>();
        boolean model = false;
        try (JsonParser parser = BoundedJson.factory().createParser(file.toFile())) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new HeadwaterException(file + " does not hold a JSON object.");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "added_tokens" -> readAdded(parser, added);
                    case "model" -> {
                        checkModel(parser, file);
                        model = true;
                    }
                    case "normalizer", "pre_tokenizer", "post_processor", "decoder" ->
                        check(name, part(parser, file), file, 0);
                    default -> parser.skipChildren();
                }
            }
            if (parser.nextToken() != null) {
                throw new HeadwaterException(file + " goes on after its end.");
            }
        }
        if (!model) {
            throw new HeadwaterException(file + " has no tokenizer model.");
        }
        return new TokenizerFile(added);
    }

    private static JsonNode part(JsonParser parser, Path file) throws IOException {
        JsonNode part = BoundedJson.mapper()
                .reader()
                .without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .readTree(parser);
        if (!part.isObject() && !part.isNull()) {
            throw refused(file, "a part that is no object");
        }
        return part;
    }

    private static void check(String kind, JsonNode part, Path file, int depth) {
        if (part.isNull()) {
            return;
        }
        String type = part.path("type").asText("");
        if (!TYPES.get(kind).contains(type) || depth > DEEPEST) {
            throw refused(file, "the " + kind + " \"" + type + "\"");
        }
        switch (type) {
            case "Sequence" -> {
                JsonNode parts = part.path(LISTS.get(kind));
                if (!parts.isArray()) {
                    throw refused(file, "a sequence without its list");
                }
                parts.forEach(each -> check(kind, each, file, depth + 1));
            }
            case "TemplateProcessing" -> checkTemplate(part, file);
            case "Strip" -> {
                // Stripping a decoded text's end reads before its beginning when the text is short.
                if (kind.equals("decoder") && part.path("stop").asLong(-1) != 0) {
                    throw refused(file, "a decoder that strips the end of texts");
                }
            }
            default -> {}
        }
    }

    /** Every special token that a template names must be described. */
    private static void checkTemplate(JsonNode template, Path file) {
        JsonNode described = template.path("special_tokens");
        for (JsonNode token : described) {
            JsonNode ids = token.path("ids");
            if (!ids.isArray()
                    || !token.path("tokens").isArray()
                    || ids.size() != token.path("tokens").size()) {
                throw refused(file, "a special token without its ids");
            }
        }
        for (String text : List.of("single", "pair")) {
            for (JsonNode piece : template.path(text)) {
                String name = piece.path("SpecialToken").path("id").asText(null);
                if (name != null && !described.has(name)) {
                    throw refused(file, "a template with \"" + name + "\", which it does not describe");
                }
            }
        }
    }

    private static void checkModel(JsonParser parser, Path file) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw refused(file, "a model that is no object");
        }
        String type = "BPE";
        String prefix = "";
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            switch (name) {
                case "type" -> type = parser.getValueAsString("");
                case "continuing_subword_prefix" -> prefix = parser.getValueAsString("");
                default -> parser.skipChildren();
            }
        }
        if (!TYPES.get("model").contains(type) || type.equals("BPE") && !prefix.isEmpty()) {
            throw refused(
                    file,
                    "the model \"" + type + "\"" + (prefix.isEmpty() ? "" : " with a prefix for continued words"));
        }
    }

    private static HeadwaterException refused(Path file, String what) {
        return new HeadwaterException(file + " has " + what + ", which is not valid or not known for language models.");
    }

    private static void readAdded(JsonParser parser, Map<String, Added> added) throws IOException {
        while (parser.nextToken() == JsonToken.START_OBJECT) {
            String content = "";
            int id = -1;
            boolean special = false;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "content" -> content = parser.getValueAsString("");
                    case "id" -> id = parser.getValueAsInt(-1);
                    case "special" -> special = parser.getValueAsBoolean();
                    default -> parser.skipChildren();
                }
            }
            added.putIfAbsent(content, new Added(id, special));
        }
        if (parser.currentToken() != JsonToken.END_ARRAY) {
            throw new HeadwaterException("The tokenizer's added_tokens are not a list of tokens.");
        }
    }
}
