package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Configurations as the hub has them, down to the keys that they leave out. */
class ModelConfigTest {
    @TempDir
    Path temp;

    private ModelConfig read(String json) throws IOException {
        Files.writeString(temp.resolve("config.json"), json);
        return ModelConfig.read(temp);
    }

    private static int[] layersWithWindow(ModelConfig model) {
        return IntStream.range(0, model.layers())
                .filter(l -> model.attention().layers().get(l).window() > 0)
                .toArray();
    }

    @Test
    void llama32() throws IOException {
        ModelConfig model = read("""
                {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 128000, "head_dim": 64, "hidden_act": "silu",
                 "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama",
                 "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
                 "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
                 "rope_type": "llama3"}, "rope_theta": 500000.0, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "vocab_size": 128256}""");
        assertEquals(
                new Rope(64, 500000, new Rope.Llama3(32, 1, 4, 8192)),
                model.attention().layers().getFirst().rope());
        assertEquals(new ModelConfig.Gated(8192, Activation.SILU, false), model.mlp());
        assertEquals(4, model.attention().group());
        assertEquals(0.125, model.attention().scale());
        assertTrue(model.tied());
    }

    @Test
    void gemma2WithoutLayerTypes() throws IOException {
        ModelConfig model = read("""
                {"architectures": ["Gemma2ForCausalLM"], "attention_bias": false, "attn_logit_softcapping": 50.0, "cache_implementation": "hybrid",
                 "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
                 "hidden_size": 2304, "intermediate_size": 9216, "max_position_embeddings": 8192, "model_type": "gemma2",
                 "num_attention_heads": 8, "num_hidden_layers": 26, "num_key_value_heads": 4, "query_pre_attn_scalar": 256,
                 "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "vocab_size": 256000}""");
        assertEquals(
                IntStream.range(0, 13).map(i -> 2 * i).boxed().toList(),
                IntStream.of(layersWithWindow(model)).boxed().toList());
        assertEquals(4096, model.attention().layers().getFirst().window());
        assertEquals(1 / 16.0, model.attention().scale());
        assertEquals(48, model.embeddingScale());
        assertEquals(50, model.attention().softcap());
        assertEquals(30, model.finalSoftcap());
        assertEquals(ModelConfig.Norms.AROUND, model.norms());
        assertTrue(model.tied());
    }

    @Test
    void gemma3ImageAndTextNamesOnlyWhatDiffers() throws IOException {
        ModelConfig model = read("""
                {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": {"hidden_size": 2560,
                 "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0,
                 "rope_type": "linear"}, "sliding_window": 1024}, "vision_config": {"hidden_size": 1152}}""");
        assertEquals(262208, model.vocab());
        assertEquals(8, model.attention().heads());
        assertEquals(4, model.attention().kvHeads());
        assertEquals(256, model.attention().headDim());
        assertEquals(
                new ModelConfig.Reach(1024, new Rope(256, 10000, new Rope.None())),
                model.attention().layers().get(4));
        assertEquals(
                new ModelConfig.Reach(0, new Rope(256, 1e6, new Rope.Linear(8))),
                model.attention().layers().get(5));
        assertEquals(29, layersWithWindow(model).length);
        assertEquals(ModelConfig.QkNorm.EACH_HEAD, model.attention().qkNorm());
        assertTrue(model.tied());
        assertEquals(0, model.finalSoftcap());
    }

    @Test
    void gemma3AsTransformers5WritesIt() throws IOException {
        ModelConfig model = read("""
                {"architectures": ["Gemma3ForCausalLM"], "hidden_size": 640, "intermediate_size": 2048, "num_attention_heads": 4, "num_key_value_heads": 1,
                 "num_hidden_layers": 2, "vocab_size": 262144, "head_dim": 256, "sliding_window": 512, "layer_types": ["sliding_attention", "full_attention"],
                 "rope_parameters": {"full_attention": {"rope_theta": 1000000.0, "rope_type": "linear", "factor": 8.0},
                 "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}""");
        assertEquals(
                new ModelConfig.Reach(512, new Rope(256, 10000, new Rope.None())),
                model.attention().layers().get(0));
        assertEquals(
                new ModelConfig.Reach(0, new Rope(256, 1e6, new Rope.Linear(8))),
                model.attention().layers().get(1));
    }

