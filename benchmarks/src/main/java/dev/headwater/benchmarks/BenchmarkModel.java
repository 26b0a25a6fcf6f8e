package dev.headwater.benchmarks;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A random model on disk: a Llama checkpoint as Hugging Face transformers reads it, and per-layer ReLU transcoders of
 * which about {@link ModelShape#active} features fire for each token. Weights are scaled so that the residual stream
 * stays of order one; the encoders' biases come from a forward pass. The same shape always gives the same bytes but for
 * those biases, which depend on the last digits of that pass.
 *
 * @param shape       its sizes
 * @param directory   with {@code model} and {@code transcoders}
 */
public record BenchmarkModel(ModelShape shape, Path directory) {
    private static final long SEED = 7;
    /** Tokens of the forward pass that sets the biases: enough that the quantile rests on thousands of values. */
    private static final int CALIBRATION_TOKENS = 256;

    private static final int BLOCK = 1 << 20;

    /** The model of this shape where commands keep theirs; see {@link ModelShape#parse}. */
    public static BenchmarkModel of(String shape) {
        return in(Benchmarks.models(), ModelShape.parse(shape));
    }

    /** The model of this shape below {@code parent}, written unless it is there. */
    static BenchmarkModel in(Path parent, ModelShape shape) {
        BenchmarkModel model = new BenchmarkModel(shape, parent.resolve(shape.slug()));
        // config.yaml is written last: where it is, everything is.
        if (!Files.isRegularFile(model.transcoders().resolve("config.yaml"))) {
            System.err.println("writing " + model.directory + ": " + shape);
            try {
                Files.createDirectories(model.checkpoint());
                Files.createDirectories(model.transcoders());
                model.writeCheckpoint();
                model.writeTranscoders();
            } catch (IOException e) {
                throw new HeadwaterException("Cannot write the benchmark model " + model.directory + ": " + e, e);
            }
        }
        return model;
    }

    public Path checkpoint() {
        return directory.resolve("model");
    }

    public Path transcoders() {
        return directory.resolve("transcoders");
    }

    /** As below, the first prompt. */
    public int[] tokens(int count) {
        return tokens(count, 0);
    }

    /**
     * A prompt of random tokens after the token that begins every text; a shorter one is the beginning of a longer one
     * of that number.
     */
    int[] tokens(int count, int number) {
        SplittableRandom random = new SplittableRandom(SEED + 1 + number);
        return IntStream.range(0, count)
                .map(i -> i == 0 ? 0 : random.nextInt(2, shape.vocab()))
                .toArray();
    }

    /** Standard normal numbers times {@code scale}; each tensor has its own stream. */
    private static final class Normal {
        private final SplittableRandom random;
        private final float scale;

        Normal(String name, double scale) {
            random = new SplittableRandom(SEED * 1_000_003 + name.hashCode());
            this.scale = (float) scale;
        }

        void writeTo(SafetensorsWriter out, String name, long count) {
            for (long done = 0; done < count; done += BLOCK) {
                float[] block = new float[(int) Math.min(BLOCK, count - done)];
                for (int i = 0; i < block.length; i++) {
                    block[i] = scale * (float) random.nextGaussian();
                }
                out.write(name, block);
            }
        }
    }

    private void writeCheckpoint() throws IOException {
        List<TensorInfo> tensors = new ArrayList<>();
        tensors.add(TensorInfo.of("model.embed_tokens.weight", DType.F32, shape.vocab(), shape.width()));
        for (int layer = 0; layer < shape.layers(); layer++) {
            String block = "model.layers." + layer + ".";
            tensors.add(TensorInfo.of(block + "input_layernorm.weight", DType.F32, shape.width()));
            tensors.add(TensorInfo.of(block + "self_attn.q_proj.weight", DType.F32, shape.headsWidth(), shape.width()));
            tensors.add(TensorInfo.of(block + "self_attn.k_proj.weight", DType.F32, shape.valueWidth(), shape.width()));
            tensors.add(TensorInfo.of(block + "self_attn.v_proj.weight", DType.F32, shape.valueWidth(), shape.width()));
            tensors.add(TensorInfo.of(block + "self_attn.o_proj.weight", DType.F32, shape.width(), shape.headsWidth()));
            tensors.add(TensorInfo.of(block + "post_attention_layernorm.weight", DType.F32, shape.width()));
            tensors.add(TensorInfo.of(block + "mlp.gate_proj.weight", DType.F32, shape.mlp(), shape.width()));
            tensors.add(TensorInfo.of(block + "mlp.up_proj.weight", DType.F32, shape.mlp(), shape.width()));
            tensors.add(TensorInfo.of(block + "mlp.down_proj.weight", DType.F32, shape.width(), shape.mlp()));
        }
        tensors.add(TensorInfo.of("model.norm.weight", DType.F32, shape.width()));
        tensors.add(TensorInfo.of("lm_head.weight", DType.F32, shape.vocab(), shape.width()));
        try (SafetensorsWriter out =
                SafetensorsWriter.create(checkpoint().resolve("model.safetensors"), tensors, Map.of("format", "pt"))) {
            for (TensorInfo tensor : tensors) {
                if (tensor.rank() == 1) {
                    float[] ones = new float[shape.width()];
                    Arrays.fill(ones, 1);
                    out.write(tensor.name(), ones);
                } else {
                    double scale = tensor.name().contains("embed") ? 1 : 0.7 / Math.sqrt((double) tensor.size(1));
                    new Normal(tensor.name(), scale).writeTo(out, tensor.name(), tensor.elements());
                }
            }
            out.commit();
        }
        json("config.json", config());
        json("tokenizer.json", tokenizer());
        json(
                "tokenizer_config.json",
                Map.of("bos_token", "<bos>", "eos_token", "<eos>", "tokenizer_class", "PreTrainedTokenizerFast"));
        json("special_tokens_map.json", Map.of("bos_token", "<bos>", "eos_token", "<eos>"));
    }

    private Map<String, Object> config() {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("LlamaForCausalLM"));
        config.put("model_type", "llama");
        config.put("hidden_act", "silu");
        config.put("hidden_size", shape.width());
        config.put("intermediate_size", shape.mlp());
        config.put("num_hidden_layers", shape.layers());
        config.put("num_attention_heads", shape.heads());
        config.put("num_key_value_heads", shape.kvHeads());
        config.put("head_dim", shape.headDim());
        config.put("vocab_size", shape.vocab());
        config.put("max_position_embeddings", 4096);
        config.put("rms_norm_eps", 1e-5);
        config.put("rope_theta", 10000.0);
        config.put("rope_scaling", null);
        config.put("attention_bias", false);
        config.put("mlp_bias", false);
        config.put("tie_word_embeddings", false);
        config.put("bos_token_id", 0);
        config.put("eos_token_id", 1);
        config.put("dtype", "float32");
        return config;
    }

    private Map<String, Object> tokenizer() {
        Map<String, Object> words = new LinkedHashMap<>();
        words.put("<bos>", 0);
        words.put("<eos>", 1);
        IntStream.range(2, shape.vocab()).forEach(i -> words.put("w" + i, i));
        Map<String, Object> tokenizer = new LinkedHashMap<>();
        tokenizer.put("version", "1.0");
        tokenizer.put("truncation", null);
        tokenizer.put("padding", null);
        tokenizer.put("added_tokens", List.of(special(0, "<bos>"), special(1, "<eos>")));
        tokenizer.put("normalizer", null);
        tokenizer.put("pre_tokenizer", Map.of("type", "Whitespace"));
        tokenizer.put("post_processor", null);
        tokenizer.put("decoder", Map.of("type", "WordPiece", "prefix", "", "cleanup", true));
        tokenizer.put("model", Map.of("type", "WordLevel", "vocab", words, "unk_token", "<eos>"));
        return tokenizer;
    }

    private static Map<String, Object> special(int id, String text) {
        return Map.of(
                "id",
                id,
                "content",
                text,
                "single_word",
                false,
                "lstrip",
                false,
                "rstrip",
                false,
                "normalized",
                false,
                "special",
                true);
    }

    private void json(String name, Map<String, Object> value) throws IOException {
        Files.write(checkpoint().resolve(name), BoundedJson.mapper().writeValueAsBytes(value));
    }

    private void writeTranscoders() throws IOException {
        TraceRequest sites = TraceRequest.attribution(FeatureSite.MLP_IN, FeatureSite.MLP_OUT);
        try (var scope = TensorScope.open();
                LanguageModel model = LanguageModel.load(checkpoint(), DType.F32, Device.CPU);
                Trace trace = model.forward(tokens(CALIBRATION_TOKENS), sites)) {
            for (int layer = 0; layer < shape.layers(); layer++) {
                writeTranscoder(layer, trace.site(FeatureSite.MLP_IN, layer), trace.site(FeatureSite.MLP_OUT, layer));
            }
        }
        Files.writeString(transcoders().resolve("config.yaml"), """
            model_name: bench
            model_kind: transcoder_set
            feature_input_hook: mlp.hook_in
            feature_output_hook: mlp.hook_out
            activation: relu
            scan: bench
            """);
    }

    private void writeTranscoder(int layer, Tensor input, Tensor output) {
        long features = shape.features();
        int width = shape.width();
        List<TensorInfo> tensors = List.of(
                TensorInfo.of("W_enc", DType.F32, features, width),
                TensorInfo.of("b_enc", DType.F32, features),
                TensorInfo.of("W_dec", DType.F32, features, width),
                TensorInfo.of("b_dec", DType.F32, width));
        Path file = transcoders().resolve("layer_" + layer + ".safetensors");
        try (var scope = TensorScope.open();
                SafetensorsWriter out = SafetensorsWriter.create(file, tensors, Map.of("format", "pt"))) {
            new Normal("enc" + layer, 1 / Math.sqrt(width)).writeTo(out, "W_enc", features * width);
            float[] bias = new float[(int) features];
            Arrays.fill(bias, -(float) threshold(input));
            out.write("b_enc", bias);
            Tensor squares = TorchReduce.mean(Torch.mul(output, output), -1, false);
            double size = Math.sqrt(TorchReduce.mean(squares, 0, false).item());
            new Normal("dec" + layer, size / Math.sqrt(shape.active())).writeTo(out, "W_dec", features * width);
            out.write("b_dec", TorchReduce.mean(output, 0, false).toFloats());
            out.commit();
        }
    }

    /**
     * What {@code active} of all features exceed: an encoder row of variance 1/d gives pre-activations of the input's
     * size.
     */
    private double threshold(Tensor input) {
        Tensor sizes = Torch.sqrt(TorchReduce.mean(Torch.mul(input, input), -1, false));
        return TorchReduce.mean(sizes, 0, false).item()
                * normalQuantile(1 - (double) shape.active() / shape.features());
    }

    /** Where the standard normal distribution function reaches p, by bisection. */
    static double normalQuantile(double p) {
        double low = -8;
        double high = 8;
        while (high - low > 1e-9) {
            double middle = (low + high) / 2;
            if (normalDistribution(middle) < p) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Simpson's rule from 0: exact to far more than the digits that matter here. */
    private static double normalDistribution(double x) {
        int steps = 200;
        double h = x / steps;
        double sum = 0;
        for (int i = 0; i <= steps; i++) {
            sum += (i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.exp(-0.5 * i * h * i * h);
        }
        return 0.5 + sum * h / 3 / Math.sqrt(2 * Math.PI);
    }
}
