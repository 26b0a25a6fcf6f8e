package dev.headwater.engine.naming;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.features.FeatureExample;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** Texts of which it is known which features fire in them and which do not: the model has read them. Immutable. */
final class Elsewhere {
    /**
     * A text.
     *
     * @param fires by layer, the features that fire on some token
     */
    private record Read(FeatureExample example, List<BitSet> fires) {}

    private final List<Read> texts;

    private Elsewhere(List<Read> texts) {
        this.texts = texts;
    }

    /**
     * Reads the texts of examples with the model; those that its tokenizer takes apart in another way, as their tokens are not whole
     * characters, are left out.
     */
    static Elsewhere read(ReplacementModel model, List<FeatureExample> examples, int most, Progress progress) {
        progress.phase("contexts", Math.min(most, examples.size()));
        TraceRequest request = new TraceRequest(Set.of(model.basis().input()), false, TraceRequest.Logits.NONE);
        List<Read> texts = new ArrayList<>();
        Set<List<String>> known = new HashSet<>();
        for (FeatureExample example : examples) {
            if (texts.size() == most) {
                break;
            }
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            Prompt prompt = known.add(example.tokens()) ? prompt(model, example.tokens()) : null;
            if (prompt == null) {
                continue;
            }
            int[] tokens = prompt.tokens();
            List<BitSet> fires = new ArrayList<>();
            try (var _ = model.use();
                    Trace trace = model.model().forward(tokens, request);
                    var _ = TensorScope.open()) {
                for (int layer = 0; layer < model.layers(); layer++) {
                    SparseActivations active = model.basis()
                            .encode(layer, trace.site(model.basis().input(), layer), model.silentPositions(tokens));
                    BitSet here = new BitSet();
                    for (int feature : active.feature()) {
                        here.set(feature);
                    }
                    fires.add(here);
                }
            }
            texts.add(new Read(new FeatureExample(prompt.texts(), new float[tokens.length]), fires));
            progress.advance(texts.size());
        }
        return new Elsewhere(List.copyOf(texts));
    }

    /** The prompt of exactly these tokens, without the special ones around them if that is what it takes; null if there is none. */
    private static @Nullable Prompt prompt(ReplacementModel model, List<String> tokens) {
        int length = tokens.size();
        for (int end = length; end >= Math.max(1, length - 1); end--) {
            for (int first = 0; first <= Math.min(1, end - 1); first++) {
                try {
                    Prompt prompt = model.prompt(String.join("", tokens.subList(first, end)));
                    if (prompt.texts().equals(tokens.subList(0, end))) {
                        return prompt;
                    }
                } catch (HeadwaterException _) {
                    // no text that this model reads
                }
            }
        }
        return null;
    }

    /** {@return texts that were read} */
    int size() {
        return texts.size();
    }

    /** Those in which none of the features fires. */
    List<FeatureExample> without(Collection<FeatureRef> features) {
        return texts.stream()
                .filter(text -> features.stream()
                        .noneMatch(feature -> text.fires.get(feature.layer()).get(feature.feature())))
                .map(Read::example)
                .toList();
    }
}
