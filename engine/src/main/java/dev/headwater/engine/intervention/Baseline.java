package dev.headwater.engine.intervention;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.KvCache;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A prompt's run without edits: what interventions start from, freeze and are compared with.
 *
 * {@snippet :
 * try (var baseline = Baseline.of(model, model.prompt("…"));
 *      var edited = baseline.apply(Intervention.of(Edit.of("2/-1/607", new Change.Scale(-1))))) {
 *     TokenChange.between(baseline.run(), edited, -1, 5, model.tokenizer()).forEach(System.out::println);
 * } }
 */
public final class Baseline implements AutoCloseable {
    private final ReplacementModel model;
    private final Prompt prompt;
    private final Run run;
    private final Map<List<Integer>, List<SparseActivations>> others = new HashMap<>();

    private Baseline(ReplacementModel model, Prompt prompt, Run run) {
        this.model = model;
        this.prompt = prompt;
        this.run = run;
    }

    /** Runs the model over the prompt and keeps what interventions may freeze. */
    public static Baseline of(ReplacementModel model, Prompt prompt) {
        try (var _ = model.use()) {
            Set<FeatureSite> sites = Set.of(model.basis().input(), model.basis().output());
            int[] tokens = prompt.tokens();
            return new Baseline(
                    model,
                    prompt,
                    new Run(
                            model,
                            model.model().forward(tokens, new TraceRequest(sites, true, Logits.ALL)),
                            model.silentPositions(tokens)));
        }
    }

    /** {@return the model that ran, borrowed} */
    public ReplacementModel model() {
        return model;
    }

    /** {@return the prompt that it ran on} */
    public Prompt prompt() {
        return prompt;
    }

    /** The run without edits. Closed with this. */
    public Run run() {
        return run;
    }

    /**
     * The prompt again, with edits. Without any, it is the plain model's run, bit for bit.
     *
     * @return a run of its own, to be closed by the caller
     * @throws UsageException if an edit names what does not exist, or can have no effect
     */
    public Run apply(Intervention intervention) {
        try (var _ = model.use()) {
            intervention.check(model.basis(), run.positions(), false);
            return run(hooks(intervention), Logits.ALL, null);
        }
    }

    /** The prompt's pass with hooks. */
    Run run(Hooks hooks, Logits logits, @Nullable KvCache cache) {
        var request = new TraceRequest(Set.of(model.basis().input()), false, logits);
        Trace trace = model.model().forward(run.tokens(), request, hooks, cache);
        return new Run(
                model, trace, run.zeroPositions(), hooks instanceof EditedPass edited ? edited.applied() : List.of());
    }

    Hooks hooks(Intervention intervention) {
        EditPlan plan = EditPlan.ofPrompt(withCachedActivations(intervention.edits()), model.layers(), run.positions());
        intervention.heads().forEach(head -> head.check(model.model().config(), run.positions()));
        return plan.isEmpty() && intervention.heads().isEmpty()
                ? Hooks.NONE
                : new EditedPass(model.basis(), plan, intervention.heads(), intervention.freeze(), run);
    }

    /** The edits with swaps replaced by the activations that they mean. */
    List<Edit> withCachedActivations(List<Edit> edits) {
        List<Edit> result = new ArrayList<>(edits.size());
        for (Edit edit : edits) {
            result.add(
                    edit.change() instanceof Change.Swap swap
                            ? new Edit(
                                    edit.layer(),
                                    edit.positions(),
                                    edit.feature(),
                                    new Change.Set(activation(edit, swap)))
                            : edit);
        }
        return result;
    }

    private float activation(Edit edit, Change.Swap swap) {
        double sum = 0;
        for (Change.Swap.Place place : swap.places()) {
            sum += activation(edit, place);
        }
        return (float) (swap.factor() * sum / swap.places().size());
    }

    private float activation(Edit edit, Change.Swap.Place place) {
        int length = place.prompt().length();
        int position = place.position() < 0 ? place.position() + length : place.position();
        if (position < 0 || position >= length) {
            throw new UsageException("Edit %s: position %d lies outside the other prompt, which has %d tokens"
                    .formatted(edit.place(), place.position(), length));
        }
        SparseActivations active = activations(place.prompt()).get(edit.layer());
        for (int i = 0; i < active.count(); i++) {
            if (active.position()[i] == position && active.feature()[i] == edit.feature()) {
                return active.value()[i];
            }
        }
        return 0;
    }

    /** The active features of every layer on another prompt; computed once for each. */
    public List<SparseActivations> activations(Prompt other) {
        try (var _ = model.use()) {
            int[] tokens = other.tokens();
            return others.computeIfAbsent(Arrays.stream(tokens).boxed().toList(), _ -> {
                var request = new TraceRequest(Set.of(model.basis().input()), false, Logits.NONE);
                try (Run there =
                        new Run(model, model.model().forward(tokens, request), model.silentPositions(tokens))) {
                    return IntStream.range(0, model.layers())
                            .mapToObj(there::activations)
                            .toList();
                }
            });
        }
    }

    @Override
    public void close() {
        run.close();
    }
}
