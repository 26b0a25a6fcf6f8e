package dev.headwater.engine.training;

import dev.headwater.bindings.Adam;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains some layers in rounds. The buffer has slots, each of which holds the activations of a chunk of windows; a round fills one slot with
 * the next chunk and then learns from all rows of the buffer, in random order. What a round does depends on its number, the seed, the text
 * and the state alone, so that a run that goes on from a checkpoint does what it would have done.
 */
final class LayerTraining implements AutoCloseable {
    /** Of a gradient's norm. */
    private static final double BOUND = 1;

    /** Positions without activation after which a feature counts as dead. */
    static final long DEAD_AFTER = 1 << 16;
    /** Rounds after which held-out text is judged. */
    private static final int JUDGE = 4;
    /** How fast the weight of a penalty follows the number of active features, at a step. */
    private static final double STEERING = 0.02;
    /** Rows from which decoders are solved. */
    private static final int FIT_ROWS = 16384;

    private final ActivationReader reader;
    private final TrainingText text;
    private final TrainingOptions options;
    private final TrainingListener listener;
    private final TrainingState state;
    private final List<Span> spans = new ArrayList<>();
    private final ActivationBuffer buffer;
    private final ActivationBuffer heldOut;
    private final Rounds plan;
    private final double[] heldActive;
    private double judged = Double.NaN;

    LayerTraining(
            ActivationReader reader,
            TrainingOptions options,
            TrainingListener listener,
            TrainingState state,
            int width) {
        this.reader = reader;
        this.text = reader.text();
        this.options = options;
        this.listener = listener;
        this.state = state;
        plan = Rounds.of(options, text.windows().size(), text.length());
        if (options.shape().crossLayer()) {
            spans.add(new Span(options.shape(), state.layers()));
        } else {
            state.layers().forEach(layer -> spans.add(new Span(options.shape(), List.of(layer))));
        }
        int layers = state.layers().size();
        heldActive = new double[layers];
        buffer = new ActivationBuffer(state.first(), layers, width, plan.slots(), plan.chunk() * text.length());
        heldOut = new ActivationBuffer(
                state.first(), layers, width, 1, text.heldOut().size() * text.length());
    }

    /** Means and variances of the layers, on the first windows. */
    static List<Scaling> scalings(ActivationReader reader, int first, int end, int width) {
        List<Scaling.Moments> moments = IntStream.range(0, 2 * (end - first))
                .mapToObj(_ -> new Scaling.Moments(width))
                .toList();
        TrainingText text = reader.text();
        int some = Math.min(text.windows().size(), Math.ceilDiv(4096, text.length()));
        reader.read(text.windows().subList(0, some), (output, layer, _, rows) -> {
            if (layer >= first && layer < end) {
                moments.get(2 * (layer - first) + (output ? 1 : 0)).add(rows);
            }
        });
        return IntStream.range(0, end - first)
                .mapToObj(l -> Scaling.of(moments.get(2 * l), moments.get(2 * l + 1)))
                .toList();
    }

    private int chunkTokens() {
        return plan.chunk() * text.length();
    }

    private void fill(int slot, int chunk) {
        int from = chunk % plan.chunks() * plan.chunk();
        buffer.filled(
                slot,
                reader.read(text.windows().subList(from, from + plan.chunk()), buffer.filling(slot, state.scalings())));
    }

    /**
     * Rounds until the budget is spent.
     *
     * @param checkpoint is called between rounds; it decides by itself whether it is time
     * @param warm       where features begin that have no state yet, or null for data
     * @throws CancellationException if the listener asks for it, after a checkpoint
     */
    void run(Checkpoints checkpoint, @Nullable WarmStart warm) {
        TrainingState.Clock clock = state.clock();
        long begun = System.nanoTime() - clock.nanos;
        listener.phase(phase("activations"), -1);
        heldOut.filled(0, reader.read(text.heldOut(), heldOut.filling(0, state.scalings())));
        boolean fresh = clock.round == 0 && clock.step == 0;
        // A round fills its own slot; the others hold what was there before it.
        for (int slot = 0; slot < plan.slots(); slot++) {
            int next = Math.max(0, clock.round - 1);
            fill(slot, plan.inSlot(slot, next, options.budget().time() != null));
            cancel(checkpoint, false);
        }
        if (fresh) {
            listener.phase(phase("first features"), -1);
            begin(warm);
        }
        listener.phase(phase("training"), options.budget().time() != null ? -1 : text.tokens());
        while (!clock.over) {
            if (clock.round > 0) {
                int chunk = plan.slots() - 1 + clock.round;
                if (chunk < plan.chunks() || options.budget().time() != null) {
                    fill(chunk % plan.slots(), chunk);
                }
            }
            round(begun);
            clock.round++;
            clock.nanos = System.nanoTime() - begun;
            clock.over = share(clock, clock.round) >= 1
                    || listener.enough()
                    || options.budget().fvu() > 0 && judged <= options.budget().fvu();
            checkpoint.between(state, clock.over);
            cancel(checkpoint, true);
        }
    }

