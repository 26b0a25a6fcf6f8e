package dev.headwater.explorer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One line of the list of graphs, read from the head of its file.
 *
 * @param modified milliseconds since 1970
 * @param problem  why the file can't be shown, or null
 */
record GraphSummary(
        String name,
        String slug,
        String scan,
        String prompt,
        List<String> promptTokens,
        long bytes,
        long modified,
        String problem) {
    private static final int LONGEST_PROMPT = 10_000;
    private static final int MOST_TOKENS = 4096;
    private static final int LONGEST_METADATA = 1 << 20;

    @JsonIgnore
    boolean describes(BasicFileAttributes now) {
        return bytes == now.size() && modified == now.lastModifiedTime().toMillis();
    }

    static GraphSummary read(String name, Path file, BasicFileAttributes attributes, long maxBytes) {
        String slug = name;
        String scan = "";
        String prompt = "";
        List<String> tokens = new ArrayList<>();
        String problem = null;
        if (attributes.size() > maxBytes) {
            problem = "It has more than " + maxBytes + " bytes.";
        } else {
            try (InputStream in = Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
                    JsonParser json = Json.STREAMING.createParser(in)) {
                if (!toMetadata(json)) {
                    problem = "It has no metadata object, so it is no attribution graph.";
                }
                while (problem == null && json.nextToken() == JsonToken.FIELD_NAME) {
                    String field = json.currentName();
                    JsonToken value = json.nextToken();
                    if (value == JsonToken.VALUE_STRING) {
                        String text = json.getText();
                        switch (field) {
                            case "slug" -> slug = cut(text, 200);
                            case "scan" -> scan = cut(text, 200);
                            case "prompt" -> prompt = cut(text, LONGEST_PROMPT);
                            default -> {}
                        }
                    } else if (field.equals("prompt_tokens") && value == JsonToken.START_ARRAY) {
                        while (json.nextToken() != JsonToken.END_ARRAY) {
                            if (tokens.size() < MOST_TOKENS && json.currentToken() == JsonToken.VALUE_STRING) {
                                tokens.add(cut(json.getText(), 200));
                            } else {
                                json.skipChildren();
                            }
                        }
                    } else {
                        json.skipChildren();
                    }
                }
            } catch (JsonProcessingException e) {
                problem = "It is not valid JSON: " + Json.firstLine(e) + ".";
            } catch (IOException e) {
                problem = "It can't be read.";
            }
        }
        return new GraphSummary(
                name,
                slug,
                scan,
                prompt,
                List.copyOf(tokens),
                attributes.size(),
                attributes.lastModifiedTime().toMillis(),
                problem);
    }

    /** The file's metadata block as it stands there; empty if there is none, or an unreasonably long one. */
    static Optional<ObjectNode> metadata(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
                JsonParser json = Json.STREAMING.createParser(Channels.newInputStream(channel))) {
            if (!toMetadata(json)) {
                return Optional.empty();
            }
            long start = json.currentTokenLocation().getByteOffset();
            json.skipChildren();
            long length = json.currentLocation().getByteOffset() - start;
            if (start < 0 || length > LONGEST_METADATA) {
                return Optional.empty();
            }
            byte[] text = Channels.newInputStream(channel.position(start)).readNBytes((int) length);
            return Optional.of(Json.MAPPER.readValue(text, ObjectNode.class));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static boolean toMetadata(JsonParser json) throws IOException {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            return false;
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            boolean here = json.currentName().equals("metadata");
            JsonToken value = json.nextToken();
            if (here) {
                return value == JsonToken.START_OBJECT;
            }
            json.skipChildren();
        }
        return false;
    }

    private static String cut(String text, int length) {
        return text.length() <= length ? text : text.substring(0, length);
    }
}
