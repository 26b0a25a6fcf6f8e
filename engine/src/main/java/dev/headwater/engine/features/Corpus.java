package dev.headwater.engine.features;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.tokens.Tokenizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Text files, a document a line, UTF-8; those that end in {@code .gz} are gzip. Where the name ends in {@code .jsonl} or {@code .ndjson},
 * before {@code .gz} too, a line is a JSON object whose {@code text} is the document. Empty lines and empty texts are no documents.
 *
 * @param files read in this order
 */
public record Corpus(List<Path> files) {
    /**
     * Longer lines are no documents but a file of another format, and would not fit into memory together with their
     * tokens.
     */
    private static final int LONGEST_LINE = 16 << 20;

    private static final Pattern JSON_LINES = Pattern.compile("\\.(jsonl|ndjson)(\\.gz)?$");

    /** @throws HeadwaterException if a file is missing or there is none */
    public Corpus {
        files = List.copyOf(files);
        if (files.isEmpty()) {
            throw new HeadwaterException("The corpus has no files; give at least one text file with a document a line");
        }
        for (Path file : files) {
            if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
                throw new HeadwaterException("The corpus file %s is missing or can't be read".formatted(file));
            }
        }
    }

    /** Takes documents in turn. */
    @FunctionalInterface
    public interface Reader {
        /** False ends the reading. */
        boolean document(String text);
    }

    /**
     * The text as a model reads it: each document, or each part of one that is longer, led by the tokenizer's special token if it has
     * one. Windows of a single token are left out. Takes 4 bytes of memory a token.
     *
     * @param length tokens of a window at most, 2 or more
     * @param most   tokens from which on no further window is taken
     * @throws HeadwaterException if a file can't be read or is not what its name says, or there is no text in any
     * @throws java.util.concurrent.CancellationException if the listener asks to stop
     */
    public List<int[]> windows(Tokenizer tokenizer, int length, long most, Progress progress) {
        if (length < 2 || most < 1) {
            throw new UsageException("windows have 2 tokens or more, not " + length + ", of at least 1 token of text");
        }
        progress.phase("tokens", most == Long.MAX_VALUE ? -1 : most);
        List<int[]> windows = new ArrayList<>();
        long[] tokens = new long[1];
        TokenWindows.cut(this, tokenizer, length, progress, window -> {
            windows.add(window);
            tokens[0] += window.length;
            return tokens[0] < most;
        });
        if (windows.isEmpty()) {
            throw new HeadwaterException("The corpus %s holds no text".formatted(files));
        }
        return windows;
    }

    /**
     * Reads documents until there are no more or the reader has enough.
     *
     * @throws HeadwaterException if a file can't be read, is not gzip in spite of its name, has a line of over 16
     * million characters, or a line that is no JSON object with a text where its name says so
     */
    public void read(Reader reader) {
        for (Path file : files) {
            boolean json = JSON_LINES.matcher(file.toString()).find();
            try (InputStream bytes = Files.newInputStream(file);
                    InputStream plain = file.toString().endsWith(".gz") ? new GZIPInputStream(bytes, 1 << 16) : bytes;
                    var text = new BufferedReader(new InputStreamReader(plain, StandardCharsets.UTF_8), 1 << 16)) {
                StringBuilder line = new StringBuilder();
                for (int number = 1; next(text, line, file, number); number++) {
                    String document = json && !line.isEmpty() ? text(line.toString(), file, number) : line.toString();
                    if (!document.isEmpty() && !reader.document(document)) {
                        return;
                    }
                }
            } catch (ZipException | java.io.EOFException e) {
                throw new HeadwaterException(
                        "The corpus file %s is not a whole gzip file: %s".formatted(file, e.getMessage()), e);
            } catch (IOException e) {
                throw new HeadwaterException("Cannot read the corpus file %s: %s".formatted(file, e.getMessage()), e);
            }
        }
    }

    /** The document of a JSON line. Its other fields are passed over rather than held: data sets have many. */
    private static String text(String line, Path file, int number) throws IOException {
        if (line.isBlank()) {
            return "";
        }
        try (JsonParser json = BoundedJson.factory().createParser(line)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw refused(file, number, "is no JSON object");
            }
            String text = null;
            while (json.nextToken() != JsonToken.END_OBJECT) {
                boolean wanted = json.currentName().equals("text");
                JsonToken value = json.nextToken();
                if (wanted && value != JsonToken.VALUE_STRING) {
                    throw refused(file, number, "has a 'text' that is no string");
                }
                if (wanted) {
                    text = json.getText();
                } else {
                    json.skipChildren();
                }
            }
            if (json.nextToken() != null) {
                throw refused(file, number, "has more behind its JSON object");
            }
            if (text == null) {
                throw refused(file, number, "has no 'text'");
            }
            // Escapes can make halves of characters, which no text in UTF-8 has.
            return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw refused(file, number, "is not valid JSON: " + BoundedJson.cause(e));
        }
    }

    private static HeadwaterException refused(Path file, int number, String what) {
        return new HeadwaterException(
                "Line %d of the corpus file %s %s; each line is a JSON object whose 'text' is a document"
                        .formatted(number, file, what));
    }

    /**
     * The next line without its end; false after the last. {@link BufferedReader#readLine} would read a line of any
     * length.
     */
    private static boolean next(BufferedReader text, StringBuilder line, Path file, int number) throws IOException {
        line.setLength(0);
        int c = text.read();
        if (c < 0) {
            return false;
        }
        for (; c >= 0 && c != '\n'; c = text.read()) {
            if (line.length() == LONGEST_LINE) {
                throw new HeadwaterException(
                        "Line %d of the corpus file %s has over %d characters; a document is one line"
                                .formatted(number, file, LONGEST_LINE));
            }
            line.append((char) c);
        }
        if (!line.isEmpty() && line.charAt(line.length() - 1) == '\r') {
            line.setLength(line.length() - 1);
        }
        return true;
    }
}
