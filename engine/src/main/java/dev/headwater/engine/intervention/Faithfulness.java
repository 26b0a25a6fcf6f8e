package dev.headwater.engine.intervention;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.NeuronRanking;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.OutputTargets.Direction;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.contrast.MeanActivations;
import dev.headwater.engine.contrast.SharedMeans;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.model.Trace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;

/**
 * How few neurons carry an answer. Of each prompt some neurons keep their activations as the model computes them, all others are
 * set to their mean over a contrast at the same position, everything else runs live, and zero positions are left alone. What is
 * measured is how much of the answer's logit, less the logit of another token, is kept.
 *
 * @param neurons   of the model, over all layers and positions of the first prompt
 * @param counts    how many neurons keep their activations, ascending
 * @param questions what was measured of each prompt
 * @param contrast  means over the questions that count, of neurons chosen by the effect of their distance from the mean [counts]
 * @param total     the same, of neurons chosen by the effect of their activations
 * @param random    the same, of random neurons
 */
public record Faithfulness(
        long neurons,
        List<Integer> counts,
        List<Measured> questions,
        List<Double> contrast,
        List<Double> total,
        List<Double> random) {
    /** 30 to 10,000 neurons. */
    public static final List<Integer> COUNTS = List.of(0, 30, 100, 300, 1000, 3000, 10_000);

    /**
     * @param answer  token whose logit is followed
     * @param instead token whose logit is taken off
     * @param against what the prompt is held against
     */
    public record Question(Prompt prompt, int answer, int instead, Contrast against) {}

    /**
     * @param difference of the logits in the model as it is; where it is not above 0 the model does not know the answer, and the
     *      prompt does not count
     * @param contrast   shares of it that are kept [counts]
     */
    public record Measured(
            String prompt,
            String answer,
            String instead,
            double difference,
            List<Double> contrast,
            List<Double> total,
            List<Double> random) {
        /** Whether the model knows the answer. */
        public boolean counts() {
            return difference > 0;
        }
    }

    /**
     * Measures it.
     *
     * @param counts of neurons that keep their activations
     * @param seed   of the random ones
     * @throws UsageException if the model's features are not its neurons, a count is negative, or a prompt cannot be aligned
     * @throws CancellationException if the progress listener asks to stop
     */
    public static Faithfulness of(
            ReplacementModel model, List<Question> questions, List<Integer> counts, long seed, Progress progress) {
        if (questions.isEmpty() || counts.isEmpty() || counts.stream().anyMatch(count -> count < 0)) {
            throw new UsageException(
                    "faithfulness needs prompts with answers, and numbers of neurons that are not negative");
        }
        List<Integer> ascending = counts.stream().sorted().distinct().toList();
        try (var _ = model.use();
                var work = new Work(model, ascending, new Random(seed), questions.size(), progress)) {
            List<Measured> measured = questions.stream().map(work::measure).toList();
            List<Measured> known = measured.stream().filter(Measured::counts).toList();
            return new Faithfulness(
                    (long) model.layers()
                            * questions.getFirst().prompt().length()
                            * model.basis().features(),
                    ascending,
                    measured,
                    mean(known.stream().map(Measured::contrast).toList(), ascending.size()),
                    mean(known.stream().map(Measured::total).toList(), ascending.size()),
                    mean(known.stream().map(Measured::random).toList(), ascending.size()));
        }
    }

    /** NaN of nothing. */
    private static List<Double> mean(List<List<Double>> rows, int columns) {
        List<Double> means = new ArrayList<>();
        for (int c = 0; c < columns; c++) {
            int column = c;
            means.add(
                    rows.stream().mapToDouble(row -> row.get(column)).average().orElse(Double.NaN));
        }
        return means;
    }

    /** The questions one after the other. */
    private static final class Work implements AutoCloseable {
        private final ReplacementModel model;
        private final List<Integer> counts;
        private final Random random;
        private final Progress progress;
        private final SharedMeans shared;
        private int done;

        Work(ReplacementModel model, List<Integer> counts, Random random, int questions, Progress progress) {
            this.model = model;
            this.counts = counts;
            this.random = random;
            this.progress = progress;
            MeanActivations.neurons(model); // refuses a model without
            shared = new SharedMeans(model, progress);
            progress.phase("neurons kept", 3L * counts.size() * questions);
        }

        Measured measure(Question question) {
            Prompt prompt = question.prompt();
            MeanActivations means = shared.of(prompt, question.against());
            int most = Math.max(1, counts.getLast());
            OutputTargets targets = new OutputTargets.Directions(
                    List.of(new Direction("answer", 1, difference(question.answer(), question.instead()))));
            double all;
            long[] contrast;
            long[] total;
            try (Trace trace = model.trace(prompt.tokens());
                    var _ = TensorScope.open()) {
                all = difference(trace, question);
                contrast = NeuronRanking.strongest(model, trace, targets, means, most);
                total = NeuronRanking.strongest(model, trace, targets, null, most);
            }
            return new Measured(
                    prompt.text(),
                    model.tokenizer().token(question.answer()),
                    model.tokenizer().token(question.instead()),
                    all,
                    kept(question, contrast, means, all),
                    kept(question, total, means, all),
                    kept(question, KeptNeurons.random(model, prompt, most, random), means, all));
        }

        private float[] difference(int answer, int instead) {
            float[] vector = model.model().unembedding(answer);
            float[] minus = model.model().unembedding(instead);
            for (int i = 0; i < vector.length; i++) {
                vector[i] -= minus[i];
            }
            return vector;
        }

        private static double difference(Trace trace, Question question) {
            float[] logits = trace.logits().toFloats();
            return (double) logits[question.answer()] - logits[question.instead()];
        }

        private List<Double> kept(Question question, long[] ranked, MeanActivations means, double all) {
            List<Double> shares = new ArrayList<>();
            for (int count : counts) {
                if (progress.cancelled()) {
                    throw new CancellationException();
                }
                long[] some = Arrays.copyOf(ranked, Math.min(count, ranked.length));
                try (var _ = TensorScope.open();
                        Trace trace = KeptNeurons.run(model, question.prompt(), some, means)) {
                    shares.add(difference(trace, question) / all);
                }
                progress.advance(++done);
            }
            return shares;
        }

        @Override
        public void close() {
            shared.close();
        }
    }
}
