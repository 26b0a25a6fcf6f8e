package dev.headwater.engine.tokens;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.gguf.GgufFile;
import dev.headwater.engine.tokens.pipeline.Pipeline;
import dev.headwater.engine.tokens.pipeline.TokenizerFile;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A model's tokenizer: text to token ids and back, by the Hugging Face {@code tokenizer.json} of the model's directory and the files
 * beside it, just as transformers' AutoTokenizer reads them.
 *
 * <p>Never truncates or pads, whatever the file says. Immutable: safe to use from several threads.
 */
public final class Tokenizer {
    /** The largest tokenizers have some 35 MB. */
    private static final long MOST_BYTES = 512L << 20;

    private final Path file;
    private final Pipeline pipeline;
    private final SpecialTokens special;
    private final boolean cleansUpSpaces;
    /** Null if the files beside tokenizer.json say it. */
    private final @Nullable String chatTemplate;

    private Tokenizer(
            Path file,
            Pipeline pipeline,
            SpecialTokens special,
            boolean cleansUpSpaces,
            @Nullable String chatTemplate) {
        this.file = file;
        this.pipeline = pipeline;
        this.special = special;
        this.cleansUpSpaces = cleansUpSpaces;
        this.chatTemplate = chatTemplate;
    }

    /**
     * The tokenizer of a description.
     *
     * @throws HeadwaterException if it isn't valid, or it says what can't be done faithfully
     */
    public static Tokenizer of(TokenizerDescription description) {
        try {
            Pipeline pipeline = new DescribedPipeline(description).pipeline();
            Map<String, String> roles = new LinkedHashMap<>();
            for (String role : TokenizerConfig.ROLES) {
                if (description.roles().containsKey(role)) {
                    roles.put(role, description.tokens().get(description.roles().get(role)));
                }
            }
            SpecialTokens special = SpecialTokens.of(pipeline, roles, List.copyOf(roles.values()));
            return new Tokenizer(Path.of(description.source()), pipeline, special, false, description.chatTemplate());
        } catch (RefusedException e) {
            throw new HeadwaterException(
                    "The tokenizer in " + description.source() + " cannot be used: " + e.getMessage() + ".", e);
        }
    }

