package dev.headwater.engine;

import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.transcoder.TranscoderConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged configurations of models of every family and of sets of transcoders, as {@link Fuzz} says. */
class ConfigFuzzTest {
    @TempDir
    private Path directory;

    private void write(String file, byte[] input) throws IOException {
        Path path = directory.resolve(file);
        Files.deleteIfExists(path); // Some file systems make overwriting a hundred times slower than creating.
        Files.write(path, input);
    }

    @Test
    void models() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        for (String name : GoldenCase.names()) {
            try (GoldenCase golden = new GoldenCase(name)) {
                seeds.add(Files.readAllBytes(golden.model().resolve("config.json")));
            }
        }
        seeds.add("""
            {"architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 10, "intermediate_size": 8,
             "max_position_embeddings": 64, "hidden_act": "silu", "rope_theta": 1e4, "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0,
             "beta_slow": 1.0, "original_max_position_embeddings": 4096, "truncate": false}, "layer_types": ["full_attention", "sliding_attention"],
             "sliding_window": 4}""".getBytes(StandardCharsets.UTF_8));
        String[] words = {
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "null",
            "true",
            "-",
            "1e308",
            "NaN",
            "\"rope_scaling\":{\"rope_type\":\"llama3\"},",
            "\"rope_theta\":0,",
            "\"num_key_value_heads\":3,",
            "\"head_dim\":0,",
            "\"hidden_size\":1048577,",
            "\"layer_types\":[],",
            "\"text_config\":{},",
            "\\u0000",
            "\377"
        };
        Fuzz.run("config.json", new Mutator(7 + Fuzz.SEED, words), seeds, input -> {
            write("config.json", input);
            ModelConfig.read(directory).parameters();
        });
    }

    @Test
    void transcoders() throws IOException {
        String config = """
            model_name: google/gemma-2-2b
            model_kind: transcoder_set
            feature_input_hook: ln2.hook_normalized
            feature_output_hook: hook_mlp_out
            special_load_fn: gemma-scope
            activation: topk
            k: 16
            scan: org/set
            transcoders:
            - hf://org/repo/layer_0/params.npz?revision=main
            - layer_1.safetensors
            """;
        String[] words = {
            "{",
            "}",
            "[",
            "]",
            ", ",
            ": ",
            "- ",
            "\n",
            "'",
            "\"",
            "../",
            "/",
            "~",
            "-1",
            "1e9",
            "null",
            "mlp.hook_in",
            "relu",
            "cross_layer_transcoder",
            "\0",
            "\377"
        };
        Fuzz.run(
                "config.yaml",
                new Mutator(8 + Fuzz.SEED, words),
                List.of(config.getBytes(StandardCharsets.UTF_8)),
                input -> {
                    write("config.yaml", input);
                    TranscoderConfig.read(directory);
                });
    }
}
