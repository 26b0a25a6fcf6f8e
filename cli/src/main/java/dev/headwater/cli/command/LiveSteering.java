package dev.headwater.cli.command;

import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Positions;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.intervention.Sampling;
import dev.headwater.engine.intervention.TokenChange;
import dev.headwater.explorer.Engine;
import dev.headwater.explorer.Taken;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.ToDoubleFunction;

/** What the explorer steers: a graph's prompt twice, as it is and changed. */
final class LiveSteering {
    private final ReplacementModel live;
    private final Engine.SteerRequest request;
    private final Progress progress;

    LiveSteering(ReplacementModel live, Engine.SteerRequest request, Progress progress) {
        this.live = live;
        this.request = request;
        this.progress = progress;
    }

    Engine.SteerResult result() {
        progress.phase("steer", 2);
        Prompt prompt = live.prompt(
                request.tokens().stream().mapToInt(Integer::intValue).toArray());
        Intervention intervention = new Intervention(
                request.edits().stream().map(edit -> edit(edit, prompt)).toList(),
                request.heads().stream().map(Engine.HeadChange::edit).toList(),
                request.freezeAttention() ? Freeze.ATTENTION : Freeze.NOTHING);
        try (Baseline baseline = Baseline.of(live, prompt);
                Run edited = baseline.apply(intervention)) {
            progress.advance(1);
            List<TokenChange> changes =
                    TokenChange.between(baseline.run(), edited, -1, LiveEngine.NEXT_TOKENS, live.tokenizer());
            return new Engine.SteerResult(
                    outcome(baseline, Intervention.NONE, baseline.run(), changes, TokenChange::before),
                    outcome(baseline, intervention, edited, changes, TokenChange::after),
                    edited.applied().stream()
                            .map(set -> new Engine.Applied(set.feature(), set.original(), set.value()))
                            .toList());
        }
    }

    private Edit edit(Engine.Edit edit, Prompt prompt) {
        FeatureRef site = edit.site();
        // An edit has either.
        Change change = edit.from() != null
                ? swap(edit.from(), prompt)
                : new Change.Set(Objects.requireNonNull(edit.value()).floatValue());
        return new Edit(
                site.layer(),
                edit.onward() ? new Positions.Range(site.position(), null) : new Positions.At(site.position()),
                site.feature(),
                change);
    }

    private Change swap(Taken from, Prompt own) {
        List<Prompt> prompts = from.prompts().isEmpty()
                ? List.of(own)
                : from.prompts().stream()
                        .map(other -> LiveEngine.read(live, other))
                        .toList();
        return new Change.Swap(
                prompts.stream()
                        .map(other -> new Change.Swap.Place(other, from.position()))
                        .toList(),
                (float) from.factor());
    }

    private Engine.Outcome outcome(
            Baseline baseline,
            Intervention intervention,
            Run run,
            List<TokenChange> changes,
            ToDoubleFunction<TokenChange> probability) {
        List<Engine.TokenProbability> next = changes.stream()
                .map(change ->
                        new Engine.TokenProbability(change.token(), change.text(), probability.applyAsDouble(change)))
                .toList();
        return new Engine.Outcome(next, List.of(watched(run)), texts(baseline, intervention));
    }

    private Double[] watched(Run run) {
        Double[] watched = new Double[request.watch().size()];
        Arrays.fill(watched, 0.0);
        for (int i = 0; i < watched.length; i++) {
            FeatureRef site = request.watch().get(i);
            if (!site.exists(live.layers(), run.positions(), live.basis().features())) {
                throw new UsageException("Feature " + site + " to watch does not exist in this model and prompt");
            }
            var active = run.activations(site.layer());
            for (int j = 0; j < active.count(); j++) {
                if (active.position()[j] == site.position() && active.feature()[j] == site.feature()) {
                    watched[i] = (double) active.value()[j];
                }
            }
        }
        return watched;
    }

    private List<String> texts(Baseline baseline, Intervention intervention) {
        List<String> texts = new ArrayList<>();
        // Greedy texts are all the same.
        int samples = request.newTokens() == 0 ? 0 : request.temperature() > 0 ? request.samples() : 1;
        for (int sample = 0; sample < samples; sample++) {
            var sampling = request.temperature() > 0
                    ? new Sampling(request.temperature(), 0, 1, request.seed() + sample)
                    : Sampling.GREEDY;
            texts.add(Generation.of(
                            baseline,
                            intervention,
                            new Generation.Options(request.newTokens(), sampling, Generation.stopTokens(live)),
                            (token, at) -> {
                                if (progress.cancelled()) {
                                    throw new CancellationException("steering was cancelled");
                                }
                            })
                    .text());
        }
        return texts;
    }
}
