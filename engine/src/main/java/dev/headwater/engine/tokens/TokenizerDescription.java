package dev.headwater.engine.tokens;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer that does not come from a tokenizer.json: what GGUF files say of theirs.
 *
 * @param source        the file, for errors
 * @param kind          how tokens are made of a text
 * @param preTokenizer  for {@link Kind#BYTE_PAIRS}, how texts are cut, by llama.cpp's names: {@code llama-bpe}, {@code qwen2}, ...
 * @param tokens        by id
 * @param types         by id, in llama.cpp's numbers: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte; empty: all normal
 * @param scores        by id, for {@link Kind#SENTENCE_PIECE} and {@link Kind#UNIGRAM}; else empty
 * @param merges        pairs with a space between them, lowest rank first, for {@link Kind#BYTE_PAIRS}; else empty
 * @param roles         ids by role: {@code bos_token}, {@code eos_token}, {@code unk_token}, {@code pad_token}, ...
 * @param addsBos       whether BOS is put before every text
 * @param addsEos       whether EOS is put behind every text
 * @param addsSpace     whether a space is put before a text, and behind special tokens in it
 * @param chatTemplate  null if there is none
 */
public record TokenizerDescription(
        String source,
        Kind kind,
        String preTokenizer,
        List<String> tokens,
        List<Integer> types,
        List<Double> scores,
        List<String> merges,
        Map<String, Integer> roles,
        boolean addsBos,
        boolean addsEos,
        boolean addsSpace,
        @Nullable String chatTemplate) {
    /** How tokens are made. */
    public enum Kind {
        /** Bytes, joined by a list of merges: GPT-2's, Llama 3's, Qwen's. */
        BYTE_PAIRS,
        /** Characters, joined to the token of the highest score, with tokens for bytes: Llama 2's, Gemma's. */
        SENTENCE_PIECE,
        /** The cut with the highest sum of scores: T5's. */
        UNIGRAM
    }

    public TokenizerDescription {
        tokens = List.copyOf(tokens);
        types = List.copyOf(types);
        scores = List.copyOf(scores);
        merges = List.copyOf(merges);
        roles = Map.copyOf(roles);
    }
}
