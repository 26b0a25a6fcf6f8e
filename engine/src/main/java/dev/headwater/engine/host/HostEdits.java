package dev.headwater.engine.host;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.EditPattern;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.HeadEdit;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.intervention.Sampling;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Interventions and generation for {@code libheadwater.so}; as {@link HostCalls}.
 */
final class HostEdits {
    private HostEdits() {}

    /**
     * A pass over a prompt with edits, or without any the plain model's.
     *
     * @param places what each edit changes
     * @param change how, by number
     * @param value  the number that goes with it
     * @param others prompts that activations are taken from, null where none
     */
    static long intervene(
            long model,
            long prompt,
            byte[][] places,
            int[] change,
            float[] value,
            byte[] @Nullable [] others,
            int freeze,
            int first,
            int end) {
        HostModel open = Handles.use(model, HostModel.class);
        try {
            ReplacementModel loaded = open.model();
            Prompt read = HostCalls.prompt(prompt);
            try (Baseline baseline = Baseline.of(loaded, read)) {
                Run run = baseline.apply(
                        intervention(baseline, places, change, value, others, freeze(freeze, first, end)));
                return Handles.give(new HostRun(open, read, run));
            }
        } catch (RuntimeException | Error e) {
            open.close();
            throw e;
        }
    }

    static long generate(
            long model,
            long prompt,
            byte[][] places,
            int[] change,
            float[] value,
            byte[] @Nullable [] others,
            int freeze,
            int first,
            int end,
            int maxTokens,
            double temperature,
            int topK,
            double topP,
            long seed,
            long progress,
            long user) {
        try (HostModel open = Handles.use(model, HostModel.class)) {
            ReplacementModel loaded = open.model();
            Prompt read = HostCalls.prompt(prompt);
            var options = new Generation.Options(
                    maxTokens, new Sampling(temperature, topK, topP, seed), Generation.stopTokens(loaded));
            var heard = HostProgress.of(progress, user);
            heard.phase("generate", maxTokens);
            int[] count = new int[1];
            try (Baseline baseline = Baseline.of(loaded, read)) {
                Generation made = Generation.of(
                        baseline,
                        intervention(baseline, places, change, value, others, freeze(freeze, first, end)),
                        options,
                        (_, _) -> {
                            heard.advance(++count[0]);
                            if (heard.cancelled()) {
                                throw new CancellationException();
                            }
                        });
                return Handles.give(new HostGeneration(made, loaded.tokenizer()));
            }
        }
    }

    private static Intervention intervention(
            Baseline baseline,
            byte[][] places,
            int[] change,
            float[] value,
            byte[] @Nullable [] others,
            Freeze freeze) {
        List<Edit> edits = new ArrayList<>();
        List<HeadEdit> heads = new ArrayList<>();
        for (int i = 0; i < places.length; i++) {
            String place = HostText.read("The place of edit " + i, places[i]);
            if (change[i] == 5) {
                heads.add(HeadEdit.knockOut(place));
                continue;
            }
            List<Edit> meant = edits(baseline, EditPattern.parse(place), change[i], value[i], others[i]);
            if (meant.isEmpty()) {
                throw new UsageException("edit " + i + " (" + place + ") changes nothing: no feature fires there");
            }
            edits.addAll(meant);
        }
        return new Intervention(edits, heads, freeze);
    }

    private static List<Edit> edits(
            Baseline baseline, EditPattern place, int change, float value, byte @Nullable [] other) {
        return switch (change) {
            case 0 -> place.edits(baseline, Change.ABLATE);
            case 1 -> place.edits(baseline, new Change.Set(value));
            case 2 -> place.edits(baseline, new Change.Scale(value));
            case 3 -> place.edits(baseline, new Change.Add(value));
            case 4 -> {
                if (other == null) {
                    throw new UsageException("a swap needs another prompt to take the activation from");
                }
                yield place.swaps(
                        baseline,
                        List.of(baseline.model().prompt(HostText.read("The other prompt", other))),
                        null,
                        value);
            }
            default -> throw new UsageException("there is no change of number " + change + "; headwater.h lists them");
        };
    }

    private static Freeze freeze(int freeze, int first, int end) {
        return switch (freeze) {
            case 0 -> Freeze.ATTENTION;
            case 1 -> Freeze.NOTHING;
            case 2 -> Freeze.EVERYTHING;
            case 3 -> new Freeze.Layers(first, end);
            default -> throw new UsageException("freeze is " + freeze + "; headwater.h lists what it can be");
        };
    }

    /** A host's memory as a tensor, which {@link #free} gives back. */
    static long importTensor(ByteBuffer memory, long address, long[] shape, long managed) {
        return Handles.give(HostTensor.borrowed(memory, address, shape, () -> free(managed)));
    }

    /** Calls the deleter of a {@code DLManagedTensorVersioned}; {@code libheadwater.so} registers what does. */
    private static native void free(long managed);
}
