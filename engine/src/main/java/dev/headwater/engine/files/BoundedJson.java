package dev.headwater.engine.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** JSON from files that nobody vouches for: depth, size and number of its parts are
 * limited, keys are unique. */
public final class BoundedJson {
    /** Enough for any config.json or index; readers of larger documents (tokenizers, graphs) say so. */
    public static final long CONFIG_BYTES = 16L << 20;

    private static final StreamReadConstraints LIMITS = StreamReadConstraints.builder()
            .maxNestingDepth(64)
            .maxNumberLength(400)
            .maxNameLength(50_000)
            .maxStringLength(100_000_000)
            .maxDocumentLength(1L << 30)
            .maxTokenCount(16_000_000)
            .build();

    private BoundedJson() {}

    /** For streaming readers. */
    public static JsonFactory factory() {
        return Mapper.SHARED.getFactory();
    }

    /**
     * For trees and records. Duplicate keys and anything after the document are errors; NaN and Infinity are read,
     * because Python writes them into configs.
     */
    public static JsonMapper mapper() {
        return Mapper.SHARED;
    }

    /** A configuration file, which must be a JSON object. */
    public static JsonNode read(Path file) {
        return read(file, CONFIG_BYTES);
    }

    /**
     * A JSON object.
     *
     * @throws HeadwaterException if the file is missing, longer than {@code maxBytes}, or not a JSON object
     */
    public static JsonNode read(Path file, long maxBytes) {
        RegularFile.require(file);
        try {
            long size = Files.size(file);
            if (size > maxBytes) {
                throw new HeadwaterException("%s is too large to be read as JSON: %d bytes, at most %d are expected"
                        .formatted(file, size, maxBytes));
            }
            JsonNode root = mapper().readTree(file.toFile());
            if (!root.isObject()) {
                throw new HeadwaterException("%s holds no JSON object".formatted(file));
            }
            return root;
        } catch (JsonProcessingException malformed) {
            throw new HeadwaterException("%s is not valid JSON%s".formatted(file, where(malformed)), malformed);
        } catch (IOException failure) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, failure.getMessage()), failure);
        } catch (ArithmeticException | NumberFormatException | StackOverflowError failure) {
            throw new HeadwaterException("%s holds a number that is out of all bounds".formatted(file), failure);
        }
    }

    /** Place and cause of a JSON error as the tail of a sentence: " (line 3, column 7): ...". */
    public static String where(JsonProcessingException malformed) {
        var location = malformed.getLocation();
        return (location == null ? "" : " (line %d, column %d)".formatted(location.getLineNr(), location.getColumnNr()))
                + ": " + cause(malformed);
    }

    /** The cause alone, on one line and fit for a terminal: the library quotes what it could not read. */
    public static String cause(JsonProcessingException malformed) {
        String cause = malformed.getOriginalMessage().lines().findFirst().orElse("unreadable");
        if (cause.startsWith("Unexpected end-of-input")) {
            return "it ends too early";
        }
        if (cause.startsWith("Trailing token")) {
            return "there is more behind its end";
        }
        if (malformed instanceof UnrecognizedPropertyException unknown) {
            return ErrorText.of(place(unknown)) + " is not known here";
        }
        if (malformed instanceof MismatchedInputException mismatch
                && mismatch.getTargetType() != null
                && cause.startsWith("Cannot ")) {
            return ErrorText.of(place(mismatch)) + " should be " + expected(mismatch.getTargetType());
        }
        return ErrorText.of(cause.replaceFirst(" \\(start marker at .*", ""));
    }

    /** Where the value stands that is of another kind than the record's, which the library says in names of classes. */
    private static String place(MismatchedInputException mismatch) {
        StringBuilder place = new StringBuilder();
        for (var step : mismatch.getPath()) {
            if (step.getFieldName() == null) {
                place.append('[').append(step.getIndex()).append(']');
            } else {
                place.append(place.isEmpty() ? "" : ".").append(step.getFieldName());
            }
        }
        return place.isEmpty() ? "it" : "'" + place + "'";
    }

    private static String expected(Class<?> type) {
        if (type == String.class) {
            return "text";
        }
        if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        }
        if (type.isPrimitive() || Number.class.isAssignableFrom(type)) {
            return "a number";
        }
        if (type.isArray() || Collection.class.isAssignableFrom(type)) {
            return "a list";
        }
        return type.isEnum()
                ? "one of "
                        + Stream.of(type.getEnumConstants())
                                .map(Object::toString)
                                .collect(Collectors.joining(", "))
                : "an object";
    }

    private static final class Mapper {
        static final JsonMapper SHARED = JsonMapper.builder(
                        JsonFactory.builder().streamReadConstraints(LIMITS).build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
                .build();
    }
}