    private String phase(String name) {
        return options.shape().crossLayer()
                        || state.layers().size() == reader.model().config().layers()
                ? name
                : "%s, layers %d to %d"
                        .formatted(
                                name,
                                state.first(),
                                state.first() + state.layers().size() - 1);
    }

    private void cancel(Checkpoints checkpoint, boolean begun) {
        if (listener.cancelled()) {
            if (begun) {
                checkpoint.between(state, true);
            }
            throw new CancellationException();
        }
    }

    /** Writes the state now and then. */
    @FunctionalInterface
    interface Checkpoints {
        void between(TrainingState state, boolean surely);
    }

    /** How much of the budget is spent when so many rounds are. */
    private double share(TrainingState.Clock clock, double rounds) {
        double share = options.budget().time() == null ? rounds / plan.chunks() : 0;
        Duration time = options.budget().time();
        if (time != null) {
            share = Math.max(share, (double) clock.nanos / time.toNanos());
            if (options.budget().tokens() != Long.MAX_VALUE) {
                share = Math.max(
                        share, rounds * chunkTokens() / options.budget().tokens());
            }
        }
        return Math.min(1, share);
    }

    private LayerStart.Rows rows(int layer) {
        return new LayerStart.Rows() {
            @Override
            public Tensor input(long[] rows) {
                return buffer.input(layer, rows);
            }

            @Override
            public Tensor output(long[] rows) {
                return buffer.output(layer, rows);
            }
        };
    }

    private LayerStart start(int index) {
        return options.shape().crossLayer()
                ? new LayerStart(spans.getFirst(), index)
                : new LayerStart(spans.get(index), 0);
    }

    private void begin(@Nullable WarmStart warm) {
        long[] order = shuffled(buffer.rows(), new Random(options.settings().seed()));
        long[] some = Arrays.copyOf(order, Math.min(order.length, FIT_ROWS));
        everyLayer(index -> {
            int layer = state.first() + index;
            if (warm == null) {
                start(index)
                        .begin(rows(layer), some, new Random(options.settings().seed() + 31L * layer));
                return;
            }
            LayerParameters parameters = state.layers().get(index);
            warm.begin(layer, parameters, state.scalings().subList(index, index + parameters.targets));
            warm.thresholds(layer, options.shape().kind(), parameters);
        });
        for (LayerParameters layer : state.layers()) {
            layer.penalty = options.shape().kind().penalised() ? 1e-4 : 0;
        }
    }

    /** Thresholds and decoders at their best for the encoders that were learned. */
    void finish() {
        long begun = System.nanoTime();
        listener.phase(phase("least squares"), -1);
        long[] order = shuffled(buffer.rows(), new Random(options.settings().seed() + 1));
        everyLayer(index -> {
            LayerStart.Rows rows = rows(state.first() + index);
            if (options.shape().kind() == FeatureKind.BATCHTOPK) {
                start(index).cut(rows, order);
            }
            if (options.settings().refit() && !options.shape().crossLayer()) {
                start(index).fit(rows, order);
            }
        });
        state.clock().nanos += System.nanoTime() - begun;
    }

    /** Each layer by itself, on as many threads as there are processors; the order does not matter to what comes of it. */
    private void everyLayer(IntConsumer work) {
        IntStream.range(0, state.layers().size()).parallel().forEach(index -> {
            try (var _ = TensorScope.open()) {
                work.accept(index);
            }
        });
    }

    private static long[] shuffled(long[] rows, Random random) {
        for (int i = rows.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            long row = rows[i];
            rows[i] = rows[other];
            rows[other] = row;
        }
        return rows;
    }

