package dev.headwater.engine.circuit;

import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.transcoder.SparseActivations;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How much of the answers to prompts a merged circuit carries, by intervention: without its features (necessity), and with none but its
 * features (sufficiency), each set to 0 with attention patterns held and everything else responding. Beside it random circuits of as many
 * features that fire on the same prompt, in the same layers and at the same positions where there are enough, and none of the circuit's.
 *
 * @param prompts what came of each
 */
public record CircuitCheck(List<Checked> prompts) {
    /**
     * A prompt to check.
     *
     * @param answer token whose probability is followed; null for the model's most probable one
     */
    public record Question(Prompt prompt, @Nullable Integer answer) {}

    /**
     * The answer under an intervention.
     *
     * @param probability of it
     * @param first       whether it is still the most probable token
     */
    public record Outcome(double probability, boolean first) {}

    /**
     * What came of a prompt.
     *
     * @param fired         features of the circuit that fire here at their roles
     * @param others        features that fire and are not the circuit's
     * @param asItIs        with no change
     * @param without       without the circuit
     * @param withoutRandom without each of the random circuits
     * @param alone         with the circuit's features alone
     * @param randomAlone   with each of the random circuits alone
     */
    public record Checked(
            String prompt,
            String answer,
            int fired,
            int others,
            Outcome asItIs,
            Outcome without,
            List<Outcome> withoutRandom,
            Outcome alone,
            List<Outcome> randomAlone) {}

    /**
     * Intervenes on every prompt.
     *
     * @param draws random circuits for each prompt
     * @param seed  of the draws
     * @throws UsageException if a prompt lacks the text by which roles are told, or features are the model's own neurons, all of which fire
     * @throws CancellationException if the listener asks to stop
     */
    public static CircuitCheck of(
            MergedCircuit circuit,
            ReplacementModel model,
            List<Question> questions,
            int draws,
            long seed,
            Progress progress) {
        if (model.basis().dense()) {
            throw new UsageException(
                    "a circuit of a model's own neurons can't be checked this way: all of them fire, so there is no circuit alone");
        }
        if (draws < 1) {
            throw new UsageException("--draws is " + draws + "; the circuit needs a random one to stand beside");
        }
        Random random = new Random(seed);
        List<Checked> checked = new ArrayList<>();
        progress.phase("held-out prompts", (long) questions.size() * (2 + 2L * draws));
        for (Question question : questions) {
            try (Baseline baseline = Baseline.of(model, question.prompt())) {
                checked.add(new OnPrompt(circuit, baseline, question, progress, checked.size() * (2L + 2L * draws))
                        .check(draws, random));
            }
        }
        return new CircuitCheck(List.copyOf(checked));
    }

    /** Of an outcome over the prompts: the probability. */
    public static Moments probability(Collection<Outcome> outcomes) {
        Moments moments = Moments.NONE;
        for (Outcome outcome : outcomes) {
            moments = moments.and(outcome.probability());
        }
        return moments;
    }

    /** One outcome of every prompt. */
    public List<Outcome> all(Function<Checked, Outcome> which) {
        return prompts.stream().map(which).toList();
    }

    /** All draws of all prompts. */
    public List<Outcome> draws(Function<Checked, List<Outcome>> which) {
        return prompts.stream().flatMap(one -> which.apply(one).stream()).toList();
    }

    /** Fewest and most features of the circuit that fire on a prompt. */
    public int[] fired() {
        return new int[] {
            prompts.stream().mapToInt(Checked::fired).min().orElse(0),
            prompts.stream().mapToInt(Checked::fired).max().orElse(0)
        };
    }

    /** The circuit on one prompt. */
    private static final class OnPrompt {
        private final Baseline baseline;
        private final Progress progress;
        private final Set<FeatureRef> circuit = new TreeSet<>();
        private final Set<FeatureRef> others = new TreeSet<>();
        private final int answer;
        private long done;

