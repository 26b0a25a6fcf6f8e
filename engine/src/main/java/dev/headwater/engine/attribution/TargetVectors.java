package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.IndexArray;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenNorm;
import dev.headwater.engine.model.Trace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * The vectors that targets start from, pulled back to the residual stream: encoder rows for features, unembeddings
 * minus their mean over the vocabulary for tokens (reference section 2.5), directions as they are.
 */
final class TargetVectors {
    /** Positions whose logits are there at a time: they are as wide as the vocabulary. */
    private static final int TOGETHER = 16;

    private final ReplacementModel model;
    private final FrozenModel frozen;
    private final Trace trace;
    private ActiveFeatures active;
    private final int positions;
    private final List<LogitTarget> labels = new ArrayList<>();
    private final List<Target> outputs = new ArrayList<>();

    /** @param trace what the model was frozen at; open as long as this is in use */
    TargetVectors(ReplacementModel model, FrozenModel frozen, ActiveFeatures active, Trace trace) {
        this.model = model;
        this.frozen = frozen;
        this.active = active;
        this.trace = trace;
        positions = trace.positions();
    }

    /** The features that {@link #of} is to find among its targets, where they are known only after the outputs. */
    void explain(ActiveFeatures features) {
        active = features;
    }

    /** What the outputs are called, and their weights. */
    List<LogitTarget> labels() {
        return labels;
    }

    /** What {@link #choose} has settled, in that order. */
    List<Target> outputs() {
        return outputs;
    }

    /** Settles what the graph explains; called once. Tensors belong to the innermost open scope. */
    List<LogitTarget> choose(OutputTargets wanted, Trace trace) {
        switch (wanted) {
            case OutputTargets.Salient salient -> tokens(salient(salient, trace), trace);
            case OutputTargets.Tokens tokens ->
                tokens(tokens.ids().stream().mapToInt(Integer::intValue).toArray(), trace);
            case OutputTargets.Text text -> text(text, trace);
            case OutputTargets.Directions directions -> directions(directions.directions());
            case OutputTargets.Features features -> features(features.features());
        }
        return labels;
    }

    private int[] salient(OutputTargets.Salient wanted, Trace trace) {
        try (var scope = TensorScope.open()) {
            TorchReduce.Ranked top =
                    TorchReduce.topk(probabilities(trace), Math.min(wanted.maxLogits(), model.vocabularySize()), 0);
            double[] values = top.values().toDoubles();
            int[] ids = top.indices().toInts();
            int count = 1;
            double sum = values[0];
            while (count < ids.length && sum < wanted.probability()) {
                sum += values[count++];
            }
            return Arrays.copyOf(ids, count);
        }
    }

    /** F64 [vocab], of the next token. */
    static Tensor probabilities(Trace trace) {
        try (var scope = TensorScope.open()) {
            return scope.keep(TorchReduce.softmax(Torch.to(TorchShape.select(trace.logits(), 0, -1), DType.F64), 0));
        }
    }

    private void text(OutputTargets.Text wanted, Trace trace) {
        int[] at = wanted.positions().stream().mapToInt(Integer::intValue).toArray();
        boolean end = at[at.length - 1] == positions - 1;
        int[] inside = end ? Arrays.copyOf(at, at.length - 1) : at;
        if (inside.length > 0) {
            int[] tokens = trace.tokens();
            int[] next = Arrays.stream(inside)
                    .map(position -> position + 1 < positions ? tokens[position + 1] : 0)
                    .toArray();
            tokens(next, inside, trace);
        }
        if (end) {
            tokens(salient(wanted.end(), trace), trace);
        }
    }

    private void tokens(int[] ids, Trace trace) {
        int[] at = new int[ids.length];
        Arrays.fill(at, positions - 1);
        tokens(ids, at, trace);
    }

