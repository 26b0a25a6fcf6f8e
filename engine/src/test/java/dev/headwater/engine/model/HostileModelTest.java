package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.model.ModelDirectories.Data;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models that are damaged, contradict themselves or are not known: one sentence that names the key or tensor. */
class HostileModelTest {
    private static final GoldenCase LLAMA = GoldenCase.of("llama-plt-relu-skip");

    @TempDir
    Path temp;

    static Stream<Arguments> badConfigs() {
        String llama = "llama-plt-relu-skip";
        String gemma2 = "gemma2-clt-jumprelu";
        String gemma3 = "gemma3-plt-gs2-affine";
        String oss = "gpt-oss-clt-relu";
        return Stream.of(
                Arguments.of(
                        llama,
                        "{\"architectures\": [\"T5Model\"], \"model_type\": \"t5\"}",
                        "'T5Model'; it knows LlamaForCausalLM"),
                Arguments.of(llama, "{\"architectures\": [17], \"model_type\": null}", "'17'"),
                Arguments.of(llama, "{\"architectures\": [], \"model_type\": \"bert\"}", "'bert'"),
                Arguments.of(llama, "{\"architectures\": null, \"model_type\": null}", "'architectures' is missing"),
                Arguments.of(
                        llama,
                        "{\"architectures\": [\"evil\\u001b[2Jname\"], \"model_type\": \"evil\"}",
                        "'evil?[2Jname'"),
                Arguments.of(llama, "{\"hidden_size\": null}", "'hidden_size' is missing"),
                Arguments.of(llama, "{\"hidden_size\": \"48\"}", "'hidden_size' is \"48\", not a whole number"),
                Arguments.of(llama, "{\"hidden_size\": 48.5}", "'hidden_size' is 48.5"),
                Arguments.of(llama, "{\"hidden_size\": -48}", "'hidden_size' is -48"),
                Arguments.of(llama, "{\"hidden_size\": 99999999999999999999}", "'hidden_size' is 99999999999999999999"),
                Arguments.of(llama, "{\"num_hidden_layers\": 2000000000}", "'num_hidden_layers' is 2000000000"),
                Arguments.of(llama, "{\"num_hidden_layers\": 0}", "'num_hidden_layers' is 0"),
                Arguments.of(llama, "{\"num_hidden_layers\": 5}", "'model.layers.4.input_layernorm.weight'"),
                Arguments.of(
                        llama,
                        "{\"num_key_value_heads\": 3}",
                        "'num_key_value_heads' is 3, which does not divide the 4"),
                Arguments.of(llama, "{\"num_key_value_heads\": 4}", "'model.layers.0.self_attn.k_proj.weight'"),
                Arguments.of(
                        llama,
                        "{\"num_attention_heads\": 5, \"num_key_value_heads\": 5, \"head_dim\": null}",
                        "'hidden_size' is 48, which 5"),
                Arguments.of(
                        llama,
                        "{\"head_dim\": 13}",
                        "'head_dim' is 13, of which 13 turn, but rotary positions need pairs"),
                Arguments.of(llama, "{\"head_dim\": 2147483647}", "'head_dim' is 2147483647"),
                Arguments.of(llama, "{\"intermediate_size\": 97}", "'model.layers.0.mlp.gate_proj.weight'"),
                Arguments.of(llama, "{\"vocab_size\": 321}", "'model.embed_tokens.weight'"),
                Arguments.of(llama, "{\"tie_word_embeddings\": false}", "'lm_head.weight'"),
                Arguments.of(
                        llama,
                        "{\"tie_word_embeddings\": \"yes\"}",
                        "'tie_word_embeddings' is \"yes\", neither true nor false"),
                Arguments.of(llama, "{\"attention_bias\": true}", "'model.layers.0.self_attn.q_proj.bias'"),
                Arguments.of(llama, "{\"mlp_bias\": true}", "'model.layers.0.mlp.gate_proj.bias'"),
                Arguments.of(llama, "{\"rms_norm_eps\": 0}", "'rms_norm_eps' is 0"),
                Arguments.of(llama, "{\"rms_norm_eps\": NaN}", "'rms_norm_eps' is"),
                Arguments.of(llama, "{\"hidden_act\": \"sine\"}", "'hidden_act' is 'sine'"),
                Arguments.of(llama, "{\"hidden_act\": [\"silu\"]}", "'hidden_act' is [\"silu\"], not a text"),
                Arguments.of(llama, "{\"rope_theta\": 1}", "'rope_theta' is 1.0"),
                Arguments.of(llama, "{\"rope_theta\": 1e400}", "'rope_theta' is"),
                Arguments.of(llama, "{\"rope_scaling\": 3}", "'rope_scaling' is not an object"),
                Arguments.of(
                        llama,
                        "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2, \"alpha\": 3}}",
                        "does not know what 'rope_scaling.alpha' means"),
                Arguments.of(llama, "{\"rope_scaling\": {\"type\": \"spiral\"}}", "'rope_scaling.type' is 'spiral'"),
                Arguments.of(
                        llama, "{\"rope_scaling\": {\"rope_type\": \"linear\"}}", "'rope_scaling.factor' is missing"),
                Arguments.of(
                        llama,
                        "{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4, "
                                + "\"original_max_position_embeddings\": 32}}",
                        "'rope_scaling.high_freq_factor' must be above"),
                Arguments.of(llama, "{\"partial_rotary_factor\": 0.5}", "'partial_rotary_factor'"),
                Arguments.of(
                        llama,
                        "{\"quantization_config\": {\"quant_method\": \"gptq\"}}",
                        "'quantization_config.quant_method' is 'gptq'"),
                Arguments.of(gemma2, "{\"layer_types\": [\"full_attention\"]}", "'layer_types' is not a list of 3"),
                Arguments.of(
                        gemma2,
                        "{\"layer_types\": [\"full_attention\", \"linear_attention\", \"full_attention\"]}",
                        "'linear_attention' at layer 1"),
                Arguments.of(gemma2, "{\"sliding_window\": 0}", "'sliding_window' is 0"),
                Arguments.of(gemma2, "{\"sliding_window\": null}", "'sliding_window' is missing"),
                Arguments.of(gemma2, "{\"query_pre_attn_scalar\": -1}", "'query_pre_attn_scalar' is -1"),
                Arguments.of(gemma2, "{\"attn_logit_softcapping\": \"50\"}", "'attn_logit_softcapping' is \"50\""),
                Arguments.of(
                        gemma3, "{\"use_bidirectional_attention\": true}", "'use_bidirectional_attention' is true"),
                Arguments.of(gemma3, "{\"text_config\": []}", "'text_config' is not an object"),
                Arguments.of(
                        gemma3, "{\"text_config\": {\"hidden_size\": \"x\"}}", "'text_config.hidden_size' is \"x\""),
                Arguments.of(
                        oss,
                        "{\"num_experts_per_tok\": 5}",
                        "'num_experts_per_tok' is 5, not a whole number from 1 to 4"),
                Arguments.of(oss, "{\"num_local_experts\": 8}", "'model.layers.0.mlp.router.weight'"),
                Arguments.of("gpt2-plt-relu", "{\"n_head\": 7}", "'n_embd' is 48, which 7"),
                Arguments.of("gpt2-plt-relu", "{\"n_layer\": \"three\"}", "'n_layer' is \"three\""),
                Arguments.of(
                        "gpt2-plt-relu", "{\"scale_attn_by_inverse_layer_idx\": true}", "'scale_attn_weights' and"),
                Arguments.of("gpt2-plt-relu", "{\"n_positions\": 65}", "'transformer.wpe.weight'"));
    }

