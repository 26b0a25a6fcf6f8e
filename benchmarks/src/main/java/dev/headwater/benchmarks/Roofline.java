package dev.headwater.benchmarks;

import dev.headwater.engine.transcoder.Residency;
import java.util.Arrays;
import java.util.List;

/**
 * The least time that an attribution can take on a GPU, phase by phase, from sizes alone: the larger of its operations at the card's rate,
 * its bytes at the rate of the memory or of the bus, and its launches.
 *
 * <p>With L layers, width d, widths h of all heads and v of all values, F features a layer, P tokens, A active features, R rows (targets),
 * and the causal cone's quarter of all (target, source) pairs: encode 2 P L d F operations; sweep R P L d (h + v) / 2; mixing R L h P² / 6;
 * contraction with features R A d / 2, of a cross-layer set L / 3 times as much; with errors and tokens R P L d / 2.
 */
final class Roofline {
    /**
     * A card, by its maker's data sheet (SXM, dense).
     *
     * @param float32  operations a second of the plain units
     * @param tf32     of the tensor cores in TF32
     * @param memory   bytes a second
     * @param bus      bytes a second from the host, as usually measured
     * @param capacity bytes
     */
    record Card(String name, double float32, double tf32, double memory, double bus, long capacity) {}

    static final List<Card> CARDS = List.of(
            new Card("A100", 19.5e12, 156e12, 2.04e12, 25e9, 80_000_000_000L),
            new Card("H100", 67e12, 495e12, 3.35e12, 50e9, 80_000_000_000L),
            new Card("H200", 67e12, 495e12, 4.8e12, 50e9, 141_000_000_000L));

    /**
     * A model with its set.
     *
     * @param number bytes of a number in the set's files
     */
    record Job(String name, ModelShape shape, boolean crossLayer, int number) {}

    static final List<Job> JOBS = List.of(
            new Job(
                    "Gemma-2-2B, 16k a layer",
                    ModelShape.parse("gemma-2-2b:layers=26,vocab=256000"),
                    false,
                    Float.BYTES),
            new Job(
                    "Gemma-2-2B, cross-layer 426k",
                    ModelShape.parse("gemma-2-2b:layers=26,vocab=256000"),
                    true,
                    Short.BYTES),
            new Job(
                    "Llama-3.2-1B, 131k a layer",
                    ModelShape.parse("llama-3.2-1b:layers=16,vocab=128256"),
                    false,
                    Short.BYTES),
            new Job("benchmark shape", ModelShape.BENCH, false, Float.BYTES));

    static final int[] TOKENS = {16, 64, 256, 1024};

    /** Rows of a graph at most, and of a round: the defaults. */
    private static final int MOST_FEATURES = 7500;

    private static final int ROUND = 2048;
    private static final int OUTPUTS = 10;
    /** Seconds from one small kernel to the next. */
    private static final double LAUNCH = 4e-6;
    /** Bytes a second at which the host ranks features: it reads each edge once or twice. */
    private static final double HOST = 10e9;
    /** Of the products in each 64-wide tile of sources, what one source for a position wastes. */
    private static final int TILE = 64;

    /** What limits a phase. */
    enum Limit {
        OPERATIONS,
        MEMORY,
        BUS,
        LAUNCHES,
        HOST
    }

    /**
     * A phase's work.
     *
     * @param operations    that are needed
     * @param performed     that our kernels perform, waste included
     * @param products      whether tensor cores could do it
     * @param bytes         through the card's memory
     * @param overBus       between host and card
     * @param host          bytes that the host works through
     */
    record Phase(
            String name,
            double operations,
            double performed,
            boolean products,
            double bytes,
            double overBus,
            long launches,
            double host) {
        /** @param tensorCores products by three TF32 products each, without waste */
        double seconds(Card card, boolean tensorCores) {
            return Arrays.stream(times(card, tensorCores)).max().orElseThrow();
        }

        Limit limit(Card card, boolean tensorCores) {
            double[] times = times(card, tensorCores);
            int most = 0;
            for (int i = 1; i < times.length; i++) {
                most = times[i] > times[most] ? i : most;
            }
            return Limit.values()[most];
        }

        private double[] times(Card card, boolean tensorCores) {
            double rate = tensorCores && products ? card.tf32() / 3 : card.float32();
            return new double[] {
                (tensorCores ? operations : performed) / rate,
                bytes / card.memory(),
                overBus / card.bus(),
                launches * LAUNCH,
                host / HOST
            };
        }
    }

    private Roofline() {}

