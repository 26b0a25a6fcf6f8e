package dev.headwater.engine.tokens;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A model's tokenizer: text to token ids and back, by the Hugging Face {@code tokenizer.json} of the model's directory.
 *
 * <p>Never truncates or pads, whatever the file says. Holds native memory until closed. Safe to use from several
 * threads.
 */
public final class Tokenizer implements AutoCloseable {
    /** The largest tokenizers have some 35 MB. */
    private static final long MOST_BYTES = 512L << 20;

    private final Path file;
    private final TokenizersLibrary library;
    private final SpecialTokens special;
    private final boolean cleansUpSpaces;
    private long handle;

    private Tokenizer(
            Path file, SpecialTokens special, boolean cleansUpSpaces, TokenizersLibrary library, long handle) {
        this.file = file;
        this.special = special;
        this.cleansUpSpaces = cleansUpSpaces;
        this.library = library;
        this.handle = handle;
    }

    /**
     * Opens the tokenizer of a model.
     *
     * @param modelDirectory holds {@code tokenizer.json}; {@code tokenizer_config.json} and {@code
     *      special_tokens_map.json} too, if the model has them
     * @throws HeadwaterException if there is none or it isn't valid
     */
    public static Tokenizer open(Path modelDirectory) {
        Path file = modelDirectory.toAbsolutePath().resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw new HeadwaterException("There is no tokenizer.json in " + modelDirectory
                    + ": Headwater reads Hugging Face's fast tokenizers; save the model's tokenizer in that format.");
        }
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new HeadwaterException(file + " has " + Files.size(file) + " bytes, too many for a tokenizer.");
            }
            JsonNode config = SpecialTokens.readConfig(modelDirectory.resolve("tokenizer_config.json"));
            SpecialTokens special = SpecialTokens.read(modelDirectory, config, TokenizerFile.read(file));
            TokenizersLibrary library = NativeTokenizers.library();
            long handle = library.createTokenizerFromString(Files.readString(file));
            library.disableTruncation(handle);
            library.disablePadding(handle);
            return new Tokenizer(
                    file, special, config.path("clean_up_tokenization_spaces").asBoolean(), library, handle);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException(
                    "The tokenizer in " + modelDirectory + " is not valid JSON" + BoundedJson.where(e) + ".", e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read the tokenizer in " + modelDirectory + ": " + e.getMessage(), e);
        } catch (HeadwaterException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new HeadwaterException("The tokenizer " + file + " is not valid: " + e.getMessage(), e);
        }
    }

    /**
     * Token ids of a text. Special tokens that are written out in the text become their ids.
     *
     * @param addSpecialTokens also the ones that the tokenizer puts around every text, such as BOS
     */
    public synchronized int[] encode(String text, boolean addSpecialTokens) {
        long encoding = encoding(text, addSpecialTokens);
        try {
            return Arrays.stream(library.getTokenIds(encoding))
                    .mapToInt(Math::toIntExact)
                    .toArray();
        } catch (ArithmeticException e) {
            throw new HeadwaterException(
                    "The tokenizer " + file + " has token ids that are far too large for any model.", e);
        } finally {
            library.deleteEncoding(encoding);
        }
    }

    private long encoding(String text, boolean addSpecialTokens) {
        long open = handle();
        try {
            return library.encode(open, text, addSpecialTokens);
        } catch (RuntimeException e) {
            throw new HeadwaterException("The tokenizer " + file + " cannot encode the text: " + e.getMessage(), e);
        }
    }

    /** The text of these ids, special tokens included. Ids that the vocabulary lacks have no text. */
    public synchronized String decode(int... ids) {
        for (int id : ids) {
            if (id < 0) {
                throw new HeadwaterException("Token id " + id + " is negative.");
            }
        }
        String text = library.decode(handle(), IntStream.of(ids).asLongStream().toArray(), false);
        return cleansUpSpaces ? withoutSpacesBeforePunctuation(text) : text;
    }

    /** The text of one token alone. A part of a multi-byte character reads as the replacement character. */
    public String token(int id) {
        return decode(id);
    }

    public SpecialTokens special() {
        return special;
    }

    /**
     * The ids, led by a special token: if the first is not special already, the first that exists of BOS, PAD, EOS and
     * any other
     * special one is put in front. Id 0 is passed over, as the reference does. Without any candidate the ids stay as
     * they are
     * ({@link #leadingSpecial()} is empty then, which a caller may want to say).
     */
    public int[] withLeadingSpecial(int[] ids) {
        if (ids.length > 0 && special.ids().contains(ids[0]) || leadingSpecial().isEmpty()) {
            return ids.clone();
        }
        return IntStream.concat(IntStream.of(leadingSpecial().getAsInt()), IntStream.of(ids))
                .toArray();
    }

    /** The token that {@link #withLeadingSpecial} puts in front; empty if the tokenizer has none to offer. */
    public OptionalInt leadingSpecial() {
        IntStream roles = Stream.of(special.bos(), special.pad(), special.eos()).flatMapToInt(OptionalInt::stream);
        return IntStream.concat(roles, special.ids().stream().mapToInt(Integer::intValue))
                .filter(id -> id > 0)
                .findFirst();
    }

    /**
     * How the model writes conversations. {@code encode(chatTemplate().render(messages, true), false)} is a
     * conversation's ids.
     *
     * @throws HeadwaterException if the model has no template or it isn't valid
     */
    public ChatTemplate chatTemplate() {
        return ChatTemplate.read(file.getParent(), special);
    }

    /** Distinct tokens, added ones included. Reads the whole file: a model's configuration knows it faster. */
    public int vocabSize() {
        Set<String> tokens = new HashSet<>();
        try (JsonParser parser = BoundedJson.factory().createParser(file.toFile())) {
            int depth = 0;
            while (parser.nextToken() != null) {
                depth += parser.currentToken().isStructStart()
                        ? 1
                        : parser.currentToken().isStructEnd() ? -1 : 0;
                if (depth == 1
                        && parser.currentToken() == JsonToken.FIELD_NAME
                        && parser.currentName().equals("added_tokens")) {
                    collect(parser, "content", tokens);
                } else if (depth == 2
                        && parser.currentToken() == JsonToken.FIELD_NAME
                        && parser.currentName().equals("vocab")) {
                    collect(parser, null, tokens);
                }
            }
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + file + ": " + e.getMessage(), e);
        }
        return tokens.size();
    }

    /**
     * The strings of a nested value: all under {@code field}; without one, an object's field names or the heads of a
     * list of pairs.
     */
    private static void collect(JsonParser parser, String field, Set<String> tokens) throws IOException {
        boolean object = parser.nextToken() == JsonToken.START_OBJECT;
        for (int depth = 1; depth > 0 && parser.nextToken() != null; ) {
            JsonToken at = parser.currentToken();
            depth += at.isStructStart() ? 1 : at.isStructEnd() ? -1 : 0;
            boolean wanted = field != null
                    ? at == JsonToken.VALUE_STRING && field.equals(parser.currentName())
                    : at == (object ? JsonToken.FIELD_NAME : JsonToken.VALUE_STRING);
            if (wanted) {
                tokens.add(parser.getText());
            }
        }
    }

    /** What the Python library calls clean_up_tokenization; tokenizers that ask for it are Llama 3's, among others. */
    private static String withoutSpacesBeforePunctuation(String text) {
        return text.replace(" .", ".")
                .replace(" ?", "?")
                .replace(" !", "!")
                .replace(" ,", ",")
                .replace(" ' ", "'")
                .replace(" n't", "n't")
                .replace(" 'm", "'m")
                .replace(" 's", "'s")
                .replace(" 've", "'ve")
                .replace(" 're", "'re");
    }

    private long handle() {
        if (handle == 0) {
            throw new IllegalStateException("the tokenizer is closed");
        }
        return handle;
    }

    @Override
    public synchronized void close() {
        if (handle != 0) {
            library.deleteTokenizer(handle);
            handle = 0;
        }
    }
}
