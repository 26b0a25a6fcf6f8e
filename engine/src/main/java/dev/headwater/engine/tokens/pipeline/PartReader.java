package dev.headwater.engine.tokens.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.tokens.pipeline.Cutter.Behavior;
import dev.headwater.engine.tokens.pipeline.PostProcessor.Template.Piece;
import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Regex;
import java.text.Normalizer.Form;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads normalizers, pre-tokenizers, post-processors and decoders as tokenizer.json writes them. What is not known is refused by name. */
final class PartReader {
    private static final int DEEPEST = 16;

    private final int depth;

    PartReader() {
        this(0);
    }

    private PartReader(int depth) {
        this.depth = depth;
        if (depth > DEEPEST) {
            throw new RefusedException("it has sequences that are nested more than " + DEEPEST + " deep");
        }
    }

    private PartReader deeper() {
        return new PartReader(depth + 1);
    }

    private static boolean isAbsent(JsonNode node) {
        return node.isNull() || node.isMissingNode();
    }

    /** Null if there is none. */
    @Nullable
    Normalizer normalizer(JsonNode node) {
        if (isAbsent(node)) {
            return null;
        }
        Part part = Part.of("normalizer", node);
        Normalizer normalizer = switch (part.type()) {
            case "Sequence" -> new Normalizer.Sequence(part.list("normalizers", deeper()::normalizer));
            case "NFC", "NFD", "NFKC", "NFKD" -> new Normalizer.Unicode(Form.valueOf(part.type()));
            case "Lowercase" -> new Normalizer.Lowercase();
            case "Nmt" -> new Normalizer.Nmt();
            case "Strip" -> new Normalizer.Strip(part.flag("strip_left"), part.flag("strip_right"));
            case "StripAccents" -> new Normalizer.StripAccents();
            case "Prepend" -> new Normalizer.Prepend(part.text("prepend"));
            case "Replace" -> {
                Normalizer.Replace replace = replace(part);
                if (replace.wanted() instanceof Normalizer.Expression expression
                        && expression.regex().canMatchNothing()) {
                    // The library loses the alignment with the text then, and cuts at odd places later.
                    throw new RefusedException("its normalizer replaces a pattern that can match nothing");
                }
                yield replace;
            }
            case "ByteLevel" -> new Normalizer.ByteLevel();
            case "BertNormalizer" -> {
                boolean lowercase = part.flag("lowercase");
                yield new Normalizer.Bert(
                        part.flag("clean_text"),
                        part.flag("handle_chinese_chars"),
                        part.flag("strip_accents", lowercase),
                        lowercase);
            }
            case "Precompiled" -> new CharsMap(base64(part));
            default -> throw part.unknown();
        };
        part.end();
        return normalizer;
    }

    private static byte[] base64(Part part) {
        try {
            return Base64.getDecoder().decode(part.text("precompiled_charsmap"));
        } catch (IllegalArgumentException e) {
            throw part.wrong("precompiled_charsmap");
        }
    }

    private static Normalizer.Replace replace(Part part) {
        return new Normalizer.Replace(pattern(part), part.text("content"));
    }

    private static Normalizer.Wanted pattern(Part part) {
        JsonNode pattern = part.object("pattern");
        if (pattern.size() == 1 && pattern.path("String").isTextual()) {
            String text = Part.untyped("pattern", pattern).text("String");
            return text.isEmpty() ? new Normalizer.Expression(Regex.of("")) : new Normalizer.Literal(text);
        }
        if (pattern.size() == 1 && pattern.path("Regex").isTextual()) {
            return new Normalizer.Expression(
                    Regex.of(Part.untyped("pattern", pattern).text("Regex")));
        }
        throw part.wrong("pattern");
    }

