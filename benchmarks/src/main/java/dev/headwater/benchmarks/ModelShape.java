package dev.headwater.benchmarks;

import static java.util.Objects.requireNonNull;

import dev.headwater.engine.UsageException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/**
 * Sizes of a random Llama with per-layer ReLU transcoders.
 *
 * @param layers   L
 * @param width    of the residual stream, d
 * @param heads    attention heads
 * @param kvHeads  key/value heads
 * @param headDim  width of a head
 * @param mlp      width of the MLP
 * @param vocab    tokens
 * @param features transcoder features of a layer
 * @param active   features that fire for a token in a layer, about
 */
public record ModelShape(
        int layers, int width, int heads, int kvHeads, int headDim, int mlp, int vocab, int features, int active) {
    /**
     * The job that issue and results speak of: between GPT-2 small and a modern small model, minutes of work for the
     * reference.
     */
    public static final ModelShape BENCH = new ModelShape(12, 768, 12, 4, 64, 3072, 4096, 6144, 60);

    /**
     * Shapes with names. Of the large models only two layers and a small vocabulary, which fit into any machine's
     * memory.
     */
    private static final Map<String, ModelShape> NAMED = new LinkedHashMap<>();

    static {
        NAMED.put("bench", BENCH);
        NAMED.put("tiny", new ModelShape(2, 64, 4, 2, 16, 128, 256, 256, 12));
        NAMED.put("small", new ModelShape(4, 256, 4, 2, 64, 1024, 2048, 2048, 30));
        NAMED.put("atlas", new ModelShape(6, 192, 6, 3, 32, 512, 5657, 2048, 20));
        NAMED.put("gemma-2-2b", new ModelShape(2, 2304, 8, 4, 256, 9216, 4096, 16384, 80));
        NAMED.put("llama-3.2-1b", new ModelShape(2, 2048, 32, 8, 64, 8192, 4096, 131072, 60));
    }

    public ModelShape {
        if (layers < 1
                || width < 1
                || heads < 1
                || kvHeads < 1
                || headDim < 2
                || headDim % 2 != 0
                || mlp < 1
                || vocab < 3
                || features < 1) {
            throw new UsageException(
                    "a model needs at least one layer, head and feature, 3 tokens and heads of even width");
        }
        if (heads % kvHeads != 0) {
            throw new UsageException(heads + " heads do not divide among " + kvHeads + " key/value heads");
        }
        if (active < 1 || active > features) {
            throw new UsageException(active + " of " + features + " features can't be active");
        }
    }

    /** A name, or a name with changes as in {@code bench:layers=24,features=12288}. */
    public static ModelShape parse(String text) {
        String[] parts = text.split(":", 2);
        ModelShape base = NAMED.get(parts[0]);
        if (base == null) {
            throw new UsageException(
                    "There is no benchmark model '" + parts[0] + "'; there are " + String.join(", ", NAMED.keySet()));
        }
        Map<String, Integer> sizes = base.sizes();
        for (String change : parts.length == 1 ? new String[0] : parts[1].split(",")) {
            String[] pair = change.split("=", 2);
            if (pair.length < 2 || !sizes.containsKey(pair[0]) || !pair[1].matches("[1-9]\\d{0,8}")) {
                throw new UsageException("'" + change + "' in '" + text + "' is not a size of a model; sizes are "
                        + String.join(", ", sizes.keySet()));
            }
            sizes.put(pair[0], Integer.parseInt(pair[1]));
        }
        ToIntFunction<String> size = name -> requireNonNull(sizes.get(name));
        return new ModelShape(
                size.applyAsInt("layers"),
                size.applyAsInt("width"),
                size.applyAsInt("heads"),
                size.applyAsInt("kvheads"),
                size.applyAsInt("headdim"),
                size.applyAsInt("mlp"),
                size.applyAsInt("vocab"),
                size.applyAsInt("features"),
                size.applyAsInt("active"));
    }

    private Map<String, Integer> sizes() {
        Map<String, Integer> sizes = new LinkedHashMap<>();
        sizes.put("layers", layers);
        sizes.put("width", width);
        sizes.put("heads", heads);
        sizes.put("kvheads", kvHeads);
        sizes.put("headdim", headDim);
        sizes.put("mlp", mlp);
        sizes.put("vocab", vocab);
        sizes.put("features", features);
        sizes.put("active", active);
        return sizes;
    }

    /** What follows from the other sizes is left to them: attention's inner width. */
    int headsWidth() {
        return heads * headDim;
    }

    int valueWidth() {
        return kvHeads * headDim;
    }

    /** A name for the directory of this model. */
    String slug() {
        return Arrays.stream(new int[] {layers, width, heads, kvHeads, headDim, mlp, vocab, features, active})
                .mapToObj(Integer::toString)
                .collect(Collectors.joining("-"));
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%d layers, width %d, %d heads of %d, %d key/value heads, MLP %,d, vocabulary %,d, %,d features a layer, about %d active",
                layers,
                width,
                heads,
                headDim,
                kvHeads,
                mlp,
                vocab,
                features,
                active);
    }
}
