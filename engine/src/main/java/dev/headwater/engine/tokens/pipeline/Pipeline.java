package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.pipeline.AddedTokens.Added;
import dev.headwater.engine.tokens.pipeline.PostProcessor.Template.Piece;
import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A whole tokenizer: what stands in tokenizer.json, put to work. Gives the same tokens as Hugging Face's tokenizers library.
 * Immutable, for several threads.
 */
public final class Pipeline {
    private final @Nullable PreTokenizer preTokenizer;
    private final Model model;
    private final @Nullable PostProcessor postProcessor;
    private final @Nullable Decoder decoder;
    private final AddedTokens added;

    Pipeline(
            @Nullable Normalizer normalizer,
            @Nullable PreTokenizer preTokenizer,
            Model model,
            @Nullable PostProcessor postProcessor,
            @Nullable Decoder decoder,
            List<Added> added,
            boolean passesSpecial) {
        this.preTokenizer = preTokenizer;
        this.model = model;
        this.postProcessor = postProcessor;
        this.decoder = decoder;
        this.added = new AddedTokens(model, normalizer, added, passesSpecial);
    }

    private Pipeline(
            @Nullable PreTokenizer preTokenizer,
            Model model,
            PostProcessor postProcessor,
            @Nullable Decoder decoder,
            AddedTokens added) {
        this.preTokenizer = preTokenizer;
        this.model = model;
        this.postProcessor = postProcessor;
        this.decoder = decoder;
        this.added = added;
    }

    /** The same with these tokens around each text, in the place of what tokenizer.json says. */
    public Pipeline around(int[] before, int[] after) {
        List<Piece> pieces = List.of(new Piece(-1, before), new Piece(0, null), new Piece(-1, after));
        return new Pipeline(preTokenizer, model, new PostProcessor.Template(pieces, pieces), decoder, added);
    }

    /**
     * Token ids of a text.
     *
     * @param text    without halves of surrogate pairs
     * @param special whether special tokens are put around it
     * @throws RefusedException if the text is too long or too much work, or has a character that the model has no token for
     */
    public int[] encode(String text, boolean special) {
        Ids ids = new Ids();
        Steps steps = Steps.forText(text.length());
        Consumer<Text> words = word -> model.tokens(word.chars(), steps, ids);
        if (!text.isEmpty()) {
            added.cut(Text.of(text), steps, ids::add, part -> {
                if (preTokenizer == null) {
                    words.accept(part);
                } else {
                    preTokenizer.cut(part, steps, words);
                }
            });
        }
        if (postProcessor == null) {
            return ids.toArray();
        }
        Ids all = new Ids();
        postProcessor.process(List.of(ids.toArray()), special).forEach(all::addAll);
        return all.toArray();
    }

    /** The text of tokens, special ones included; ids without a token have no text. */
    public String decode(int... ids) {
        List<String> tokens = new ArrayList<>();
        for (int id : ids) {
            String token = added.token(id);
            if (token != null) {
                tokens.add(token);
            }
        }
        if (decoder == null) {
            return String.join(" ", tokens);
        }
        return tokens.isEmpty() ? "" : String.join("", decoder.decode(tokens, Steps.forText(16L * ids.length)));
    }

    /** What a token adds to a text in the middle of it, UTF-8; it may be a part of a character. Empty if there is no such token. */
    public byte[] bytes(int id) {
        String token = added.token(id);
        if (token == null) {
            return new byte[0];
        }
        byte[] utf8 = token.getBytes(StandardCharsets.UTF_8);
        return decoder == null || added.tokens().containsKey(id)
                ? utf8
                : decoder.bytes(utf8, Steps.forText(token.length()));
    }

    /** -1 if there is no such token. */
    public int id(String token) {
        return added.id(token);
    }

    /** As it stands in the vocabulary; null if no token has the id. */
    public @Nullable String token(int id) {
        return added.token(id);
    }

    /** Tokens beside the model's own, and those of its own with a role, by id. */
    public Map<Integer, Added> added() {
        return added.tokens();
    }

    /** Distinct tokens. */
    public int size() {
        return added.size();
    }
}