    /** Null if there is none. */
    @Nullable
    PreTokenizer preTokenizer(JsonNode node) {
        if (isAbsent(node)) {
            return null;
        }
        Part part = Part.of("pre_tokenizer", node);
        PreTokenizer preTokenizer = switch (part.type()) {
            case "Sequence" -> new PreTokenizer.Sequence(part.list("pretokenizers", deeper()::preTokenizer));
            case "ByteLevel" -> {
                part.flag("trim_offsets");
                yield new PreTokenizer.ByteLevel(part.flag("add_prefix_space"), part.flag("use_regex", true));
            }
            case "Split" -> new PreTokenizer.Split(pattern(part), behavior(part), part.flag("invert"));
            case "Whitespace" -> new PreTokenizer.Whitespace();
            case "WhitespaceSplit" -> PreTokenizer.AtCharacters.WHITESPACE;
            case "Metaspace" -> metaspace(part);
            case "Digits" ->
                new PreTokenizer.AtCharacters(
                        PreTokenizer.AtCharacters::isNumeric,
                        part.flag("individual_digits") ? Behavior.ISOLATED : Behavior.CONTIGUOUS);
            case "Punctuation" ->
                new PreTokenizer.AtCharacters(
                        OldUnicode::isPunctuation, part.has("behavior") ? behavior(part) : Behavior.ISOLATED);
            case "BertPreTokenizer" -> PreTokenizer.AtCharacters.BERT;
            case "UnicodeScripts" -> new PreTokenizer.Scripts();
            case "CharDelimiterSplit" -> {
                int delimiter = part.character("delimiter");
                yield new PreTokenizer.AtCharacters(c -> c == delimiter, Behavior.REMOVED);
            }
            case "FixedLength" -> {
                int length = part.number("length", 5);
                if (length == 0) {
                    throw part.wrong("length");
                }
                yield new PreTokenizer.FixedLength(length);
            }
            default -> throw part.unknown();
        };
        part.end();
        return preTokenizer;
    }

    private static Behavior behavior(Part part) {
        return switch (part.text("behavior")) {
            case "Removed" -> Behavior.REMOVED;
            case "Isolated" -> Behavior.ISOLATED;
            case "MergedWithPrevious" -> Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> Behavior.MERGED_WITH_NEXT;
            case "Contiguous" -> Behavior.CONTIGUOUS;
            default -> throw part.wrong("behavior");
        };
    }

    private static PreTokenizer.Metaspace metaspace(Part part) {
        PreTokenizer.Metaspace.Scheme scheme = scheme(part);
        return new PreTokenizer.Metaspace(
                Character.toString(part.ignoring("str_rep").character("replacement")),
                scheme,
                part.flag("split", true));
    }

    /** In the older form, {@code add_prefix_space}, false goes with the scheme "never" alone. */
    private static PreTokenizer.Metaspace.Scheme scheme(Part part) {
        PreTokenizer.Metaspace.Scheme scheme;
        try {
            String name = part.text("prepend_scheme", "always");
            scheme = PreTokenizer.Metaspace.Scheme.valueOf(name.toUpperCase(Locale.ROOT));
            if (!name.equals(name.toLowerCase(Locale.ROOT))) {
                throw part.wrong("prepend_scheme");
            }
        } catch (IllegalArgumentException e) {
            throw part.wrong("prepend_scheme");
        }
        if (!part.flag("add_prefix_space", true) && scheme != PreTokenizer.Metaspace.Scheme.NEVER) {
            throw new RefusedException(
                    "its Metaspace has an add_prefix_space that does not go with its prepend_scheme");
        }
        return scheme;
    }

    /** Null if there is none. */
    @Nullable
    PostProcessor postProcessor(JsonNode node) {
        if (isAbsent(node)) {
            return null;
        }
        Part part = Part.of("post_processor", node);
        PostProcessor postProcessor = switch (part.type()) {
            case "Sequence" -> new PostProcessor.Sequence(part.list("processors", deeper()::postProcessor));
            case "ByteLevel" -> {
                part.ignoring("add_prefix_space", "trim_offsets", "use_regex");
                yield new PostProcessor.Nothing();
            }
            case "BertProcessing", "RobertaProcessing" -> {
                boolean roberta = part.type().equals("RobertaProcessing");
                part.ignoring("trim_offsets", "add_prefix_space");
                yield new PostProcessor.Enclosed(
                        new int[] {named(part, "cls")}, new int[] {named(part, "sep")}, roberta);
            }
            case "TemplateProcessing" -> template(part);
            default -> throw part.unknown();
        };
        part.end();
        return postProcessor;
    }

