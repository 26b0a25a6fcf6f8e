package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.RegularFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Takes the JSON of a graph's file apart, a member of its object at a time. All that reads graph files reads them by
 * this, so that the same files are JSON to all of them, and nothing that a hostile file brings about leaves as anything
 * but a {@link HeadwaterException}.
 */
final class GraphReader {
    /** Strict: no NaN. Its number of tokens is bounded by the file's size. */
    static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxNumberLength(400)
                    .maxNameLength(50_000)
                    .maxStringLength(GraphLimits.TEXT)
                    .build())
            .build();

    private static final ObjectReader SCALAR =
            BoundedJson.mapper().reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private GraphReader() {}

    /** Hears of the members of the file's object. */
    interface Visitor {
        /**
         * @param json stands on the member's value, and on its last token afterwards
         * @return whether to read on
         */
        boolean member(String name, JsonParser json) throws IOException;
    }

    /** Hears of the elements of a list. */
    interface Element {
        void read(int index) throws IOException;
    }

    /** @throws HeadwaterException if the file is missing, too large, or no JSON object */
    static void read(Path file, Visitor visitor) {
        read(source(file), file.toString(), visitor);
    }

    static Source source(Path file) {
        return () -> {
            if (!Files.exists(file)) {
                throw new HeadwaterException("There is no graph file " + file);
            }
            return RegularFile.open(file, GraphLimits.BYTES);
        };
    }

    /** Where bytes come from. */
    interface Source {
        InputStream open() throws IOException;
    }

    /** @param name for messages */
    static void read(Source source, String name, Visitor visitor) {
        parse(source, name, json -> members(json, name, visitor));
    }

    /** Reads a whole file. */
    interface Body {
        void read(JsonParser json) throws IOException;
    }

    /** The border: what goes wrong inside leaves as a {@link HeadwaterException}. */
    static void parse(Source source, String name, Body body) {
        try (InputStream in = source.open();
                JsonParser json = FACTORY.createParser(in)) {
            body.read(json);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException("%s is not valid JSON%s".formatted(name, BoundedJson.where(e)), e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(name, e.getMessage()), e);
        } catch (NumberFormatException | ArithmeticException | StackOverflowError e) {
            throw new HeadwaterException("%s holds a number that is out of all bounds.".formatted(name), e);
        }
    }

    private static void members(JsonParser json, String name, Visitor visitor) throws IOException {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw new HeadwaterException(name + " is not a JSON object.");
        }
        Set<String> seen = new HashSet<>();
        for (String member = json.nextFieldName(); member != null; member = json.nextFieldName()) {
            if (!seen.add(member)) {
                throw new HeadwaterException("%s has \"%s\" twice.".formatted(name, ErrorText.of(member)));
            }
            json.nextToken();
            if (!visitor.member(member, json)) {
                return;
            }
        }
        if (json.nextToken() != null) {
            throw new HeadwaterException(name + " goes on after its end.");
        }
    }

    /** The elements of the list that the parser stands on; false if it stands on no list, which is then passed over. */
    static boolean elements(JsonParser json, Element element) throws IOException {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            json.skipChildren();
            return false;
        }
        for (int i = 0; json.nextToken() != JsonToken.END_ARRAY; i++) {
            element.read(i);
        }
        return true;
    }

    /** Reads whole values, and counts them, as a small file may hold very many. */
    static final class Values {
        private int left = GraphLimits.VALUES;

        /** The value that the parser stands on. */
        JsonNode read(JsonParser json) throws IOException {
            if (--left < 0) {
                throw new HeadwaterException(
                        "It holds more than %d values, and no graph does.".formatted(GraphLimits.VALUES));
            }
            if (json.isExpectedStartObjectToken()) {
                ObjectNode object = BoundedJson.mapper().createObjectNode();
                for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                    json.nextToken();
                    if (object.replace(field, read(json)) != null) {
                        throw new JsonParseException(json, "the member '" + ErrorText.of(field) + "' is there twice");
                    }
                }
                return object;
            }
            if (json.isExpectedStartArrayToken()) {
                ArrayNode array = BoundedJson.mapper().createArrayNode();
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    array.add(read(json));
                }
                return array;
            }
            return SCALAR.readTree(json);
        }
    }
}
