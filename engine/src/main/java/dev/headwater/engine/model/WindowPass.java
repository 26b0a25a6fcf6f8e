package dev.headwater.engine.model;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads many windows of text in one forward pass, for what needs a model's activations on a corpus: evidence about features, training of
 * transcoders. All products take the rows of all windows; short windows attend together under a mask that keeps them apart. Nothing is
 * kept but logits where they are asked for, and nothing unembedded else: each site's rows are handed on when the pass comes by.
 *
 * <p>A window's rows differ from those of a pass of its own by rounding only. The same windows in the same order give the same bits.
 */
public final class WindowPass {
    /** Takes what the model has at a site. */
    @FunctionalInterface
    public interface Receiver {
        /**
         * Called in the order of the computation, on the thread that runs the pass.
         *
         * @param rows F32 [n, width], the windows one below the other without the positions that are left out; lives until this returns
         */
        void take(FeatureSite site, int layer, Tensor rows);
    }

    private final LanguageModel model;
    private final List<int[]> windows;
    private final int left;

    /**
     * @param windows token ids, of at most as many tokens as the model has positions
     * @param left    positions at the start of each window that are not handed on: 1 for a leading special token
     * @throws IllegalArgumentException if a window is not longer than that, or there is none
     */
    public WindowPass(LanguageModel model, List<int[]> windows, int left) {
        this.model = model;
        this.windows = List.copyOf(windows);
        this.left = left;
        if (left < 0 || windows.isEmpty() || windows.stream().anyMatch(window -> window.length <= left)) {
            throw new IllegalArgumentException("windows need more than " + left + " tokens each");
        }
    }

    /** {@return n, rows that are handed on at each site} */
    public int rows() {
        return windows.stream().mapToInt(window -> window.length - left).sum();
    }

    /**
     * Runs the model.
     *
     * @param layers the first so many are run, and no more
     * @param sites  to hand on of each of them
     * @throws dev.headwater.engine.UsageException if a token is not in the vocabulary or a window too long
     */
    public void run(int layers, Set<FeatureSite> sites, Receiver receiver) {
        try (var _ = TensorScope.open()) {
            Tensor wanted = left == 0 ? null : Torch.to(Tensor.ofInts(places(), rows()), model.device());
            model.readPacked(windows, layers, new Hooks() {
                @Override
                public Tensor at(FeatureSite site, int layer, Tensor value) {
                    if (sites.contains(site)) {
                        try (var _ = TensorScope.open()) {
                            receiver.take(
                                    site, layer, wanted == null ? value : TorchShape.indexSelect(value, 0, wanted));
                        }
                    }
                    return value;
                }
            });
        }
    }

    /**
     * Runs all layers with hooks that change what goes on at the sites; they see the rows of all windows, none left out, and leave
     * attention as it is.
     *
     * @param logits at which positions they are kept
     * @return for each window its logits, if any were asked for; the caller closes them
     * @throws dev.headwater.engine.UsageException if a token is not in the vocabulary or a window too long
     */
    public List<Trace> run(Hooks hooks, TraceRequest.Logits logits) {
        return model.readPacked(windows, hooks, logits);
    }

    /** Rows of the pass that are handed on. */
    private int[] places() {
        int[] first = new int[windows.size()];
        for (int i = 1; i < first.length; i++) {
            first[i] = first[i - 1] + windows.get(i - 1).length;
        }
        return IntStream.range(0, first.length)
                .flatMap(i -> IntStream.range(first[i] + left, first[i] + windows.get(i).length))
                .toArray();
    }
}
