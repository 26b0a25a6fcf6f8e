package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.gguf.RawGguf;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** GGUF files that are no language model, or one that is not known: one sentence that names the key or tensor. */
class HostileGgufTest {
    private static final int WIDTH = 8;
    private static final int VOCABULARY = 11;

    @TempDir
    Path temp;

    private static RawGguf sound() {
        RawGguf raw = new RawGguf()
                .with("general.architecture", "llama")
                .with("general.type", "model")
                .with("llama.block_count", 1)
                .with("llama.context_length", 32)
                .with("llama.embedding_length", WIDTH)
                .with("llama.feed_forward_length", 12)
                .with("llama.attention.head_count", 2)
                .with("llama.attention.head_count_kv", 1)
                .with("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .with("llama.vocab_size", VOCABULARY + 7);
        for (String tensor : new String[] {
            "token_embd 11 8",
            "output_norm 8",
            "blk.0.attn_norm 8",
            "blk.0.attn_q 8 8",
            "blk.0.attn_k 4 8",
            "blk.0.attn_v 4 8",
            "blk.0.attn_output 8 8",
            "blk.0.ffn_norm 8",
            "blk.0.ffn_gate 12 8",
            "blk.0.ffn_up 12 8",
            "blk.0.ffn_down 8 12"
        }) {
            String[] parts = tensor.split(" ");
            long[] shape = new long[parts.length - 1];
            int count = 1;
            for (int i = 0; i < shape.length; i++) {
                shape[i] = Long.parseLong(parts[i + 1]);
                count *= (int) shape[i];
            }
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = (i * 7919 % 13 - 6) / 6f;
            }
            raw.floats(parts[0] + ".weight", values, shape);
        }
        return raw;
    }

    private Path file(Consumer<RawGguf> change) {
        RawGguf raw = sound();
        change.accept(raw);
        return raw.write(temp.resolve("sha256-of-it"));
    }

