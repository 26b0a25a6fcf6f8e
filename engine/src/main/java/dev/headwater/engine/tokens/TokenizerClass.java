package dev.headwater.engine.tokens;

import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the Python class that a repository names for its tokenizer does beyond {@code tokenizer.json} (transformers 4.57).
 *
 * @param defaults      tokens with a role, where no file says anything about the role
 * @param sentencePiece whether a given {@code add_prefix_space} makes the class read {@code tokenizer.model} anew
 * @param around        which tokens the class puts around a text, whatever tokenizer.json says; null if it leaves that alone
 */
record TokenizerClass(
        Map<String, String> defaults,
        boolean sentencePiece,
        @Nullable Around around) {
    /** Where the configuration says nothing of {@code add_bos_token} and {@code add_eos_token}. */
    record Around(boolean bos, boolean eos) {}

    private static final String END_OF_TEXT = "<|endoftext|>";
    private static final TokenizerClass PLAIN = new TokenizerClass(Map.of(), false, null);
    private static final TokenizerClass GPT_2 = new TokenizerClass(
            Map.of("unk_token", END_OF_TEXT, "bos_token", END_OF_TEXT, "eos_token", END_OF_TEXT), false, null);
    private static final Map<String, String> LLAMA_TOKENS =
            Map.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>");

    private static final Map<String, TokenizerClass> BY_NAME = Map.ofEntries(
            Map.entry("PreTrainedTokenizer", PLAIN),
            Map.entry("TokenizersBackend", PLAIN),
            Map.entry("GPT2Tokenizer", GPT_2),
            Map.entry("GPTNeoXTokenizer", new TokenizerClass(GPT_2.defaults, false, new Around(false, false))),
            Map.entry(
                    "Qwen2Tokenizer",
                    new TokenizerClass(
                            Map.of("unk_token", END_OF_TEXT, "eos_token", END_OF_TEXT, "pad_token", END_OF_TEXT),
                            false,
                            null)),
            Map.entry("LlamaTokenizer", new TokenizerClass(LLAMA_TOKENS, true, new Around(true, false))),
            Map.entry("CodeLlamaTokenizer", new TokenizerClass(LLAMA_TOKENS, true, new Around(true, false))),
            Map.entry(
                    "GemmaTokenizer",
                    new TokenizerClass(
                            Map.of(
                                    "unk_token",
                                    "<unk>",
                                    "bos_token",
                                    "<bos>",
                                    "eos_token",
                                    "<eos>",
                                    "pad_token",
                                    "<pad>"),
                            false,
                            new Around(true, false))));

    /** The class of a model's type, for repositories that name none; of those with a class of their own. */
    private static final Map<String, String> BY_MODEL = Map.ofEntries(
            Map.entry("gemma", "GemmaTokenizer"),
            Map.entry("gemma2", "GemmaTokenizer"),
            Map.entry("gemma3", "GemmaTokenizer"),
            Map.entry("gemma3_text", "GemmaTokenizer"),
            Map.entry("gpt2", "GPT2Tokenizer"),
            Map.entry("gpt_neox", "GPTNeoXTokenizer"),
            Map.entry("llama", "LlamaTokenizer"),
            Map.entry("mistral", "LlamaTokenizer"),
            Map.entry("phi3", "LlamaTokenizer"),
            Map.entry("olmo", "GPTNeoXTokenizer"),
            Map.entry("olmo2", "GPTNeoXTokenizer"),
            Map.entry("olmo3", "GPT2Tokenizer"),
            Map.entry("granite", "GPT2Tokenizer"),
            Map.entry("qwen2", "Qwen2Tokenizer"),
            Map.entry("qwen3", "Qwen2Tokenizer"));

    /**
     * A class by its name, with or without {@code Fast} at its end; else by the model's type.
     *
     * @param name null if no file names one
     * @throws RefusedException if the class is not known here
     */
    static TokenizerClass of(String name, String modelType) {
        String named = name != null ? name : BY_MODEL.getOrDefault(modelType, "PreTrainedTokenizer");
        TokenizerClass known = BY_NAME.get(named.endsWith("Fast") ? named.substring(0, named.length() - 4) : named);
        if (known == null) {
            throw new RefusedException("the configuration names the tokenizer class " + named
                    + ", whose rules are not known here; known are "
                    + String.join(", ", BY_NAME.keySet().stream().sorted().toList()));
        }
        return known;
    }

    static List<String> names() {
        return BY_NAME.keySet().stream().sorted().toList();
    }
}