    @ParameterizedTest
    @MethodSource("badConfigs")
    void configurationIsRefusedByNameOfItsKeyOrTensor(String golden, String changes, String expected)
            throws IOException {
        GoldenCase base = GoldenCase.of(golden);
        Path directory = ModelDirectories.changed(
                temp.resolve("model"),
                base,
                config -> {
                    try {
                        config.setAll((ObjectNode) BoundedJson.mapper().readTree(changes));
                    } catch (IOException impossible) {
                        throw new AssertionError(impossible);
                    }
                },
                weights -> {});
        assertRefused(directory, expected);
    }

    @Test
    void missingDirectoryAndFilesAreNamed() throws IOException {
        assertRefused(temp.resolve("nowhere"), "There is no model directory");
        assertRefused(temp, "There is no file " + temp.resolve("config.json"));
        Files.copy(LLAMA.modelDirectory().resolve("config.json"), temp.resolve("config.json"));
        assertRefused(temp, "holds no weights");
        Files.writeString(temp.resolve("config.json"), "[]");
        assertRefused(temp, "holds no JSON object");
    }

    @Test
    void tensorsThatAreMissingOrOfTheWrongKindAreNamed() throws IOException {
        refuse(
                "embedding",
                weights -> weights.remove("model.embed_tokens.weight"),
                "has no tensor 'model.embed_tokens.weight'");
        refuse("norm", weights -> weights.remove("model.norm.weight"), "'model.norm.weight'");
        refuse(
                "integers",
                weights -> weights.put("model.norm.weight", new Data(DType.I32, new long[] {48}, new byte[192])),
                "'model.norm.weight'");
        refuse(
                "quantised",
                weights -> weights.put(
                        "model.layers.1.mlp.up_proj.weight",
                        new Data(DType.I8, new long[] {96, 48}, new byte[96 * 48])),
                "holds I8; Headwater needs floating-point weights");
        refuse(
                "shape",
                weights ->
                        weights.put("model.layers.2.self_attn.o_proj.weight", Data.floats(new float[48 * 48], 24, 96)),
                "'model.layers.2.self_attn.o_proj.weight' in " + temp.resolve("shape")
                        + " has shape [24, 96], but its configuration makes it [48, 48]");
    }

