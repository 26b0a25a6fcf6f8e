package dev.headwater.engine.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

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
        return ErrorText.of(malformed
                .getOriginalMessage()
                .lines()
                .findFirst()
                .orElse("unreadable")
                .replaceFirst(" \\(start marker at .*", ""));
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