    private void round(long begun) {
        TrainingState.Clock clock = state.clock();
        Random random = new Random(options.settings().seed() * 0x9e3779b97f4a7c15L + clock.round);
        long[] order = shuffled(buffer.rows(), random);
        int batch = Math.min(options.settings().batch(), order.length);
        int steps = order.length / batch;
        double[] loss = new double[state.layers().size()];
        double[] active = new double[loss.length];
        for (int s = 0; s < steps; s++) {
            if (options.budget().time() != null) {
                clock.nanos = System.nanoTime() - begun;
            }
            double rate =
                    options.settings().rate() * Rounds.rate(clock.step, share(clock, clock.round + (double) s / steps));
            clock.step++;
            step(Arrays.copyOfRange(order, s * batch, (s + 1) * batch), rate, loss, active);
        }
        clock.nanos = System.nanoTime() - begun;
        boolean last = share(clock, clock.round + 1) >= 1;
        double[] held =
                options.budget().fvu() > 0 || last || clock.round % JUDGE == JUDGE - 1 ? unexplained() : new double[0];
        judged = held.length == 0 ? judged : Arrays.stream(held).average().orElseThrow();
        List<TrainingReport.Layer> layers = IntStream.range(0, loss.length)
                .mapToObj(l -> new TrainingReport.Layer(
                        state.first() + l,
                        loss[l] / steps,
                        active[l] / steps,
                        Span.dead(state.layers().get(l), DEAD_AFTER),
                        held.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(held[l])))
                .toList();
        double share = share(clock, clock.round + 1);
        listener.advance((long) (share * text.tokens()));
        listener.report(new TrainingReport(clock.step, tokens(), share, clock.nanos / 1e9, layers));
    }

    /** When all is done: figures on held-out text. */
    TrainingReport last(double[] held) {
        TrainingState.Clock clock = state.clock();
        List<TrainingReport.Layer> layers = IntStream.range(0, held.length)
                .mapToObj(l -> new TrainingReport.Layer(
                        state.first() + l,
                        held[l],
                        heldActive[l],
                        Span.dead(state.layers().get(l), DEAD_AFTER),
                        OptionalDouble.of(held[l])))
                .toList();
        return new TrainingReport(clock.step, tokens(), 1, clock.nanos / 1e9, layers);
    }

    private long tokens() {
        return (long) Math.min(plan.slots() + state.clock().round, plan.chunks()) * chunkTokens();
    }

    private void step(long[] rows, double rate, double[] loss, double[] active) {
        int layer = 0;
        for (Span span : spans) {
            try (var _ = TensorScope.open()) {
                List<Tensor> x = new ArrayList<>();
                List<Tensor> y = new ArrayList<>();
                for (int l = 0; l < span.layers().size(); l++) {
                    x.add(buffer.input(state.first() + layer + l, rows));
                    y.add(buffer.output(state.first() + layer + l, rows));
                }
                List<Span.Fit> fits = span.gradients(x, y, DEAD_AFTER);
                for (int l = 0; l < fits.size(); l++, layer++) {
                    LayerParameters parameters = span.layers().get(l);
                    double norm =
                            parameters.step(Span.scale(rows.length, parameters.width), BOUND, rate, state.clock().step);
                    if (!Double.isFinite(norm) || !Double.isFinite(fits.get(l).unexplained())) {
                        throw new HeadwaterException(
                                "The loss of layer %d is not a number at step %d; what was kept last is before that: go on from there with a lower rate than %s"
                                        .formatted(
                                                state.first() + layer,
                                                state.clock().step,
                                                options.settings().rate()));
                    }
                    steer(parameters, fits.get(l).active());
                    loss[layer] += fits.get(l).unexplained();
                    active[layer] += fits.get(l).active();
                }
            }
        }
    }

    /** A penalty grows while more features are active than there are to be. */
    private void steer(LayerParameters layer, double active) {
        if (options.shape().kind().penalised()) {
            double ratio = Math.clamp(Math.max(active, 1e-3) / options.shape().active(), 0.1, 10);
            layer.penalty = Math.clamp(layer.penalty * Math.pow(ratio, STEERING), 1e-9, 1e3);
        }
    }

    /** Of held-out text by layer: squared errors over squared distances from the mean. */
    double[] unexplained() {
        double[] all = new double[state.layers().size()];
        int layer = 0;
        for (Span span : spans) {
            try (var _ = TensorScope.open()) {
                List<Tensor> x = new ArrayList<>();
                List<Tensor> y = new ArrayList<>();
                long[] rows = heldOut.rows();
                for (int l = 0; l < span.layers().size(); l++) {
                    x.add(heldOut.input(state.first() + layer + l, rows));
                    y.add(heldOut.output(state.first() + layer + l, rows));
                }
                double[] active = new double[span.layers().size()];
                List<Tensor> errors = span.errors(x, y, active);
                for (int l = 0; l < errors.size(); l++, layer++) {
                    heldActive[layer] = active[l] / rows.length;
                    Tensor centred = Torch.sub(y.get(l), TorchReduce.mean(y.get(l), 0, true));
                    all[layer] = squares(errors.get(l)) / Math.max(1e-12, squares(centred));
                }
            }
        }
        return all;
    }

    private static double squares(Tensor matrix) {
        return Adam.squares(TorchShape.reshape(matrix, matrix.numel()));
    }

    @Override
    public void close() {
        buffer.close();
        heldOut.close();
    }
}