        OnPrompt(MergedCircuit circuit, Baseline baseline, Question question, Progress progress, long done) {
            this.baseline = baseline;
            this.progress = progress;
            this.done = done;
            Prompt prompt = question.prompt();
            circuit.alignment().require(prompt.texts());
            Set<FeatureRef> named = new HashSet<>();
            for (MergedCircuit.Node node : circuit.features()) {
                int position = circuit.alignment().position(node.member().role(), prompt.length());
                if (position >= 0) {
                    named.add(new FeatureRef(
                            node.member().layer(), position, node.member().feature()));
                }
            }
            int zeros = baseline.model().zeroPositions(prompt.tokens());
            for (int layer = 0; layer < baseline.model().layers(); layer++) {
                SparseActivations active = baseline.run().activations(layer);
                for (int i = 0; i < active.count(); i++) {
                    if (active.position()[i] >= zeros) {
                        FeatureRef feature = new FeatureRef(layer, active.position()[i], active.feature()[i]);
                        (named.contains(feature) ? this.circuit : others).add(feature);
                    }
                }
            }
            answer = question.answer() == null ? mostProbable(baseline.run()) : question.answer();
        }

        Checked check(int draws, Random random) {
            Outcome without = without(circuit);
            Outcome alone = without(others);
            List<Outcome> withoutRandom = new ArrayList<>();
            List<Outcome> randomAlone = new ArrayList<>();
            for (int draw = 0; draw < draws; draw++) {
                Set<FeatureRef> some = draw(random);
                withoutRandom.add(without(some));
                Set<FeatureRef> rest = new TreeSet<>(circuit);
                rest.addAll(others);
                rest.removeAll(some);
                randomAlone.add(without(rest));
            }
            return new Checked(
                    baseline.prompt().text(),
                    baseline.model().tokenizer().token(answer),
                    circuit.size(),
                    others.size(),
                    outcome(baseline.run()),
                    without,
                    List.copyOf(withoutRandom),
                    alone,
                    List.copyOf(randomAlone));
        }

        /** For each of the circuit's features another of its layer and position, while there are some; the rest from anywhere. */
        private Set<FeatureRef> draw(Random random) {
            Map<List<Integer>, List<FeatureRef>> places = new HashMap<>();
            List<FeatureRef> anywhere = new ArrayList<>(others);
            Collections.shuffle(anywhere, random);
            anywhere.forEach(feature -> places.computeIfAbsent(place(feature), _ -> new ArrayList<>())
                    .add(feature));
            Set<FeatureRef> drawn = new LinkedHashSet<>();
            for (FeatureRef feature : circuit) {
                List<FeatureRef> there = places.getOrDefault(place(feature), List.of());
                if (!there.isEmpty()) {
                    drawn.add(there.removeLast());
                }
            }
            for (FeatureRef feature : anywhere) {
                if (drawn.size() == Math.min(circuit.size(), others.size())) {
                    break;
                }
                drawn.add(feature);
            }
            return drawn;
        }

        private static List<Integer> place(FeatureRef feature) {
            return List.of(feature.layer(), feature.position());
        }

        private Outcome without(Set<FeatureRef> features) {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            progress.advance(++done);
            List<Edit> edits = features.stream()
                    .map(feature -> Edit.of(feature, Change.ABLATE))
                    .toList();
            try (Run run = baseline.apply(new Intervention(edits, Freeze.ATTENTION))) {
                return outcome(run);
            }
        }

        private Outcome outcome(Run run) {
            return new Outcome(run.probabilities(-1)[answer], mostProbable(run) == answer);
        }

        /** The first of the most probable tokens. */
        private static int mostProbable(Run run) {
            float[] logits = run.logits(-1);
            int best = 0;
            for (int token = 1; token < logits.length; token++) {
                best = logits[token] > logits[best] ? token : best;
            }
            return best;
        }
    }
}
