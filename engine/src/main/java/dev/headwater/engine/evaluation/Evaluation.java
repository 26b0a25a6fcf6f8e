package dev.headwater.engine.evaluation;

import dev.headwater.bindings.TensorScope;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.model.WindowPass;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A set of transcoders judged on a text. Documents are read in windows, each led by the tokenizer's special token. Positions where
 * features count as 0 (reference section 2.2: the special token, for most models) are judged by {@link Layer#fvuWithFirst} alone, and
 * keep their MLPs in every replacement and ablation.
 *
 * <p>Sums over positions are float64, of float32 values. Needs memory for the rows of some windows, at most 1,024 or one window's, at
 * one layer; for losses besides, 256 MiB of logits or one window's (window · vocabulary · 4 bytes) and a few tens of MiB.
 *
 * @param model       as it was asked for
 * @param transcoders as they were asked for
 * @param layers      figures by layer
 * @param losses      null if none were asked for
 * @param prompts     what was found on single prompts, empty if none were given
 */
public record Evaluation(
        String model,
        String transcoders,
        Size size,
        List<Layer> layers,
        @Nullable Losses losses,
        List<PromptScores> prompts) {
    /** Fewer positions than these say nothing of a set. */
    public static final int FEWEST = 100;

    /** A feature that is active at more than this share of positions is dense, as SAEBench counts them ({@code freq_over_10_percent}). */
    public static final double DENSE = 0.1;

    public Evaluation {
        layers = List.copyOf(layers);
        prompts = List.copyOf(prompts);
    }

    /**
     * How much is read.
     *
     * @param window     tokens that the model reads at once; longer documents are cut
     * @param tokens     of the text at most
     * @param lossTokens of the text's beginning for losses at most; 0 for no losses
     * @param layerLosses whether each layer is replaced alone too, which takes three passes a layer over those tokens
     */
    public record Options(int window, long tokens, long lossTokens, boolean layerLosses) {
        public static final Options DEFAULT = new Options(128, 20_000, 2_048, false);

        public Options {
            if (window < 3) {
                throw new UsageException("a window has 3 tokens or more, not " + window);
            }
            if (tokens < 1 || lossTokens < 0) {
                throw new UsageException(
                        tokens < 1
                                ? "at least 1 token has to be read, not " + tokens
                                : "the number of tokens for losses must not be negative: " + lossTokens);
            }
        }
    }

    /**
     * What was read, and what the set is.
     *
     * @param features      of a layer
     * @param crossLayer    whether features write to later layers too
     * @param windows       documents, or parts of them
     * @param positions     that layers are judged by, those where features count as 0 left out
     * @param predictions   tokens whose loss was taken
     */
    public record Size(int features, boolean crossLayer, int windows, long positions, long predictions) {}

    /**
     * Figures of one layer, y being the MLP's output at the set's output site and ŷ what the set makes of its input.
     *
     * @param fvu             fraction of variance unexplained: Σ‖y − ŷ‖² / Σ‖y − mean y‖² over the positions (as in EleutherAI's sparsify)
     * @param fvuNoOutliers   the same without positions whose y is over 10 times as long as the median of the first batch: massive
     *                        activations (Sun et al., arXiv 2402.17762) other than at the start
     * @param outliers        how many those are
     * @param fvuWithFirst    the same over all positions, those where features count as 0 included, with the features that the encoder
     *                        gives there
     * @param l0              mean number of active features at a position
     * @param dead            features that are active at no position of this text
     * @param dense           features that are active at more than {@link #DENSE} of the positions
     * @param loss            with this layer alone changed; null if it was not asked for
     */
    public record Layer(
            int layer,
            double fvu,
            double fvuNoOutliers,
            long outliers,
            double fvuWithFirst,
            double l0,
            int dead,
            int dense,
            @Nullable Changed loss) {}

    /**
     * Mean cross-entropy of the next token in nats, over the tokens after the positions where features count as 0, with MLP outputs
     * changed.
     *
     * @param replaced by what the set makes of their inputs, in this pass: features of a layer above are those that fire when the layers
     *                 below are replaced
     * @param zero     by 0
     * @param mean     by their mean over the text's positions
     */
    public record Changed(double replaced, double zero, double mean) {
        /** Where ablation costs less than so many nats there is nothing to recover, and shares of it say nothing. */
        public static final double LEAST = 0.01;

        /**
         * Loss recovered, (zero − replaced) / (zero − model): 1 where the set does what the MLPs do, 0 where it is no better than nothing
         * (SAELens' and SAEBench's {@code ce_loss_score}).
         */
        public double recovered(double model) {
            return (zero - replaced) / (zero - model);
        }

        /** The same against mean ablation, which is harder to beat: (mean − replaced) / (mean − model). */
        public double recoveredOverMean(double model) {
            return (mean - replaced) / (mean - model);
        }
    }

    /**
     * Losses in nats a token.
     *
     * @param model the model's own
     * @param all   with all layers changed at once
     */
    public record Losses(double model, Changed all) {}

    /** The mean over layers of their FVU. */
    public double meanFvu() {
        return layers.stream().mapToDouble(Layer::fvu).average().orElse(Double.NaN);
    }

    /** The mean over layers of their L0. */
    public double meanL0() {
        return layers.stream().mapToDouble(Layer::l0).average().orElse(Double.NaN);
    }

    /** Share of all features that are dead. */
    public double deadShare() {
        return layers.stream().mapToDouble(Layer::dead).sum() / ((double) size.features * layers.size());
    }

    /** Share of all features that are dense. */
    public double denseShare() {
        return layers.stream().mapToDouble(Layer::dense).sum() / ((double) size.features * layers.size());
    }

    /** {@return the same with what was found on prompts} */
    public Evaluation withPrompts(List<PromptScores> found) {
        return new Evaluation(model, transcoders, size, layers, losses, found);
    }

    /**
     * Judges the transcoders of a model.
     *
     * @param text that the set was not trained on
     * @throws UsageException        if features are the model's own neurons, or a window is longer than the model reads
     * @throws HeadwaterException    if the text cannot be read, has no text or fewer than {@value #FEWEST} positions, or numbers are not
     *                               finite
     * @throws CancellationException if the listener asks to stop
     */
    public static Evaluation of(ReplacementModel model, Corpus text, Options options, Progress progress) {
        try (var _ = model.use()) {
            TranscoderSet set = model.transcoders();
            int most = model.model().config().maxPositions();
            if (options.window > most) {
                throw new UsageException("a window has %,d tokens, and the model reads at most %,d at once"
                        .formatted(options.window, most));
            }
            List<int[]> windows = text.windows(model.tokenizer(), options.window, options.tokens, progress).stream()
                    .filter(window -> window.length > model.zeroPositions(window))
                    .toList();
            long positions = windows.stream()
                    .mapToLong(window -> window.length - model.zeroPositions(window))
                    .sum();
            if (positions < FEWEST) {
                throw new HeadwaterException(
                        "The text %s is too short to judge a set by: it has %d tokens where features count, and at least %d are needed"
                                .formatted(text.files(), positions, FEWEST));
            }
            List<LayerTally> tallies = tallies(model, set, windows, progress);
            LossRuns losses = new LossRuns(model, set, windows, tallies, options, progress);
            Losses all = losses.all();
            List<Layer> layers = new ArrayList<>();
            for (LayerTally tally : tallies) {
                layers.add(tally.figures(options.layerLosses && all != null ? losses.one(tally.layer()) : null));
            }
            return new Evaluation(
                    model.modelReference(),
                    model.transcoderReference(),
                    new Size(set.features(), set.crossLayer(), windows.size(), positions, losses.predictions()),
                    layers,
                    all,
                    List.of());
        }
    }

    private static List<LayerTally> tallies(
            ReplacementModel model, TranscoderSet set, List<int[]> windows, Progress progress) {
        List<LayerTally> tallies = IntStream.range(0, model.layers())
                .mapToObj(layer -> new LayerTally(layer, set.features(), set.width()))
                .toList();
        List<WindowRows> batches = WindowRows.batches(model, windows, WindowRows.MOST);
        progress.phase("windows", windows.size());
        int done = 0;
        for (WindowRows batch : batches) {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            try (var _ = TensorScope.open()) {
                SetPass pass = new SetPass(set, layer -> true, layer -> true, (layer, output, said, active) -> {
                    tallies.get(layer).add(batch, output, said, active);
                    return output;
                });
                new WindowPass(model.model(), batch.windows(), 0)
                        .run(pass, TraceRequest.Logits.NONE)
                        .forEach(Trace::close);
            }
            done += batch.windows().size();
            progress.advance(done);
        }
        return tallies;
    }
}
