package dev.headwater.engine.tokens.pipeline;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.tokens.pipeline.AddedTokens.Added;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What stands in a tokenizer.json: its model read, its small parts still as they are written, so that other files can change them. */
public final class TokenizerFile {
    /** Names are not kept for other files: a vocabulary's quarter of a million would only be in the way. */
    private static final JsonFactory STREAMS = JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxNumberLength(400)
                    .maxNameLength(1_000_000)
                    .maxStringLength(100_000_000)
                    .maxDocumentLength(1L << 30)
                    .build())
            .build();

    private static final JsonMapper TREES = JsonMapper.builder(STREAMS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();
    private static final Set<String> KNOWN = Set.of(
            "version",
            "truncation",
            "padding",
            "added_tokens",
            "normalizer",
            "pre_tokenizer",
            "post_processor",
            "decoder",
            "model");

    private final Map<String, JsonNode> parts;
    private final List<Added> added;
    private final Model model;

    private TokenizerFile(Map<String, JsonNode> parts, List<Added> added, Model model) {
        this.parts = parts;
        this.added = added;
        this.model = model;
    }

    /**
     * Reads a file to its end.
     *
     * @throws RefusedException if it is not valid or says what is not known here
     * @throws IOException if it cannot be read or is no JSON
     */
    public static TokenizerFile read(InputStream in) throws IOException {
        try (JsonParser parser = STREAMS.createParser(in)) {
            parser.setCodec(TREES);
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new RefusedException("it holds no JSON object");
            }
            Map<String, JsonNode> parts = new HashMap<>();
            Model model = null;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                if (!KNOWN.contains(name) || parts.containsKey(name) || name.equals("model") && model != null) {
                    throw new RefusedException("it has the key \"" + (name.length() > 80 ? name.substring(0, 80) : name)
                            + "\" " + (KNOWN.contains(name) ? "twice" : "which is not known here"));
                }
                parser.nextToken();
                if (name.equals("model")) {
                    model = ModelReader.read(parser);
                } else {
                    parts.put(name, parser.readValueAsTree());
                }
            }
            if (parser.nextToken() != null) {
                throw new RefusedException("it goes on after its end");
            }
            if (model == null) {
                throw new RefusedException("it has no model");
            }
            JsonNode version = parts.get("version");
            if (version != null && !version.asText().equals("1.0")) {
                throw new RefusedException("it has the version " + version + ", and only 1.0 is known");
            }
            return new TokenizerFile(parts, added(parts.get("added_tokens")), model);
        }
    }

    /**
     * Whether what has no token becomes its bytes' tokens, and else which.
     *
     * @param unknown id of the token for the unknown, -1 if there is none
     */
    public record ByteFallback(int unknown) {}

    /**
     * A tokenizer whose model joins pairs by a list.
     *
     * @param tokens          by id
     * @param merges          pairs with a space between them, lowest rank first
     * @param takesWholeWords whether a word that is a token stays whole, whatever the merges say
     */
    public static TokenizerFile bytePairs(List<String> tokens, List<String> merges, boolean takesWholeWords) {
        Vocabulary vocabulary = vocabulary(tokens);
        PairList pairs = new PairList();
        for (String merge : merges) {
            pairs.addSplit(merge);
        }
        BytePairs.Options options = new BytePairs.Options(null, "", "", false, false, takesWholeWords);
        return new TokenizerFile(Map.of(), List.of(), new BytePairs(vocabulary, pairs.in(vocabulary, ""), options));
    }

    /** A tokenizer whose model joins the pair that makes the token of the highest score, as SentencePiece's byte pairs. */
    public static TokenizerFile joinedByScore(List<String> tokens, double[] scores, ByteFallback fallback) {
        Vocabulary vocabulary = vocabulary(tokens);
        String unknown = fallback.unknown < 0 ? null : tokens.get(fallback.unknown);
        BytePairs.Options options = new BytePairs.Options(unknown, "", "", true, true, false);
        return new TokenizerFile(
                Map.of(), List.of(), new BytePairs(vocabulary, Merges.byScore(tokens, scores, vocabulary), options));
    }

    /** A tokenizer whose model takes the cut with the highest sum of scores. */
    public static TokenizerFile unigram(List<String> tokens, double[] scores, ByteFallback fallback) {
        return new TokenizerFile(
                Map.of(), List.of(), new Unigram(tokens.toArray(String[]::new), scores, fallback.unknown, true));
    }

    private static Vocabulary vocabulary(List<String> tokens) {
        Vocabulary vocabulary = new Vocabulary();
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        return vocabulary;
    }

    private static List<Added> added(@Nullable JsonNode list) {
        List<Added> added = new ArrayList<>();
        if (list == null) {
            return added;
        }
        if (!list.isArray()) {
            throw new RefusedException("its added_tokens are not a list of tokens");
        }
        for (JsonNode each : list) {
            Part token = Part.untyped("added token", each);
            token.id("id");
            added.add(added(token));
            token.end();
        }
        return added;
    }

    private static Added added(Part token) {
        return new Added(
                token.text("content"),
                token.flag("single_word"),
                token.flag("lstrip"),
                token.flag("rstrip"),
                token.flag("normalized"),
                token.flag("special"));
    }

    /** Tokens beside the vocabulary, in the file's order. */
    public List<Added> added() {
        return added;
    }

    /** A part as it is written, {@code pre_tokenizer} for one; missing or null if the file has none. */
    public JsonNode part(String name) {
        return parts.getOrDefault(name, MissingNode.getInstance());
    }

    /** With another part in the place of one. */
    public TokenizerFile with(String name, ObjectNode part) {
        Map<String, JsonNode> changed = new HashMap<>(parts);
        changed.put(name, part);
        return new TokenizerFile(changed, added, model);
    }

    /**
     * Puts it to work.
     *
     * @param added         tokens beside the vocabulary; of two with the same text the later counts
     * @param passesSpecial whether special tokens that are written out in a text are ordinary text
     * @throws RefusedException if a part is not valid or not known
     */
    public Pipeline pipeline(List<Added> added, boolean passesSpecial) {
        PartReader reader = new PartReader();
        return new Pipeline(
                reader.normalizer(part("normalizer")),
                reader.preTokenizer(part("pre_tokenizer")),
                model,
                reader.postProcessor(part("post_processor")),
                reader.decoder(part("decoder")),
                added,
                passesSpecial);
    }
}