    /** The id of a token written {@code ["[CLS]", 101]}. */
    private static int named(Part part, String key) {
        List<JsonNode> pair = part.list(key, each -> each);
        boolean valid = pair.size() == 2
                && pair.getFirst().isTextual()
                && pair.get(1).isIntegralNumber()
                && pair.get(1).canConvertToInt();
        int id = valid ? pair.get(1).intValue() : -1;
        if (id < 0 || id > Vocabulary.LARGEST_ID) {
            throw part.wrong(key);
        }
        return id;
    }

    private static PostProcessor.Template template(Part part) {
        JsonNode described = part.object("special_tokens");
        List<Piece> single = part.list("single", piece -> piece(part, piece, described));
        List<Piece> pair = part.list("pair", piece -> piece(part, piece, described));
        if (single.stream().noneMatch(piece -> piece.part() == 0)
                || single.stream().anyMatch(piece -> piece.part() == 1)) {
            throw new RefusedException("it has a template without the text, or with two, for one text");
        }
        return new PostProcessor.Template(single, pair);
    }

    private static Piece piece(Part part, JsonNode node, JsonNode described) {
        if (node.size() == 1 && node.path("Sequence").isObject()) {
            String id = node.path("Sequence").path("id").asText();
            if (!id.equals("A") && !id.equals("B")) {
                throw part.wrong("single");
            }
            return new Piece(id.equals("A") ? 0 : 1, null);
        }
        if (node.size() != 1 || !node.path("SpecialToken").path("id").isTextual()) {
            throw part.wrong("single");
        }
        String name = node.path("SpecialToken").path("id").textValue();
        if (!described.path(name).isObject()) {
            throw new RefusedException("it has a template with \"" + name + "\", which it does not describe");
        }
        Part token = Part.untyped("special token " + name, described.path(name)).ignoring("id");
        List<Integer> ids = token.list("ids", JsonNode::asInt);
        boolean valid = token.list("ids", JsonNode::isInt).stream().allMatch(each -> each)
                && ids.stream().allMatch(id -> id >= 0 && id <= Vocabulary.LARGEST_ID)
                && token.list("tokens", JsonNode::asText).size() == ids.size();
        if (!valid) {
            throw token.wrong("ids");
        }
        return new Piece(-1, ids.stream().mapToInt(Integer::intValue).toArray());
    }

    /** Null if there is none. */
    @Nullable
    Decoder decoder(JsonNode node) {
        if (isAbsent(node)) {
            return null;
        }
        Part part = Part.of("decoder", node);
        Decoder decoder = switch (part.type()) {
            case "Sequence" -> new Decoder.Sequence(part.list("decoders", deeper()::decoder));
            case "ByteLevel" -> {
                part.ignoring("add_prefix_space", "trim_offsets", "use_regex");
                yield new Decoder.ByteLevel();
            }
            case "ByteFallback" -> new Decoder.ByteFallback();
            case "Fuse" -> new Decoder.Fuse();
            case "Replace" -> new Decoder.Replace(replace(part));
            case "Strip" ->
                new Decoder.Strip(part.character("content"), part.number("start", 0), part.number("stop", 0));
            case "Metaspace" -> {
                boolean prepended = scheme(part) != PreTokenizer.Metaspace.Scheme.NEVER;
                yield new Decoder.Metaspace(part.ignoring("str_rep", "split").character("replacement"), prepended);
            }
            case "WordPiece" -> new Decoder.WordPiece(part.text("prefix"), part.flag("cleanup"));
            case "BPEDecoder" -> new Decoder.WordEnds(part.text("suffix"));
            case "CTC" ->
                new Decoder.Ctc(part.text("pad_token"), part.text("word_delimiter_token"), part.flag("cleanup"));
            default -> throw part.unknown();
        };
        part.end();
        return decoder;
    }
}
