package dev.headwater.engine.tokens;

import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * How texts are cut before byte pairs are joined, by the names that llama.cpp gives to it; the patterns are those of the
 * tokenizer.json that each name stands for.
 */
final class TextCuts {
    private static final String GPT_2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String LLAMA_3 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" + REST;
    private static final String QWEN_2 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" + REST;
    private static final String CASED =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+%1$s"
                    + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*%1$s"
                    + "|\\p{N}%2$s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final Map<String, List<String>> PATTERNS = new TreeMap<>();

    static {
        put(
                List.of(GPT_2),
                "gpt-2",
                "phi-2",
                "olmo",
                "jais",
                "roberta-bpe",
                "mpt",
                "mellum",
                "trillion",
                "granite-docling");
        put(List.of("\\p{N}", GPT_2), "smollm", "starcoder", "refact", "command-r", "codeshell", "minerva-7b");
        put(List.of("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT_2, "[0-9][0-9][0-9]"), "falcon");
        put(List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT_2, "\\p{N}+", "[0-9][0-9][0-9]"), "default");
        put(
                List.of(LLAMA_3),
                "llama3",
                "llama-v3",
                "llama-bpe",
                "dbrx",
                "smaug-bpe",
                "chatglm-bpe",
                "glm4",
                "falcon3",
                "falcon-h1",
                "midm-2.0",
                "lfm2",
                "smollm3");
        put(List.of(QWEN_2), "qwen2", "qwen3", "deepseek-r1-qwen", "kormo", "stablelm2", "megrez");
        put(List.of(String.format(Locale.ROOT, CASED, CONTRACTIONS + "?", "{1,3}")), "gpt-4o", "llama4", "gpt-oss");
        put(List.of(String.format(Locale.ROOT, CASED, "", "")), "tekken", "pixtral");
    }

    private static final Set<String> WHOLE_WORDS = Set.of(
            "llama3",
            "llama-v3",
            "llama-bpe",
            "falcon3",
            "falcon-h1",
            "midm-2.0",
            "lfm2",
            "smollm3",
            "tekken",
            "pixtral",
            "gpt-4o",
            "llama4");
    private static final Set<String> BOS =
            Set.of("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "midm-2.0", "lfm2", "tekken", "pixtral");
    private static final Set<String> COMPOSED = Set.of("qwen2", "qwen3", "deepseek-r1-qwen", "kormo", "megrez");

    private TextCuts() {}

    private static void put(List<String> patterns, String... names) {
        for (String name : names) {
            PATTERNS.put(name, patterns);
        }
    }

    /** @throws RefusedException if the name is not known here */
    static List<String> patterns(String name) {
        List<String> known = PATTERNS.get(name);
        if (name.isEmpty()) {
            throw new RefusedException(
                    "it does not say how texts are cut (no tokenizer.ggml.pre, as in files from before 2024); guessing could give other tokens, so convert the model again");
        }
        if (known == null) {
            throw new RefusedException("it cuts texts as \"" + name + "\" does, which is not known here; known are "
                    + String.join(", ", PATTERNS.keySet()));
        }
        return known;
    }

    /** Whether a word that is a token stays whole, whatever the merges say. */
    static boolean takesWholeWords(String name) {
        return WHOLE_WORDS.contains(name);
    }

    /** Whether BOS is put before texts unless the file says otherwise. */
    static boolean startsWithBos(String name) {
        return BOS.contains(name);
    }

    /** Whether texts are brought into Unicode's normal form C first. */
    static boolean composes(String name) {
        return COMPOSED.contains(name);
    }
}
