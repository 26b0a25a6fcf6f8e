package dev.headwater.explorer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;

/**
 * The {@code qParams} object of a graph file and where it lies in it: bytes {@code start} to {@code end}. Saving writes
 * the
 * bytes around it as they are, so that no number changes its spelling and no field that we don't know gets lost.
 *
 * @param missing the file has no {@code qParams} yet; it goes to {@code start}, with a comma behind it
 */
record Annotations(ObjectNode qParams, long start, long end, boolean missing) {
    private static final int MOST_BYTES = 4 << 20;

    /** Reads the whole of {@code in}, so that {@code digest} has seen all of it. */
    static Annotations find(InputStream in, MessageDigest digest) throws IOException {
        InputStream counted = new DigestInputStream(in, digest);
        Annotations found = null;
        long inside = -1;
        boolean empty = true;
        try (JsonParser json = Json.STREAMING.createParser(counted)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw notAGraph("it is not a JSON object");
            }
            inside = json.currentTokenLocation().getByteOffset() + 1;
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                empty = false;
                boolean here = json.currentName().equals("qParams");
                JsonToken value = json.nextToken();
                if (!here) {
                    json.skipChildren();
                    continue;
                }
                if (found != null) {
                    throw notAGraph("it has qParams twice");
                }
                if (value != JsonToken.START_OBJECT) {
                    throw notAGraph("its qParams are not an object");
                }
                long start = json.currentTokenLocation().getByteOffset();
                JsonNode tree = Json.MAPPER
                        .reader()
                        .without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                        .readTree(json);
                found = new Annotations(
                        (ObjectNode) tree, start, json.currentLocation().getByteOffset(), false);
            }
            while (counted.read(new byte[1 << 13]) >= 0) {
                // what stands behind the object counts for the version
            }
        } catch (JsonProcessingException e) {
            throw notAGraph("it is not valid JSON: " + Json.firstLine(e));
        }
        if (found == null && !empty) {
            found = new Annotations(Json.MAPPER.createObjectNode(), inside, inside, true);
        }
        if (found == null || found.start < 0) {
            throw notAGraph("it is an empty object or not in UTF-8");
        }
        return found;
    }

    /** Writes {@code file} with these members of {@code qParams} set; a member of value null goes. */
    void rewrite(Path file, ObjectNode changes, OutputStream out) throws IOException {
        ObjectNode merged = qParams.deepCopy();
        changes.properties().forEach(change -> {
            if (change.getValue().isNull()) {
                merged.remove(change.getKey());
            } else {
                merged.set(change.getKey(), change.getValue());
            }
        });
        byte[] text = Json.bytes(merged);
        if (text.length > MOST_BYTES) {
            throw new Refusal(
                    413,
                    "The annotations have " + text.length + " bytes, more than the " + MOST_BYTES + " that are kept.");
        }
        try (InputStream in = Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            copy(in, out, start);
            if (missing) {
                out.write("\"qParams\":".getBytes(StandardCharsets.US_ASCII));
                out.write(text);
                out.write(',');
            } else {
                int brace = in.read();
                if (brace != '{') {
                    throw notAGraph("it starts with a byte order mark or is not in UTF-8");
                }
                in.skipNBytes(end - start - 1);
                out.write(text);
            }
            in.transferTo(out);
        }
        out.flush();
    }

    private static void copy(InputStream in, OutputStream out, long bytes) throws IOException {
        byte[] buffer = new byte[1 << 16];
        for (long left = bytes; left > 0; ) {
            int read = in.read(buffer, 0, (int) Math.min(left, buffer.length));
            if (read < 0) {
                throw new java.io.EOFException("the file became shorter while it was read");
            }
            out.write(buffer, 0, read);
            left -= read;
        }
    }

    private static Refusal notAGraph(String why) {
        return new Refusal(422, "The annotations can't be saved into this file: " + why + ".");
    }
}
