package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedNumbers;
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
 * the bytes around it as they are, so that no number changes its spelling and no field that we don't know gets lost.
 *
 * @param missing the file has no {@code qParams} yet; it goes to {@code start}, with a comma behind it
 */
public record Annotations(ObjectNode qParams, long start, long end, boolean missing) {
    /** Keeps decimals as they were written. */
    private static final JsonMapper EXACT = JsonMapper.builder(GraphReader.FACTORY)
            .nodeFactory(new BoundedNumbers())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    /**
     * Reads the whole file, so that {@code digest} has seen all of it.
     *
     * @param source where the file's bytes come from
     * @throws HeadwaterException if annotations can't be kept in it
     */
    public static Annotations find(InputStream source, MessageDigest digest) {
        Annotations[] found = new Annotations[1];
        GraphReader.parse(() -> new DigestInputStream(source, digest), "The file", json -> found[0] = find(json));
        return found[0];
    }

    private static Annotations find(JsonParser json) throws IOException {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw notAGraph("it is not a JSON object");
        }
        long inside = json.currentTokenLocation().getByteOffset() + 1;
        Annotations found = null;
        boolean empty = true;
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
            ObjectNode tree = EXACT.reader()
                    .without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .readTree(json);
            found = new Annotations(tree, start, json.currentLocation().getByteOffset(), false);
        }
        if (json.nextToken() != null) {
            throw notAGraph("something follows its JSON object");
        }
        if (found == null && !empty) {
            found = new Annotations(EXACT.createObjectNode(), inside, inside, true);
        }
        if (found == null || found.start < 0) {
            throw notAGraph("it is an empty object or not in UTF-8");
        }
        return found;
    }

    /** Writes {@code file} with these members of {@code qParams} set; a member of value null goes. */
    public void rewrite(Path file, ObjectNode changes, OutputStream out) throws IOException {
        ObjectNode merged = qParams.deepCopy();
        changes.properties().forEach(change -> {
            if (change.getValue().isNull()) {
                merged.remove(change.getKey());
            } else {
                merged.set(change.getKey(), change.getValue());
            }
        });
        byte[] text = EXACT.writeValueAsBytes(merged);
        if (text.length > GraphLimits.ANNOTATIONS_BYTES) {
            throw new HeadwaterException("The annotations have " + text.length + " bytes, more than the "
                    + GraphLimits.ANNOTATIONS_BYTES + " that are kept.");
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

    private static HeadwaterException notAGraph(String why) {
        return new HeadwaterException("The annotations can't be saved into this file: " + why + ".");
    }
}
