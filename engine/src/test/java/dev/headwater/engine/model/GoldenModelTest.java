package dev.headwater.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.weights.Checkpoint;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family's forward pass against float64 expectations. */
class GoldenModelTest {
    static List<String> cases() {
        return dev.headwater.engine.GoldenCase.names();
    }

    private static TraceRequest everything() {
        return new TraceRequest(EnumSet.allOf(FeatureSite.class), true, Logits.ALL);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void forwardPassAgreesAtEveryLayer(String name) {
        GoldenCase golden = GoldenCase.of(name);
        try (LanguageModel model = golden.load();
                Trace trace = model.forward(golden.tokens(), everything())) {
            golden.assertWhole(
                    "token_vectors", "error_vectors", trace.tokenVectors().toFloats());
            for (int l = 0; l < golden.layers(); l++) {
                float[] in = trace.site(golden.input(), l).toFloats();
                golden.assertClose("feature_inputs", "error_vectors", l * in.length, in);
                golden.assertClose(
                        "feature_outputs",
                        "error_vectors",
                        l * in.length,
                        trace.site(golden.output(), l).toFloats());
            }
            golden.assertWhole("logits", "logits", trace.logits().toFloats());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void continuesGreedilyWithACacheAsWithout(String name) {
        GoldenCase golden = GoldenCase.of(name);
        int[] expected = golden.ints("generation_plain.tokens");
        int[] prompt = golden.tokens();
        try (LanguageModel model = golden.load();
                KvCache cache = model.cache(prompt.length + expected.length)) {
            int[] step = prompt;
            int[] text = prompt;
            int[] generated = new int[expected.length];
            for (int i = 0; i < expected.length; i++) {
                try (Trace cached = model.forward(step, TraceRequest.LAST_LOGITS, Hooks.NONE, cache);
                        Trace whole = model.forward(text, TraceRequest.LAST_LOGITS)) {
                    float[] logits = cached.logits().toFloats();
                    assertArrayEquals(
                            whole.logits().toFloats(), logits, 1e-4f, name + " logits of token " + i + " with a cache");
                    generated[i] = GoldenCase.argmax(logits);
                }
                step = new int[] {generated[i]};
                text = Arrays.copyOf(text, text.length + 1);
                text[text.length - 1] = generated[i];
            }
            assertArrayEquals(expected, generated, name + " generation_plain.tokens");
            assertEquals(prompt.length + expected.length - 1, cache.length());
        }
    }

    /** What attribution builds on: the stream is a sum of linear maps once attention and norms are held. */
    @ParameterizedTest
    @MethodSource("cases")
    void tracedPartsAddUpToTheFinalResidual(String name) {
        GoldenCase golden = GoldenCase.of(name);
        try (LanguageModel model = golden.load();
                Trace trace = model.forward(golden.tokens(), everything());
                var scope = TensorScope.open()) {
            int positions = trace.positions();
            ModelConfig.Attention shape = model.config().attention();
            Tensor stream = trace.tokenVectors();
            if (model.positionEmbedding() != null) {
                stream = Torch.add(stream, TorchShape.narrow(model.positionEmbedding(), 0, 0, positions));
            }
            for (int l = 0; l < model.config().layers(); l++) {
                LayerWeights layer = model.layer(l);
                Tensor x = normalised(layer.preAttention(), trace, NormSite.PRE_ATTENTION, l, stream);
                Tensor values = TorchShape.transpose(
                        TorchShape.reshape(
                                layer.attention().value().apply(x), positions, shape.kvHeads(), shape.headDim()),
                        0,
                        1);
                Tensor mixed = Torch.bmm(trace.attention(l), TorchShape.repeatInterleave(values, shape.group(), 0));
                Tensor attended = layer.attention()
                        .output()
                        .apply(TorchShape.reshape(TorchShape.transpose(mixed, 0, 1), positions, -1));
                if (layer.postAttention() != null) {
                    attended = normalised(layer.postAttention(), trace, NormSite.POST_ATTENTION, l, attended);
                }
                Tensor middle = Torch.add(stream, attended);
                assertClose(
                        name + " residual before the MLP of layer " + l, middle, trace.site(FeatureSite.RESID_MID, l));
                Tensor in = normalised(layer.preMlp(), trace, NormSite.PRE_MLP, l, middle);
                assertClose(name + " MLP input of layer " + l, in, trace.site(FeatureSite.MLP_IN, l));
                if (layer.postMlp() != null) {
                    assertClose(
                            name + " output of layer " + l,
                            normalised(
                                    layer.postMlp(), trace, NormSite.POST_MLP, l, trace.site(FeatureSite.MLP_OUT, l)),
                            trace.site(FeatureSite.HOOK_MLP_OUT, l));
                }
                stream = Torch.add(middle, trace.site(FeatureSite.HOOK_MLP_OUT, l));
            }
            assertClose(name + " final residual", stream, trace.finalResidual());
            Tensor logits = new Linear(model.unembedding(), null)
                    .apply(normalised(model.finalNorm(), trace, NormSite.FINAL, 0, stream));
            double cap = model.config().finalSoftcap();
            assertClose(
                    name + " logits",
                    cap == 0 ? logits : Torch.mul(Torch.tanh(Torch.div(logits, cap)), cap),
                    trace.logits());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theConfigurationTellsHowManyParametersThereAre(String name) {
        GoldenCase golden = GoldenCase.of(name);
        try (Checkpoint checkpoint = Checkpoint.open(golden.modelDirectory())) {
            // Neither vision tensors nor attention masks, which old GPT-2 checkpoints hold, are the text model's
            // parameters.
            long stored = checkpoint.names().stream()
                    .filter(tensor -> !tensor.contains("vision")
                            && !tensor.contains("multi_modal")
                            && !tensor.endsWith(".attn.bias"))
                    .mapToLong(tensor -> checkpoint.info(tensor).elements())
                    .sum();
            assertEquals(stored, ModelConfig.read(golden.modelDirectory()).parameters(), name);
        }
    }

    private static Tensor normalised(Norm norm, Trace trace, NormSite site, int l, Tensor x) {
        return norm.gained(Torch.mul(norm.centred(x), TorchShape.unsqueeze(trace.reciprocal(site, l), -1)));
    }

    private static void assertClose(String what, Tensor expected, Tensor actual) {
        assertArrayEquals(expected.toFloats(), actual.toFloats(), 5e-5f, what);
    }

    /** An edit is felt linearly when everything else is held: twice the change makes twice the difference. */
    @ParameterizedTest
    @MethodSource("cases")
    void heldPassIsLinearInTheOutputsOfMlps(String name) {
        GoldenCase golden = GoldenCase.of(name);
        try (LanguageModel model = golden.load();
                Trace clean = model.forward(golden.tokens(), everything())) {
            float[] base = held(model, clean, 0);
            assertArrayEquals(clean.finalResidual().toFloats(), base, 2e-5f, name + " held pass without a change");
            float[] once = held(model, clean, 0.25);
            float[] twice = held(model, clean, 0.5);
            double moved = 0;
            for (int i = 0; i < base.length; i++) {
                assertEquals(2 * (once[i] - base[i]), twice[i] - base[i], 5e-5, name + " final residual[" + i + "]");
                moved = Math.max(moved, Math.abs(once[i] - base[i]));
            }
            assertTrue(moved > 0.01, name + ": the change is felt");
        }
    }

    /** With attention, norms and MLP outputs those of the clean pass, but for a number added to layer 0's output. */
    private static float[] held(LanguageModel model, Trace clean, double added) {
        Hooks hooks = new Hooks() {
            @Override
            public Tensor at(FeatureSite site, int layer, Tensor value) {
                if (site != FeatureSite.HOOK_MLP_OUT) {
                    return value;
                }
                Tensor out = clean.site(site, layer);
                return layer == 0 ? Torch.add(out, added) : out;
            }

            @Override
            public Tensor attention(int layer) {
                return clean.attention(layer);
            }

            @Override
            public Tensor reciprocal(NormSite norm, int layer) {
                return clean.reciprocal(norm, layer);
            }
        };
        try (Trace edited = model.forward(clean.tokens(), new TraceRequest(Set.of(), true, Logits.NONE), hooks)) {
            return edited.finalResidual().toFloats();
        }
    }
}
