package dev.headwater.engine.tokens.pipeline;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the model of tokenizer.json as a stream: its vocabulary and merges are most of the file and become no objects. */
final class ModelReader {
    private static final Map<String, Set<String>> KEYS = Map.of(
            "BPE",
                    Set.of(
                            "type",
                            "dropout",
                            "unk_token",
                            "continuing_subword_prefix",
                            "end_of_word_suffix",
                            "fuse_unk",
                            "byte_fallback",
                            "ignore_merges",
                            "vocab",
                            "merges"),
            "Unigram", Set.of("type", "unk_id", "byte_fallback", "vocab"),
            "WordPiece", Set.of("type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"),
            "WordLevel", Set.of("type", "unk_token", "vocab"));
    private static final String VERSION_LINE = "#version";

    private final JsonParser parser;
    private final Map<String, @Nullable Object> fields = new HashMap<>();
    private @Nullable Vocabulary vocabulary;
    private @Nullable List<String> tokens;
    private double[] scores = new double[1 << 10];
    private @Nullable PairList merges;

    private ModelReader(JsonParser parser) {
        this.parser = parser;
    }

    /** @param parser stands on the model's beginning, and is left on its end */
    static Model read(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw new RefusedException("it has a model that is no object");
        }
        ModelReader reader = new ModelReader(parser);
        reader.readFields();
        return reader.model();
    }

    private void readFields() throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
                readVocabulary();
            } else if (name.equals("vocab") && value == JsonToken.START_ARRAY) {
                readScores();
            } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
                readMerges();
            } else if (value == JsonToken.START_OBJECT || value == JsonToken.START_ARRAY) {
                throw wrong(name);
            }
            Object simple = switch (value) {
                case VALUE_STRING -> parser.getText();
                case VALUE_TRUE -> true;
                case VALUE_FALSE -> false;
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
                default -> null;
            };
            if (fields.containsKey(name)) {
                throw new RefusedException("its model has the key \"" + name + "\" twice");
            }
            fields.put(name, simple);
        }
    }

    private void readVocabulary() throws IOException {
        vocabulary = new Vocabulary();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            char[] token = parser.getTextCharacters();
            int from = parser.getTextOffset();
            int length = parser.getTextLength();
            if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
                throw new RefusedException("its vocabulary has a token whose id is no integer");
            }
            vocabulary.put(token, from, length, parser.getLongValue());
        }
    }

    private void readScores() throws IOException {
        tokens = new ArrayList<>();
        while (parser.nextToken() == JsonToken.START_ARRAY) {
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw wrong("vocab");
            }
            tokens.add(parser.getText());
            if (!parser.nextToken().isNumeric()) {
                throw wrong("vocab");
            }
            if (tokens.size() > scores.length) {
                scores = Arrays.copyOf(scores, 2 * scores.length);
            }
            scores[tokens.size() - 1] = score(parser.getText());
            if (parser.nextToken() != JsonToken.END_ARRAY) {
                throw wrong("vocab");
            }
        }
        if (parser.currentToken() != JsonToken.END_ARRAY) {
            throw wrong("vocab");
        }
    }

    /**
     * A score as Rust's serde_json reads it: the digits as an integer, then one multiplication or division by a power of ten. That may
     * differ from the nearest double in its last bit, and such bits decide between ways to cut a text that are worth the same.
     */
    static double score(String number) {
        boolean negative = number.startsWith("-");
        long significand = 0;
        int exponent = 0;
        boolean fraction = false;
        boolean full = false;
        int at = negative ? 1 : 0;
        for (; at < number.length() && number.charAt(at) != 'e' && number.charAt(at) != 'E'; at++) {
            if (number.charAt(at) == '.') {
                fraction = true;
                continue;
            }
            int digit = number.charAt(at) - '0';
            full |= Long.compareUnsigned(significand, Long.divideUnsigned(-1 - digit, 10)) > 0;
            if (full) {
                exponent += fraction ? 0 : 1;
            } else {
                significand = significand * 10 + digit;
                exponent -= fraction ? 1 : 0;
            }
        }
        if (at < number.length()) {
            exponent += Integer.parseInt(number, at + 1, number.length(), 10);
        }
        double value = unsigned(significand);
        for (; exponent < -308 && value != 0; exponent += 308) {
            value /= 1e308;
        }
        value = exponent >= 0 ? value * power(exponent) : value / power(-exponent);
        if (!Double.isFinite(value)) {
            throw wrong("vocab");
        }
        return negative ? -value : value;
    }

    private static double unsigned(long value) {
        return value >= 0 ? value : new BigInteger(Long.toUnsignedString(value)).doubleValue();
    }

    private static double power(int exponent) {
        return exponent > 308 ? Double.POSITIVE_INFINITY : Double.parseDouble("1e" + exponent);
    }

    /** Pairs, {@code ["a","b"]}, or the older form {@code "a b"}, but not both. */
    private void readMerges() throws IOException {
        PairList read = new PairList();
        boolean pairs = false;
        boolean texts = false;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            pairs |= parser.currentToken() == JsonToken.START_ARRAY;
            texts |= parser.currentToken() == JsonToken.VALUE_STRING;
            if (pairs == texts) {
                throw wrong("merges");
            } else if (pairs) {
                addText(read);
                addText(read);
                if (parser.nextToken() != JsonToken.END_ARRAY) {
                    throw wrong("merges");
                }
            } else {
                addSplit(read);
            }
        }
        merges = read;
    }

    private void addText(PairList merges) throws IOException {
        if (parser.nextToken() != JsonToken.VALUE_STRING) {
            throw wrong("merges");
        }
        merges.add(parser.getTextCharacters(), parser.getTextOffset(), parser.getTextLength());
    }

    private void addSplit(PairList merges) throws IOException {
        String text = parser.getText();
        if (!text.startsWith(VERSION_LINE)) {
            merges.addSplit(text);
        }
    }

    private Model model() {
        String type = fields.containsKey("type") ? required("type") : inferred();
        Set<String> known = KEYS.get(type);
        if (known == null) {
            throw new RefusedException("its model \"" + type + "\" is not known here");
        }
        for (String key : fields.keySet()) {
            if (!known.contains(key)) {
                throw new RefusedException(
                        "its model has the key \"" + key + "\", which is not known here for " + type);
            }
        }
        return switch (type) {
            case "BPE" -> bytePairs();
            case "Unigram" -> unigram();
            case "WordPiece" ->
                new WordPiece(
                        vocabulary(),
                        required("unk_token"),
                        required("continuing_subword_prefix"),
                        number("max_input_chars_per_word"));
            default -> new WordLevel(vocabulary(), required("unk_token"));
        };
    }

    /** Files of 2020 name no type. */
    private String inferred() {
        return merges != null
                ? "BPE"
                : tokens != null
                        ? "Unigram"
                        : fields.containsKey("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
    }

    private Model bytePairs() {
        if (merges == null) {
            throw wrong("merges");
        }
        if (fields.get("dropout") != null && !Double.valueOf(0).equals(fields.get("dropout"))) {
            throw new RefusedException(
                    "its model drops merges at random (\"dropout\"), so that a text has no certain tokens");
        }
        String prefix = Objects.requireNonNullElse(text("continuing_subword_prefix"), "");
        Merges known = merges.in(vocabulary(), prefix);
        merges = null;
        return new BytePairs(
                vocabulary(),
                known,
                new BytePairs.Options(
                        text("unk_token"),
                        prefix,
                        Objects.requireNonNullElse(text("end_of_word_suffix"), ""),
                        flag("fuse_unk"),
                        flag("byte_fallback"),
                        flag("ignore_merges")));
    }

    private Model unigram() {
        if (tokens == null) {
            throw wrong("vocab");
        }
        return new Unigram(
                tokens.toArray(String[]::new),
                Arrays.copyOf(scores, tokens.size()),
                fields.get("unk_id") == null ? -1 : number("unk_id"),
                flag("byte_fallback"));
    }

    private Vocabulary vocabulary() {
        if (vocabulary == null) {
            throw wrong("vocab");
        }
        return vocabulary;
    }

    private @Nullable String text(String key) {
        Object value = fields.get(key);
        if (value != null && !(value instanceof String)) {
            throw wrong(key);
        }
        return (String) value;
    }

    private String required(String key) {
        String text = text(key);
        if (text == null) {
            throw wrong(key);
        }
        return text;
    }

    private boolean flag(String key) {
        Object value = fields.get(key);
        if (value != null && !(value instanceof Boolean)) {
            throw wrong(key);
        }
        return Boolean.TRUE.equals(value);
    }

    private int number(String key) {
        if (!(fields.get(key) instanceof Double value)
                || value != Math.rint(value)
                || value < 0
                || value > Integer.MAX_VALUE) {
            throw wrong(key);
        }
        return value.intValue();
    }

    private static RefusedException wrong(String key) {
        return new RefusedException("its model has no valid \"" + key + "\"");
    }
}