    static double active(Job job, int tokens) {
        return (double) job.shape().active() * job.shape().layers() * tokens;
    }

    static double rows(Job job, int tokens) {
        return Math.min(MOST_FEATURES, active(job, tokens)) + OUTPUTS;
    }

    /** Bytes of the model in float32, folded weights included: attention's outputs and values once more. */
    private static double weights(ModelShape s) {
        return Float.BYTES * (parameters(s) + (double) s.layers() * s.width() * (s.headsWidth() + s.valueWidth()));
    }

    private static double parameters(ModelShape s) {
        return (double) s.layers() * s.width() * (2.0 * s.headsWidth() + 2.0 * s.valueWidth() + 3.0 * s.mlp())
                + (double) s.vocab() * s.width();
    }

    /** What of the set stays on a card that has nothing else to do. */
    static Residency residency(Job job, Card card) {
        ModelShape s = job.shape();
        long matrix = (long) s.features() * s.width() * job.number();
        long[] encoders = new long[s.layers()];
        long[] decoders = new long[s.layers()];
        Arrays.fill(encoders, matrix);
        Arrays.setAll(decoders, layer -> matrix * (job.crossLayer() ? s.layers() - layer : 1));
        return Residency.of((long) (0.75 * (card.capacity() - weights(s))), encoders, decoders);
    }

    static List<Phase> phases(Job job, int tokens, Card card) {
        ModelShape s = job.shape();
        Residency stays = residency(job, card);
        double layers = s.layers();
        double width = s.width();
        double heads = s.headsWidth();
        double values = s.valueWidth();
        double active = active(job, tokens);
        double rows = rows(job, tokens);
        double gradients = rows * tokens / 2 * layers / 2;
        long rounds = 1 + (long) Math.ceil((rows - OUTPUTS) / ROUND);
        double matrix = (double) s.features() * width;
        double vectors = active * width * (job.crossLayer() ? (layers + 1) / 2 : 1);
        double pairs = rows * active / 4 * (job.crossLayer() ? Math.max(1, layers / 3) : 1);
        double edges = rows * (active + layers * tokens + tokens) / 4;
        double single = 2 * gradients * width;
        // A bfloat16 encoder is read, written as float32 and read again.
        double encoded = layers * matrix * (job.number() == Float.BYTES ? 4 : 2 + 4 + 4);
        return List.of(
                new Phase(
                        "forward pass",
                        2 * tokens * parameters(s),
                        2 * tokens * parameters(s),
                        true,
                        Float.BYTES * parameters(s),
                        0,
                        (long) (30 * layers),
                        0),
                new Phase(
                        "encode",
                        2 * tokens * layers * matrix,
                        2 * tokens * layers * matrix,
                        true,
                        encoded + 12.0 * tokens * layers * s.features(),
                        stays.streamedBytes(),
                        (long) (12 * layers),
                        0),
                new Phase(
                        "decoder vectors",
                        vectors,
                        vectors,
                        false,
                        vectors * (job.number() + Float.BYTES),
                        stays.decoderLayers() == s.layers() ? 0 : vectors * Float.BYTES,
                        (long) (3 * layers * (job.crossLayer() ? layers / 2 : 1)),
                        0),
                new Phase(
                        "sweep",
                        2 * gradients * width * (heads + values),
                        2 * gradients * width * (heads + values),
                        true,
                        Float.BYTES * gradients * (3 * width + 2 * heads + 2 * values),
                        0,
                        (long) (8 * layers * rounds),
                        0),
                new Phase(
                        "mixing",
                        rows * layers * heads * tokens * tokens / 6,
                        rows * layers * heads * tokens * tokens / 6,
                        true,
                        Float.BYTES * gradients * (heads + values),
                        0,
                        (long) (layers * rounds),
                        0),
                new Phase(
                        "contraction, features",
                        2 * pairs * width,
                        2 * pairs * width,
                        true,
                        Float.BYTES * (gradients * width * (job.crossLayer() ? layers / 3 : 1) + rounds * vectors),
                        0,
                        (long) (layers * rounds * (job.crossLayer() ? layers / 2 : 1)),
                        0),
                new Phase(
                        "contraction, errors and tokens",
                        single,
                        TILE * single,
                        true,
                        Float.BYTES * gradients * width,
                        0,
                        (long) (layers * rounds),
                        0),
                new Phase("edges to the host", 0, 0, false, 0, Float.BYTES * edges, rounds, 0),
                new Phase("ranking", 0, 0, false, 0, 0, 0, Float.BYTES * edges));
    }
}
