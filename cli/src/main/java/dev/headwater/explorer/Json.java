package dev.headwater.explorer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.BoundedNumbers;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * JSON as the explorer reads and writes it: hostile input is bounded in depth and in the length of names, numbers and
 * strings.
 */
final class Json {
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxNumberLength(400)
                    .maxNameLength(10_000)
                    .maxStringLength(4 << 20)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /** Keeps decimals as they were written; refuses unknown properties of records, trailing text and repeated names. */
    static final ObjectMapper MAPPER = JsonMapper.builder(FACTORY)
            .nodeFactory(new BoundedNumbers())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(com.fasterxml.jackson.databind.cfg.JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private Json() {}

    static <T> T parse(byte[] text, Class<T> type) {
        try {
            T value = MAPPER.readValue(text, type);
            if (value == null) {
                throw new Refusal(400, "The request's body is null, where a JSON object belongs.");
            }
            return value;
        } catch (HeadwaterException e) {
            throw new Refusal(400, e.getMessage() + ".");
        } catch (ValueInstantiationException e) {
            if (e.getCause() instanceof HeadwaterException cause) {
                throw new Refusal(400, cause.getMessage());
            }
            throw new Refusal(400, "The request's body is not what belongs here: " + firstLine(e) + ".");
        } catch (JsonProcessingException e) {
            throw new Refusal(400, "The request's body is not what belongs here: " + firstLine(e) + ".");
        } catch (IOException | ArithmeticException | NumberFormatException | StackOverflowError e) {
            // Text that is in none of JSON's encodings, numbers that are out of all bounds.
            throw new Refusal(400, "The request's body is not what belongs here: it is no JSON that can be read.");
        }
    }

    /** What Jackson has to say and where, without the excerpts and class names it adds. */
    static String firstLine(JsonProcessingException e) {
        JsonLocation at = e.getLocation();
        String message = BoundedJson.cause(e).replaceAll("`?dev\\.headwater[^\\s]*`?", "the request");
        return at == null ? message : message + " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
    }

    static byte[] bytes(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonNode tree(Object value) {
        return MAPPER.valueToTree(value);
    }

    static void reply(Context ctx, Object value) {
        ctx.contentType("application/json").header("Cache-Control", "no-store").result(bytes(value));
    }
}
