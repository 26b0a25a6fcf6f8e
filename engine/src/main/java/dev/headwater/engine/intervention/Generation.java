package dev.headwater.engine.intervention;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.KvCache;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.tokens.GenerationConfig;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Continues a prompt token by token while edits hold. The prompt's pass is that of {@link Baseline#apply}; afterwards
 * each token is read by a pass of its own that sees the cached keys and values, with nothing frozen and the edits whose
 * positions have an open end.
 *
 * @param tokens token ids that were generated, a stop token included
 * @param text   of the tokens, without the stop token
 */
public record Generation(int[] tokens, String text, End end) {
    /** Why it ended. */
    public enum End {
        COUNT,
        STOP_TOKEN,
        MODEL_LIMIT
    }

    /**
     * @param maxTokens how many tokens at most
     * @param stop      ids that end the text
     */
    public record Options(int maxTokens, Sampling sampling, Set<Integer> stop) {
        private static final int MOST = 1 << 20;

        public Options {
            stop = Set.copyOf(stop);
            if (maxTokens < 1 || maxTokens > MOST) {
                throw new UsageException(
                        "the number of tokens to generate must be from 1 to " + MOST + ", not " + maxTokens);
            }
        }

        /** Greedy, until one of the model's stop tokens. */
        public static Options greedy(ReplacementModel model, int maxTokens) {
            return new Options(maxTokens, Sampling.GREEDY, stopTokens(model));
        }
    }

    /** Hears of each token when it is chosen. */
    @FunctionalInterface
    public interface Listener {
        /**
         * @param run the pass after which the token was chosen: first the prompt's, then those of single tokens. Only
         *      its last logits
         *            are kept; it is closed when the listener returns
         */
        void token(int token, Run run);
    }

    /**
     * Generates.
     *
     * @throws UsageException if an edit names what does not exist, or can have no effect
     */
    public static Generation of(Baseline baseline, Intervention intervention, Options options, Listener listener) {
        ReplacementModel model = baseline.model();
        int prompt = baseline.run().positions();
        intervention.check(model.basis(), prompt, true);
        var edits = baseline.withCachedActivations(intervention.edits());
        var random = new SplittableRandom(options.sampling.seed());
        int most =
                (int) Math.min(options.maxTokens, (long) model.model().config().maxPositions() - prompt + 1);
        int[] tokens = new int[most];
        int count = 0;
        End end = most < options.maxTokens ? End.MODEL_LIMIT : End.COUNT;
        try (var _ = model.use();
                KvCache cache = model.model().cache(prompt + most)) {
            while (count < most && end != End.STOP_TOKEN) {
                try (Run run = count == 0
                        ? baseline.run(baseline.hooks(intervention), Logits.LAST, cache)
                        : next(
                                model,
                                EditPlan.ofToken(edits, model.layers(), prompt, prompt + count - 1),
                                intervention.heads(),
                                tokens[count - 1],
                                cache)) {
                    int token = options.sampling.choose(run.logits(-1), random);
                    tokens[count++] = token;
                    listener.token(token, run);
                    if (options.stop.contains(token)) {
                        end = End.STOP_TOKEN;
                    }
                }
            }
        }
        tokens = Arrays.copyOf(tokens, count);
        int[] spoken = end == End.STOP_TOKEN ? Arrays.copyOf(tokens, count - 1) : tokens;
        return new Generation(
                tokens, spoken.length == 0 ? "" : model.tokenizer().decode(spoken), end);
    }

    private static Run next(ReplacementModel model, EditPlan plan, List<HeadEdit> heads, int token, KvCache cache) {
        List<HeadEdit> lasting =
                heads.stream().filter(HeadEdit.KnockOut.class::isInstance).toList();
        Hooks hooks = plan.isEmpty() && lasting.isEmpty()
                ? Hooks.NONE
                : new EditedPass(model.basis(), plan, lasting, Freeze.NOTHING, null);
        var request = new TraceRequest(Set.of(model.basis().input()), false, Logits.LAST);
        return new Run(model, model.model().forward(new int[] {token}, request, hooks, cache), 0);
    }

    /** The tokenizer's end-of-sequence token and those that the model's {@code generation_config.json} lists. */
    public static Set<Integer> stopTokens(ReplacementModel model) {
        Set<Integer> stop =
                new HashSet<>(GenerationConfig.read(model.model().directory()).stop());
        model.tokenizer().special().eos().ifPresent(stop::add);
        return stop;
    }
}