    private void refuse(String name, java.util.function.Consumer<Map<String, Data>> damage, String expected)
            throws IOException {
        assertRefused(ModelDirectories.changed(temp.resolve(name), LLAMA, config -> {}, damage), expected);
    }

    @Test
    void weightsThatAreNotNumbersAreNoticed() throws IOException {
        Path directory = ModelDirectories.changed(temp.resolve("nan"), LLAMA, config -> {}, weights -> {
            float[] gain = new float[48];
            gain[7] = Float.NaN;
            weights.put("model.layers.2.input_layernorm.weight", Data.floats(gain, 48));
        });
        try (LanguageModel model = LanguageModel.load(directory, DType.F32, Device.CPU)) {
            String message = assertThrows(
                            HeadwaterException.class, () -> model.forward(LLAMA.tokens(), TraceRequest.LAST_LOGITS))
                    .getMessage();
            assertTrue(message.contains("not finite") && message.contains(directory.toString()), message);
        }
    }

    @Test
    void promptsThatDoNotFitAreRefused() {
        try (LanguageModel model = LLAMA.load();
                KvCache cache = model.cache(4)) {
            assertPromptRefused(model, new int[0], null, "at least one token");
            assertPromptRefused(
                    model, new int[257], null, "has 257 tokens, but " + LLAMA.modelDirectory() + " takes at most 256");
            assertPromptRefused(model, new int[] {1, 320}, null, "Token id 320 at position 1");
            assertPromptRefused(model, new int[] {-1}, null, "Token id -1 at position 0");
            assertPromptRefused(model, new int[5], cache, "has 5 tokens, but the cache takes at most 4");
            model.forward(new int[3], TraceRequest.LAST_LOGITS, Hooks.NONE, cache)
                    .close();
            assertPromptRefused(model, new int[2], cache, "has 5 tokens");
            assertPromptRefused(model, new int[] {999}, cache, "Token id 999 at position 3");
        }
    }

    private static void assertPromptRefused(LanguageModel model, int[] tokens, KvCache cache, String expected) {
        String message = assertThrows(
                        UsageException.class, () -> model.forward(tokens, TraceRequest.LAST_LOGITS, Hooks.NONE, cache))
                .getMessage();
        assertTrue(message.contains(expected), message);
    }

    private static void assertRefused(Path directory, String expected) {
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> LanguageModel.load(directory, DType.F32, Device.CPU)
                                .close())
                .getMessage();
        assertTrue(message.contains(expected), "expected '" + expected + "' in: " + message);
        assertFalse(message.contains("\n"), message);
    }
}
