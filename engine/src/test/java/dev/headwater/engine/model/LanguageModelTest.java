package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.model.ModelDirectories.Data;
import dev.headwater.engine.model.TraceRequest.Logits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What golden cases don't show: other layouts and types, limits, ownership. */
class LanguageModelTest {
    private static final TraceRequest ALL_LOGITS = new TraceRequest(Set.of(), false, Logits.ALL);

    @TempDir
    Path temp;

    private static float[] logits(Path directory, DType compute, int[] tokens) {
        try (LanguageModel model = LanguageModel.load(directory, compute, Device.CPU);
                Trace trace = model.forward(tokens, ALL_LOGITS)) {
            return trace.logits().toFloats();
        }
    }

    private void assertSameUnderOtherNames(String golden, UnaryOperator<String> rename) throws IOException {
        GoldenCase base = GoldenCase.of(golden);
        Path renamed = ModelDirectories.changed(temp.resolve(golden), base, config -> {}, weights -> {
            Map<String, Data> old = new LinkedHashMap<>(weights);
            weights.clear();
            old.forEach((name, data) -> weights.put(rename.apply(name), data));
        });
        assertArrayEquals(
                logits(base.modelDirectory(), DType.F32, base.tokens()),
                logits(renamed, DType.F32, base.tokens()),
                golden);
    }

