package dev.headwater.engine.document;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.RegularFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a list of graphs says of a file.
 *
 * @param name     of the file, without {@code .json}
 * @param modified milliseconds since 1970
 * @param problem  why it can't be shown, or null
 */
public record GraphHead(
        String name,
        String slug,
        String scan,
        String prompt,
        List<String> promptTokens,
        long bytes,
        long modified,
        @Nullable String problem) {
    private static final int LONGEST_PROMPT = 10_000;
    private static final int MOST_TOKENS = 4096;
    /** Files up to this size are read to their end; of longer ones the end alone is looked at. */
    private static final long READ_WHOLE = 4 << 20;

    private static final int TAIL = 1 << 10;

    /** Whether the file is still the one that this was read from. */
    @JsonIgnore
    public boolean describes(BasicFileAttributes now) {
        return bytes == now.size() && modified == now.lastModifiedTime().toMillis();
    }

    /** @param attributes of the file; links are not followed */
    public static GraphHead read(String name, Path file, BasicFileAttributes attributes, long maxBytes) {
        JsonNode metadata = MissingNode.getInstance();
        String problem = null;
        if (attributes.size() > maxBytes) {
            problem = "It has more than " + maxBytes + " bytes.";
        } else {
            try {
                Parts parts = new Parts(attributes.size() <= READ_WHOLE);
                GraphReader.read(() -> RegularFile.open(file, maxBytes, LinkOption.NOFOLLOW_LINKS), "It", parts);
                metadata = parts.metadata;
                if (!metadata.isObject()) {
                    problem = "It has no metadata object, so it is no attribution graph.";
                } else if (!parts.whole && !endsAsJson(file)) {
                    problem = "It is cut off: its end is missing.";
                }
            } catch (HeadwaterException e) {
                problem = e.getMessage();
            } catch (IOException e) {
                problem = "It can't be read.";
            }
        }
        List<String> tokens = new ArrayList<>();
        for (JsonNode token : metadata.path("prompt_tokens")) {
            if (tokens.size() < MOST_TOKENS && token.isTextual()) {
                tokens.add(cut(token.textValue(), 200));
            }
        }
        return new GraphHead(
                name,
                cut(metadata.path("slug").asText(name), 200),
                cut(metadata.path("scan").asText(), 200),
                cut(metadata.path("prompt").asText(), LONGEST_PROMPT),
                List.copyOf(tokens),
                attributes.size(),
                attributes.lastModifiedTime().toMillis(),
                problem);
    }

    /** The file's metadata block; empty if there is none that can be read. */
    public static Optional<ObjectNode> metadata(Path file) {
        Parts parts = new Parts(false);
        try {
            GraphReader.read(
                    () -> RegularFile.open(file, GraphLimits.BYTES, LinkOption.NOFOLLOW_LINKS), file.toString(), parts);
        } catch (HeadwaterException e) {
            return Optional.empty();
        }
        return parts.metadata instanceof ObjectNode object ? Optional.of(object) : Optional.empty();
    }

    /** Keeps the metadata. */
    private static final class Parts implements GraphReader.Visitor {
        private final boolean whole;
        private JsonNode metadata = MissingNode.getInstance();

        /** @param whole whether to read on behind it */
        Parts(boolean whole) {
            this.whole = whole;
        }

        @Override
        public boolean member(String name, JsonParser json) throws IOException {
            if (!name.equals("metadata")) {
                json.skipChildren();
                return true;
            }
            if (json.currentToken() == JsonToken.START_OBJECT) {
                metadata = new GraphReader.Values().read(json);
            } else {
                json.skipChildren();
            }
            return whole;
        }
    }

    /**
     * A graph's file ends with the end of a list or object in an object; no other place in it looks like that but few.
     */
    private static boolean endsAsJson(Path file) throws IOException {
        byte[] tail = new byte[TAIL];
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            in.seek(in.length() - TAIL);
            in.readFully(tail);
        }
        int at = TAIL - 1;
        while (at > 0 && Character.isWhitespace(tail[at])) {
            at--;
        }
        if (at <= 0 || tail[at] != '}') {
            return false;
        }
        do {
            at--;
        } while (at > 0 && Character.isWhitespace(tail[at]));
        return tail[at] == ']' || tail[at] == '}';
    }

    private static String cut(String text, int length) {
        return text.length() <= length ? text : text.substring(0, length);
    }
}