    private static Tokenizer openGguf(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            return of(GgufTokenizer.describe(file.metadata()));
        }
    }

    /**
     * Opens the tokenizer of a model.
     *
     * @param modelDirectory a GGUF file, or a directory that holds {@code tokenizer.json}; {@code tokenizer_config.json}, {@code special_tokens_map.json} and
     *     {@code added_tokens.json} too, if the model has them
     * @throws HeadwaterException if there is none, it isn't valid, or it says what can't be done faithfully
     */
    public static Tokenizer open(Path modelDirectory) {
        if (GgufFile.isGguf(modelDirectory)) {
            return openGguf(modelDirectory);
        }
        Path file = modelDirectory.toAbsolutePath().resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw new HeadwaterException("There is no tokenizer.json in " + modelDirectory
                    + ": Headwater reads Hugging Face's fast tokenizers; save the model's tokenizer in that format.");
        }
        try (InputStream in = Files.newInputStream(file)) {
            if (Files.size(file) > MOST_BYTES) {
                throw new HeadwaterException(file + " has " + Files.size(file) + " bytes, too many for a tokenizer.");
            }
            TokenizerConfig config = TokenizerConfig.read(modelDirectory);
            Pipeline pipeline = config.pipeline(TokenizerFile.read(in));
            return new Tokenizer(
                    file,
                    pipeline,
                    SpecialTokens.of(pipeline, config.roles(), config.special()),
                    config.cleansUpSpaces(),
                    null);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException(
                    "The tokenizer in " + modelDirectory + " is not valid JSON" + BoundedJson.where(e) + ".", e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read the tokenizer in " + modelDirectory + ": " + e.getMessage(), e);
        } catch (RefusedException e) {
            throw new HeadwaterException("The tokenizer " + file + " cannot be used: " + e.getMessage() + ".", e);
        } catch (HeadwaterException e) {
            throw e;
        } catch (RuntimeException | StackOverflowError e) {
            throw new HeadwaterException("The tokenizer " + file + " is not valid: " + e + ".", e);
        }
    }

    /**
     * Token ids of a text. Special tokens that are written out in the text become their ids.
     *
     * @param addSpecialTokens also the ones that the tokenizer puts around every text, such as BOS
     * @throws HeadwaterException if the text is not valid Unicode, too long, or has a character that the tokenizer has no token for
     */
    public int[] encode(String text, boolean addSpecialTokens) {
        Unicode.check(text);
        try {
            return pipeline.encode(text, addSpecialTokens);
        } catch (RefusedException e) {
            throw new HeadwaterException(
                    "The tokenizer " + file + " cannot encode the text: " + e.getMessage() + ".", e);
        }
    }

    /** The text of these ids, special tokens included. Ids that the vocabulary lacks have no text. */
    public String decode(int... ids) {
        for (int id : ids) {
            if (id < 0) {
                throw new HeadwaterException("Token id " + id + " is negative.");
            }
        }
        try {
            String text = pipeline.decode(ids);
            return cleansUpSpaces ? withoutSpacesBeforePunctuation(text) : text;
        } catch (RefusedException e) {
            throw new HeadwaterException("The tokenizer " + file + " cannot decode tokens: " + e.getMessage() + ".", e);
        }
    }

    /** The text of one token alone. A part of a multi-byte character reads as the replacement character. */
    public String token(int id) {
        return decode(id);
    }

    /**
     * What a token adds to a text in the middle of it, as UTF-8: a leading space stays, and the token may hold a part of a character
     * alone. Empty if no token has the id.
     */
    public byte[] bytes(int id) {
        try {
            return pipeline.bytes(id);
        } catch (RefusedException e) {
            throw new HeadwaterException("The tokenizer " + file + " cannot decode tokens: " + e.getMessage() + ".", e);
        }
    }

    /**
     * Which tokens of a text make whole characters together: the bytes of one character are one span.
     *
     * @param ids the tokens of a text in order
     */
    public List<TokenSpan> spans(int... ids) {
        return TokenSpan.of(this, ids);
    }

    /**
     * A token for people: its text in quotation marks with the space that belongs to it, or, where it is a part of a
     * character, its bytes and its id.
     */
    public String quoted(int id) {
        String text = token(id);
        return text.indexOf('\uFFFD') < 0 ? "\"" + text + "\"" : bytesOf(bytes(id)) + " #" + id;
    }

    /** {@code byte 0xE6}, {@code bytes 0xE6 0x97}. */
    private static String bytesOf(byte[] bytes) {
        StringBuilder said = new StringBuilder(bytes.length == 1 ? "byte" : "bytes");
        for (byte each : bytes) {
            said.append(String.format(Locale.ROOT, " 0x%02X", each & 0xFF));
        }
        return said.toString();
    }

    /** {@return BOS, EOS and their like} */
    public SpecialTokens special() {
        return special;
    }

    /**
     * The ids, led by a special token: if the first is not special already, the first that exists of BOS, PAD, EOS and any other
     * special one is put in front. Id 0 is passed over, as the reference does. Without any candidate the ids stay as they are
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
     * How the model writes conversations. {@code encode(chatTemplate().render(conversation), false)} is a conversation's ids.
     *
     * @throws HeadwaterException if the model has no template or it isn't valid
     */
    public ChatTemplate chatTemplate() {
        return chatTemplate != null
                ? ChatTemplate.of(chatTemplate, special)
                : ChatTemplate.read(file.toAbsolutePath().resolveSibling(""), special);
    }

    /** Distinct tokens, added ones included. */
    public int vocabSize() {
        return pipeline.size();
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
}