    @Test
    void tensorsMayBeNestedOrBare() throws IOException {
        assertSameUnderOtherNames("llama-plt-relu-skip", name -> name.replaceFirst("^model\\.", ""));
        assertSameUnderOtherNames("gpt2-plt-relu", name -> name.replaceFirst("^transformer\\.", ""));
        assertSameUnderOtherNames(
                "gemma3-multimodal-layout",
                name -> name.replaceFirst("^language_model\\.model\\.", "model.language_model."));
        assertSameUnderOtherNames("llama-clt-relu-sharded", name -> "language_model." + name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-topk-bf16", "gpt2-plt-relu", "gpt-oss-clt-relu", "gemma3-plt-gs2-affine"})
    void halfPrecisionProductsComeClose(String name) {
        GoldenCase golden = GoldenCase.of(name);
        float[] exact = golden.floats("logits");
        for (DType type : new DType[] {DType.BF16, DType.F16}) {
            float[] rough = logits(golden.modelDirectory(), type, golden.tokens());
            double error = 0;
            double size = 0;
            for (int i = 0; i < exact.length; i++) {
                error += Math.pow(rough[i] - exact[i], 2);
                size += Math.pow(exact[i], 2);
            }
            double relative = Math.sqrt(error / size);
            assertTrue(
                    relative > 1e-6 && relative < (type == DType.BF16 ? 0.1 : 0.02),
                    name + " logits in " + type + " are off by " + relative);
        }
    }

    /** Qwen 2 is a Llama with biases on query, key and value; Mistral one with windows. */
    @Test
    void familiesAgreeWhereTheyDescribeTheSameModel() throws IOException {
        GoldenCase golden = GoldenCase.of("llama-plt-relu-skip");
        Random random = new Random(3);
        Map<String, Data> biases = new LinkedHashMap<>();
        for (int l = 0; l < golden.layers(); l++) {
            for (String part : new String[] {"q_proj 48", "k_proj 24", "v_proj 24"}) {
                String[] fields = part.split(" ");
                biases.put(
                        "model.layers.%d.self_attn.%s.bias".formatted(l, fields[0]),
                        Data.random(random, 0.5, Long.parseLong(fields[1])));
            }
        }
        Path qwen = ModelDirectories.changed(
                temp.resolve("qwen"),
                golden,
                config -> config.putArray("architectures").add("Qwen2ForCausalLM"),
                weights -> weights.putAll(biases));
        Path llama = ModelDirectories.changed(
                temp.resolve("llama"), golden, config -> config.put("attention_bias", true), weights -> {
                    weights.putAll(biases);
                    for (int l = 0; l < golden.layers(); l++) {
                        weights.put("model.layers." + l + ".self_attn.o_proj.bias", Data.floats(new float[48], 48));
                    }
                });
        assertArrayEquals(
                logits(llama, DType.F32, golden.tokens()), logits(qwen, DType.F32, golden.tokens()), 1e-5f, "Qwen 2");

        Path wide = mistral(golden, "wide", golden.tokens().length);
        assertArrayEquals(
                golden.floats("logits"), logits(wide, DType.F32, golden.tokens()), 1e-4f, "Mistral with a wide window");
        int last = (golden.tokens().length - 1) * 320;
        int[] other = golden.tokens();
        other[0] = 7;
        // Four layers that see one position back each never reach from the last to the first.
        Path narrow = mistral(golden, "narrow", 2);
        assertArrayEquals(
                Arrays.copyOfRange(logits(narrow, DType.F32, golden.tokens()), last, last + 320),
                Arrays.copyOfRange(logits(narrow, DType.F32, other), last, last + 320),
                0,
                "Mistral with a narrow window");
    }

    private Path mistral(GoldenCase golden, String name, int window) throws IOException {
        return ModelDirectories.changed(
                temp.resolve(name),
                golden,
                config -> {
                    config.putArray("architectures").add("MistralForCausalLM");
                    config.put("sliding_window", window);
                },
                weights -> {});
    }

    @Test
    void tiedModelsHaveOneEmbedding() {
        try (LanguageModel model = GoldenCase.of("llama-plt-relu-skip").load()) {
            assertSame(model.embedding(), model.unembedding());
            assertEquals(DType.F32, model.layer(0).attention().value().weight().dtype());
        }
    }

    /** Long prompts take their heads in blocks; the result is the same, bit for bit or nearly. */
    @ParameterizedTest
    @ValueSource(strings = {"llama-plt-large-sampled", "gemma2-plt-npz", "gpt-oss-clt-relu", "gpt2-plt-relu"})
    void headsMayWaitForTheirTurn(String name) {
        GoldenCase golden = GoldenCase.of(name);
        TraceRequest request = new TraceRequest(Set.of(), true, Logits.ALL);
        try (LanguageModel model = golden.load();
                Trace together = model.forward(golden.tokens(), request);
                Trace apart = new ForwardPass(model, List.of(golden.tokens()), request, Hooks.NONE, null, 1)
                        .run()
                        .getFirst()) {
            assertArrayEquals(together.logits().toFloats(), apart.logits().toFloats(), 2e-5f, name + " logits");
            for (int l = 0; l < model.config().layers(); l++) {
                assertArrayEquals(
                        together.attention(l).toFloats(),
                        apart.attention(l).toFloats(),
                        1e-6f,
                        name + " attention of layer " + l);
            }
        }
    }

    /** Prompts of one pass meet in products with weights only: each is traced as if it were alone. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama-plt-large-sampled",
                "gemma2-plt-npz",
                "gemma3-plt-gs2-affine",
                "qwen3-plt-jumprelu",
                "gpt-oss-clt-relu",
                "gpt2-plt-relu"
            })
    void promptsMayShareAPass(String name) {
        GoldenCase golden = GoldenCase.of(name);
        int[] whole = golden.tokens();
        TraceRequest request = new TraceRequest(EnumSet.allOf(FeatureSite.class), true, Logits.ALL);
        List<int[]> prompts = List.of(Arrays.copyOf(whole, 3), whole, Arrays.copyOf(whole, 1));
        try (LanguageModel model = golden.load()) {
            List<Trace> together = model.forward(prompts, request);
            for (int i = 0; i < prompts.size(); i++) {
                String which = name + ", prompt " + i + ", ";
                try (Trace shared = together.get(i);
                        Trace alone = model.forward(prompts.get(i), request)) {
                    assertArrayEquals(prompts.get(i), shared.tokens(), which);
                    assertClose(alone.logits(), shared.logits(), which + "logits");
                    assertClose(alone.tokenVectors(), shared.tokenVectors(), which + "token vectors");
                    assertClose(alone.finalResidual(), shared.finalResidual(), which + "final residual");
                    assertClose(
                            alone.reciprocal(NormSite.FINAL, 0),
                            shared.reciprocal(NormSite.FINAL, 0),
                            which + "final norm");
                    for (int l = 0; l < model.config().layers(); l++) {
                        assertClose(alone.attention(l), shared.attention(l), which + "attention of layer " + l);
                        assertClose(
                                alone.reciprocal(NormSite.PRE_MLP, l),
                                shared.reciprocal(NormSite.PRE_MLP, l),
                                which + "norm of layer " + l);
                        for (FeatureSite site : FeatureSite.values()) {
                            assertClose(alone.site(site, l), shared.site(site, l), which + site + " of layer " + l);
                        }
                    }
                }
            }
        }
    }

    /** Up to rounding. */
    private static void assertClose(Tensor expected, Tensor actual, String what) {
        assertArrayEquals(expected.shape(), actual.shape(), what);
        float[] values = expected.toFloats();
        double largest = IntStream.range(0, values.length)
                .mapToDouble(i -> Math.abs(values[i]))
                .max()
                .orElse(0);
        assertArrayEquals(values, actual.toFloats(), (float) (2e-5 * Math.max(1, largest)), what);
    }

    @Test
    void attentionIsCausalWithinItsWindowAndSumsToOne() {
        GoldenCase golden = GoldenCase.of("gemma2-plt-npz");
        try (LanguageModel model = golden.load();
                Trace trace = model.forward(golden.tokens(), new TraceRequest(Set.of(), true, Logits.NONE))) {
            int positions = trace.positions();
            for (int l = 0; l < model.config().layers(); l++) {
                float[] probabilities = trace.attention(l).toFloats();
                int window = model.config().attention().layers().get(l).window();
                for (int row = 0; row < probabilities.length / positions; row++) {
                    int query = row % positions;
                    float sum = 0;
                    for (int key = 0; key < positions; key++) {
                        float p = probabilities[row * positions + key];
                        boolean seen = key <= query && (window == 0 || key > query - window);
                        assertEquals(seen, p > 0, "layer " + l + ", query " + query + ", key " + key);
                        sum += p;
                    }
                    assertEquals(1, sum, 1e-5);
                }
            }
        }
    }

    @Test
    void onlyWhatWasAskedForIsKept() {
        GoldenCase golden = GoldenCase.of("llama-plt-relu-skip");
        try (LanguageModel model = golden.load();
                Trace trace = model.forward(golden.tokens(), TraceRequest.LAST_LOGITS)) {
            assertArrayEquals(new long[] {1, 320}, trace.logits().shape());
            assertThrows(IllegalStateException.class, () -> trace.attention(0));
            assertThrows(IllegalStateException.class, () -> trace.site(FeatureSite.MLP_IN, 0));
            assertThrows(IllegalStateException.class, () -> trace.reciprocal(NormSite.FINAL, 0));
            assertThrows(IllegalStateException.class, trace::tokenVectors);
        }
    }

    @Test
    void modelsAndTracesOutliveTheScopesTheyWereMadeIn() {
        GoldenCase golden = GoldenCase.of("gemma2-clt-jumprelu");
        LanguageModel model;
        Trace trace;
        KvCache cache;
        try (var scope = TensorScope.open()) {
            model = golden.load();
            cache = model.cache(40);
            trace = model.forward(
                    golden.tokens(),
                    new TraceRequest(EnumSet.allOf(FeatureSite.class), true, Logits.ALL),
                    Hooks.NONE,
                    cache);
        }
        golden.assertWhole("logits", "logits", trace.logits().toFloats());
        assertEquals(trace.positions(), trace.site(FeatureSite.RESID_MID, 0).size(0));
        model.forward(new int[] {5}, TraceRequest.LAST_LOGITS, Hooks.NONE, cache)
                .close();
        Tensor logits = trace.logits();
        trace.close();
        cache.close();
        model.close();
        assertThrows(IllegalStateException.class, logits::toFloats);
    }

    /** What a hook returns stays the hook's: it may be a tensor of another trace. */
    @Test
    void hooksKeepWhatTheyReturn() {
        GoldenCase golden = GoldenCase.of("llama-plt-relu-skip");
        TraceRequest request = new TraceRequest(EnumSet.allOf(FeatureSite.class), true, Logits.ALL);
        try (LanguageModel model = golden.load();
                Trace clean = model.forward(golden.tokens(), request)) {
            model.forward(golden.tokens(), request, new Hooks() {
                        @Override
                        public Tensor at(FeatureSite site, int layer, Tensor value) {
                            return clean.site(site, layer);
                        }

                        @Override
                        public Tensor attention(int layer) {
                            return clean.attention(layer);
                        }
                    })
                    .close();
            for (int l = 0; l < model.config().layers(); l++) {
                assertTrue(Float.isFinite(clean.site(FeatureSite.MLP_OUT, l).toFloats()[0]));
                assertTrue(Float.isFinite(clean.attention(l).toFloats()[0]));
            }
            assertThrows(
                    IllegalArgumentException.class,
                    () -> model.forward(golden.tokens(), request, new Hooks() {
                        @Override
                        public Tensor embeddings(Tensor value) {
                            return model.finalNorm().gain();
                        }
                    }));
        }
    }

    @Test
    void severalThreadsMayAskAtOnce() {
        GoldenCase golden = GoldenCase.of("qwen3-plt-jumprelu");
        try (LanguageModel model = golden.load()) {
            var results = IntStream.range(0, 4)
                    .mapToObj(i -> CompletableFuture.supplyAsync(() -> {
                        try (Trace trace = model.forward(golden.tokens(), ALL_LOGITS)) {
                            return trace.logits().toFloats();
                        }
                    }))
                    .toList();
            results.forEach(result -> golden.assertWhole("logits", "logits", result.join()));
        }
    }
}