    @Test
    void qwen2HasBiasesAndNoWindowUnlessItSaysSo() throws IOException {
        String json = """
                {"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 896, "intermediate_size": 4864, "max_position_embeddings": 32768,
                 "max_window_layers": 21, "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
                 "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936}""";
        ModelConfig model = read(json);
        assertTrue(model.attention().qkvBias());
        assertFalse(model.attention().outputBias());
        assertEquals(ModelConfig.QkNorm.NONE, model.attention().qkNorm());
        assertEquals(64, model.attention().headDim());
        assertEquals(0, layersWithWindow(model).length);
        assertEquals(
                21,
                layersWithWindow(read(json.replace("\"use_sliding_window\": false", "\"use_sliding_window\": true")))[
                        0]);
    }

    @Test
    void qwen3() throws IOException {
        ModelConfig model = read("""
                {"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2560,
                 "intermediate_size": 9728, "max_position_embeddings": 32768, "max_window_layers": 36, "num_attention_heads": 32, "num_hidden_layers": 36,
                 "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 5000000, "sliding_window": null,
                 "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936}""");
        assertEquals(ModelConfig.QkNorm.EACH_HEAD, model.attention().qkNorm());
        assertEquals(128, model.attention().headDim());
        assertFalse(model.attention().qkvBias());
    }

    @Test
    void mistralSlidesOnEveryLayer() throws IOException {
        String json = """
                {"architectures": ["MistralForCausalLM"], "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 32768,
                 "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
                 "sliding_window": 4096, "tie_word_embeddings": false, "vocab_size": 32000}""";
        assertEquals(32, layersWithWindow(read(json)).length);
        assertEquals(
                0, layersWithWindow(read(json.replace("\"sliding_window\": 4096", "\"sliding_window\": null"))).length);
    }

    @Test
    void gpt2WithItsOwnKeys() throws IOException {
        ModelConfig model = read("""
                {"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
                 "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257}""");
        assertEquals(new ModelConfig.Plain(3072, Activation.GELU_TANH), model.mlp());
        assertEquals(new ModelConfig.Norm(true, 1e-5), model.norm());
        assertEquals(1024, model.maxPositions());
        assertTrue(model.learnedPositions() && model.tied() && model.attention().qkvBias());
        assertEquals(new ModelConfig.Reach(0, null), model.attention().layers().getLast());
    }

    @Test
    void gptOss() throws IOException {
        ModelConfig model = read("""
                {"architectures": ["GptOssForCausalLM"], "attention_bias": true, "experts_per_token": 4, "head_dim": 64, "hidden_act": "silu",
                 "hidden_size": 2880, "initial_context_length": 4096, "intermediate_size": 2880, "max_position_embeddings": 131072,
                 "model_type": "gpt_oss", "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 8,
                 "num_local_experts": 32, "quantization_config": {"modules_to_not_convert": ["lm_head"], "quant_method": "mxfp4"},
                 "rms_norm_eps": 1e-05, "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0,
                 "original_max_position_embeddings": 4096, "rope_type": "yarn", "truncate": false}, "rope_theta": 150000, "sliding_window": 128,
                 "swiglu_limit": 7.0, "tie_word_embeddings": false, "vocab_size": 201088}""");
        assertEquals(new ModelConfig.Experts(2880, 32, 4, Activation.QUICK_GELU, 7, true, true), model.mlp());
        assertEquals(12, layersWithWindow(model).length);
        assertTrue(model.attention().sinks() && model.attention().outputBias());
        Rope.Yarn yarn = assertInstanceOf(
                Rope.Yarn.class, model.attention().layers().getFirst().rope().scaling());
        assertEquals(0.1 * Math.log(32) + 1, yarn.magnitude());
    }
}