    /**
     * Adds outputs: tokens, each as the next one after a position. Tensors belong to the innermost open scope.
     *
     * @param at a position for each
     */
    void tokens(int[] ids, int[] at, Trace trace) {
        for (int position : at) {
            if (position < 0 || position >= positions) {
                throw new UsageException("there is no position " + position + " to explain: the text has " + positions
                        + " tokens, 0 to " + (positions - 1));
            }
        }
        for (int id : ids) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new UsageException(
                        "target token " + id + " is not one of the model's " + model.vocabularySize() + " tokens");
            }
        }
        try (var scope = TensorScope.open()) {
            Shipment shipment = new Shipment(frozen.device());
            IndexArray index = shipment.longs(ids);
            IndexArray place = shipment.longs(at);
            shipment.send();
            double[] probability = probabilities(ids, at, trace);
            Tensor rows = Torch.to(TorchShape.indexSelect(model.model().unembedding(), 0, index.tensor()), DType.F32);
            Tensor vectors = scope.keep(
                    pullBack(frozen.finalNorm(), Torch.sub(rows, model.model().meanUnembedding()), place));
            for (int k = 0; k < ids.length; k++) {
                labels.add(new LogitTarget(ids[k], model.tokenizer().token(ids[k]), (float) probability[k], at[k]));
                outputs.add(new Target(frozen.layers(), at[k], vectors, k));
            }
        }
    }

    /** Of each token after its position. The last position's come from the logits that the pass has kept. */
    private double[] probabilities(int[] ids, int[] at, Trace trace) {
        double[] found = new double[ids.length];
        for (int from = 0, to; from < ids.length; from = to) {
            int first = from;
            boolean last = at[from] == positions - 1;
            to = from + 1;
            while (to < ids.length && (at[to] == positions - 1) == last && (last || to - from < TOGETHER)) {
                to++;
            }
            try (var _ = TensorScope.open()) {
                if (last) {
                    double[] all = probabilities(trace).toDoubles();
                    IntStream.range(first, to).forEach(k -> found[k] = all[ids[k]]);
                    continue;
                }
                Tensor logits = Torch.to(model.model().logits(trace, Arrays.copyOfRange(at, from, to)), DType.F64);
                Tensor all = TorchReduce.softmax(logits, 1);
                for (int k = from; k < to; k++) {
                    found[k] = TorchShape.select(TorchShape.select(all, 0, k - from), 0, ids[k])
                            .item();
                }
            }
        }
        return found;
    }

    private void directions(List<OutputTargets.Direction> directions) {
        int width = frozen.width();
        float[] values = new float[directions.size() * width];
        for (int k = 0; k < directions.size(); k++) {
            OutputTargets.Direction direction = directions.get(k);
            if (direction.vector().length != width) {
                throw new UsageException("direction '" + direction.name() + "' has " + direction.vector().length
                        + " numbers; the model's residual stream has " + width);
            }
            System.arraycopy(direction.vector(), 0, values, k * width, width);
        }
        try (var scope = TensorScope.open()) {
            Tensor rows = Torch.to(Tensor.ofFloats(values, directions.size(), width), frozen.device());
            Tensor vectors = scope.keep(pullBackOutputs(rows));
            for (int k = 0; k < directions.size(); k++) {
                virtual(
                        directions.get(k).name(),
                        directions.get(k).weight(),
                        new Target(frozen.layers(), positions - 1, vectors, k));
            }
        }
    }

    private void features(List<FeatureRef> features) {
        for (FeatureRef at : features) {
            if (!at.exists(frozen.layers(), positions, model.basis().features())) {
                throw new UsageException("target feature " + at + " does not exist: there are " + frozen.layers()
                        + " layers, " + positions + " positions and "
                        + model.basis().features() + " features a layer");
            }
            Tensor vector = encoders(at.layer(), new int[] {at.feature()}, new int[] {at.position()});
            virtual(
                    "feature " + at.layer() + "/" + at.feature() + " at position " + at.position(),
                    1.0 / features.size(),
                    new Target(at.layer(), at.position(), vector, 0));
        }
    }

    /** A target that is no token gets an id after the vocabulary. */
    private void virtual(String name, double weight, Target target) {
        labels.add(new LogitTarget(model.vocabularySize() + labels.size(), name, (float) weight, positions - 1));
        outputs.add(target);
    }

    private Tensor pullBackOutputs(Tensor vectors) {
        Shipment shipment = new Shipment(frozen.device());
        IndexArray last = shipment.longs(
                IntStream.generate(() -> positions - 1).limit(vectors.size(0)).toArray());
        shipment.send();
        return pullBack(frozen.finalNorm(), vectors, last);
    }

    /** What features of a layer read through, pulled back to the stream [n, d]. */
    Tensor encoders(int layer, int[] features, int[] at) {
        try (var scope = TensorScope.open()) {
            Shipment shipment = new Shipment(frozen.device());
            Supplier<Tensor> vectors = encoders(layer, features, at, shipment);
            shipment.send();
            return scope.keep(vectors.get());
        }
    }

    /** The same, once the shipment was sent. */
    private Supplier<Tensor> encoders(int layer, int[] features, int[] at, Shipment shipment) {
        Supplier<Tensor> rows = model.basis()
                .encoderRows(layer, features, at, trace.site(model.basis().input(), layer), shipment);
        IndexArray positions = shipment.longs(at);
        return () -> {
            try (var scope = TensorScope.open()) {
                return scope.keep(pullBack(frozen.inputNorm(layer), rows.get(), positions));
            }
        };
    }

    private static Tensor pullBack(FrozenNorm norm, Tensor vectors, IndexArray at) {
        try (var scope = TensorScope.open()) {
            Tensor pulled = norm.pullBack(vectors);
            if (norm.reciprocal() != null) {
                Tensor reciprocal = TorchShape.indexSelect(norm.reciprocal(), 0, at.tensor());
                pulled = Torch.mul(pulled, TorchShape.unsqueeze(reciprocal, 1));
            }
            return scope.keep(pulled);
        }
    }

    /** The targets of a round: active features by number, outputs by {@code firstOutput} + number. */
    List<Target> of(int[] nodes, int firstOutput) {
        Target[] targets = new Target[nodes.length];
        try (var scope = TensorScope.open()) {
            Shipment shipment = new Shipment(frozen.device());
            List<Runnable> layers = new ArrayList<>();
            for (int layer = 0; layer < frozen.layers(); layer++) {
                int wanted = layer;
                int[] members = IntStream.range(0, nodes.length)
                        .filter(i -> nodes[i] < firstOutput && active.layer()[nodes[i]] == wanted)
                        .toArray();
                if (members.length == 0) {
                    continue;
                }
                int[] at = Arrays.stream(members)
                        .map(i -> active.position()[nodes[i]])
                        .toArray();
                int[] features = Arrays.stream(members)
                        .map(i -> active.feature()[nodes[i]])
                        .toArray();
                Supplier<Tensor> vectors = encoders(layer, features, at, shipment);
                layers.add(() -> {
                    Tensor here = scope.keep(vectors.get());
                    for (int row = 0; row < members.length; row++) {
                        targets[members[row]] = new Target(wanted, at[row], here, row);
                    }
                });
            }
            shipment.send();
            layers.forEach(Runnable::run);
        }
        for (int i = 0; i < nodes.length; i++) {
            if (nodes[i] >= firstOutput) {
                targets[i] = outputs.get(nodes[i] - firstOutput);
            }
        }
        return List.of(targets);
    }
}