    private void assertRefused(String part, Consumer<RawGguf> change) {
        Path file = file(change);
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> LanguageModel.load(file, DType.F32, Device.CPU).close())
                .getMessage();
        assertTrue(message.contains(part) && message.contains(file.toString()), message);
    }

    @Test
    void theVocabularyIsTheTensorsAndTheUnembeddingTheEmbedding() {
        try (LanguageModel model = LanguageModel.load(file(raw -> {}), DType.F32, Device.CPU);
                Trace trace = model.forward(new int[] {1, 2, 3}, TraceRequest.LAST_LOGITS)) {
            assertEquals(VOCABULARY, model.config().vocab());
            assertEquals(VOCABULARY, trace.logits().size(1));
            assertTrue(model.config().tied());
        }
    }

    @Test
    void saysWhatItDoesNotKnow() {
        assertRefused(
                "'general.architecture' is 'bert', which Headwater does not know; it knows llama, ",
                raw -> raw.with("general.architecture", "bert"));
        assertRefused("'general.architecture' is missing", raw -> raw.without("general.architecture"));
        assertRefused("'general.type' is 'adapter'", raw -> raw.with("general.type", "adapter"));
        assertRefused("'general.type' is 'mmproj'", raw -> raw.with("general.type", "mmproj"));
        assertRefused(
                "'llama.pooling_type' says that this is an embedding model", raw -> raw.with("llama.pooling_type", 3));
        assertRefused("'llama.attention.causal' is false", raw -> raw.with("llama.attention.causal", false));
        assertRefused(
                "'llama.attention.flavour' is a key that Headwater does not know",
                raw -> raw.with("llama.attention.flavour", 2));
        assertRefused(
                "'llama.attention.value_length' is not the length of keys",
                raw -> raw.with("llama.attention.key_length", 4).with("llama.attention.value_length", 8));
        assertRefused("'llama.rope.scaling.type' is 'spiral'", raw -> raw.with("llama.rope.scaling.type", "spiral"));
        assertRefused("'partial_rotary_factor' is below 1", raw -> raw.with("llama.rope.dimension_count", 2));
        assertRefused(
                "'llama.feed_forward_length' differs between layers",
                raw -> raw.with("llama.feed_forward_length", new int[] {12, 13}));
        assertRefused("'llama.block_count' is not a number", raw -> raw.with("llama.block_count", "one"));
        assertRefused("'llama.embedding_length' is missing", raw -> raw.without("llama.embedding_length"));
        assertRefused("'llama.context_length' is missing", raw -> raw.without("llama.context_length"));
        assertRefused(
                "'llama.embedding_length' is 8, which 3 attention heads do not divide",
                raw -> raw.with("llama.attention.head_count", 3));
        assertRefused(
                "holds the tensor 'blk.0.attn_gate.weight'",
                raw -> raw.floats("blk.0.attn_gate.weight", new float[8], 8));
        assertRefused("There is no tensor 'blk.1.attn_norm.weight'", raw -> raw.with("llama.block_count", 2));
        assertRefused("'blk.0.ffn_gate.weight'", raw -> raw.with("llama.feed_forward_length", 13));
        assertRefused("no tensor 'token_embd.weight'", raw -> raw.withoutTensors());
    }

    /** A download that was broken off, wherever. */
    @Test
    void cutOffAnywhere() throws IOException {
        byte[] whole = Files.readAllBytes(Path.of("src/test/resources/golden-gguf/llama-plt-relu-skip.gguf"));
        for (int part = 0; part < 20; part++) {
            Path file = Files.write(temp.resolve("cut"), Arrays.copyOf(whole, whole.length / 20 * part));
            String message = assertThrows(
                            HeadwaterException.class,
                            () -> ReplacementModel.ofNeurons(
                                            file, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))
                                    .close())
                    .getMessage();
            assertTrue(message.contains(file.toString()) && message.length() < 400, message);
        }
    }

    private static RawGguf withTokens(RawGguf raw, String... tokens) {
        return raw.with("tokenizer.ggml.model", "gpt2")
                .with("tokenizer.ggml.tokens", tokens)
                .with("tokenizer.ggml.merges", new String[] {"a b"});
    }

    @Test
    void tokensAreCutAsTheFileSaysOrNotAtAll() {
        String[] tokens = {"a", "b", "ab", "c"};
        Path old = file(raw -> withTokens(raw, tokens));
        String message = assertThrows(HeadwaterException.class, () -> Tokenizer.open(old))
                .getMessage();
        assertTrue(message.contains("no tokenizer.ggml.pre") && message.contains(old.toString()), message);
        Path strange = file(raw -> withTokens(raw, tokens).with("tokenizer.ggml.pre", "by-ear"));
        message = assertThrows(HeadwaterException.class, () -> Tokenizer.open(strange))
                .getMessage();
        assertTrue(message.contains("\"by-ear\"") && message.contains("gpt-2"), message);
    }

    /** "default" is a name too: digits come by threes, where GPT-2's cut leaves a number whole. */
    @Test
    void theDefaultCutIsThatOfLlamaCpp() {
        for (String cut : List.of("default", "gpt-2")) {
            Path file = file(raw -> withTokens(raw, "1", "2", "3", "4", "12", "123", "1234")
                    .with("tokenizer.ggml.merges", new String[] {"1 2", "12 3", "123 4"})
                    .with("tokenizer.ggml.pre", cut));
            int[] ids = Tokenizer.open(file).encode("1234", false);
            assertArrayEquals(cut.equals("default") ? new int[] {5, 3} : new int[] {6}, ids, cut);
        }
    }

    /** The vocabulary's rows beyond the tokens are tokens without a text. */
    @Test
    void fewerTokensThanTheVocabularyHasRows() {
        Path file = file(raw -> withTokens(raw, "a", "b", "ab", "c").with("tokenizer.ggml.pre", "gpt-2"));
        try (ReplacementModel model =
                        ReplacementModel.ofNeurons(file, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
                AttributionGraph graph = Attribution.of(
                        model,
                        model.prompt(new int[] {0, VOCABULARY - 1, 2}),
                        AttributionOptions.DEFAULT
                                .withMaxFeatures(5)
                                .withTargets(new OutputTargets.Salient(VOCABULARY, 1)),
                        Progress.NONE)) {
            assertEquals(List.of("a", "", "ab"), graph.prompt().texts());
            assertEquals(VOCABULARY, graph.targets().size());
        }
    }
}
