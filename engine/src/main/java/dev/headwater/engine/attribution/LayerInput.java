package dev.headwater.engine.attribution;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.MemoryBudget.Place;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.EdgeRows;
import dev.headwater.engine.linear.FrozenModel;
import dev.headwater.engine.linear.FrozenWeights;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Trace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The residual stream that enters a layer, and what everything active on the prompt adds to it. Sources are numbered as
 * {@link PromptSources} does.
 */
public record LayerInput(LinearPrompt prompt, int layer) {
    /**
     * Linear functions of the stream at a position.
     *
     * @param gradients F32 [n, d]
     */
    public record Reading(int position, Tensor gradients) {}

    /** The stream, F32 [P, d]; it belongs to the innermost open scope. */
    public Tensor stream() {
        var model = prompt.model().model();
        Trace trace = prompt.trace();
        if (layer > 0 && model.config().parallel()) {
            return Torch.clone(trace.site(FeatureSite.RESID_MID, layer));
        }
        if (layer > 0) {
            return Torch.add(
                    trace.site(FeatureSite.RESID_MID, layer - 1), trace.site(FeatureSite.HOOK_MLP_OUT, layer - 1));
        }
        Tensor places = model.positionEmbedding();
        return places == null
                ? Torch.clone(trace.tokenVectors())
                : Torch.add(
                        trace.tokenVectors(),
                        TorchShape.narrow(places, 0, 0, prompt.prompt().length()));
    }

    /**
     * What every source adds to some linear functions of the stream.
     *
     * @return for each reading F32 [n, sources], in the innermost open scope
     */
    public List<Tensor> contributions(List<Reading> readings) {
        ReplacementModel model = prompt.model();
        try (var _ = model.use();
                var scope = TensorScope.open()) {
            if (layer == 0) {
                return readings.stream()
                        .map(reading -> scope.keep(ofTokens(reading)))
                        .toList();
            }
            List<Target> targets = readings.stream()
                    .flatMap(reading -> IntStream.range(0, (int) reading.gradients.size(0))
                            .mapToObj(row -> new Target(layer, reading.position, reading.gradients, row)))
                    .toList();
            FrozenModel below = prompt.frozen().below(layer);
            long rows =
                    targets.stream().mapToLong(target -> target.position() + 1).sum();
            try (var sweep = new AdjointSweep(
                            below.weights(),
                            model.linear().twoLayers(rows / layer),
                            prompt.memory() / 2,
                            model.memory());
                    EdgeRows found = sweep.rows(
                                    List.of(new AdjointSweep.Wanted(prompt.seenFrom(below), targets)),
                                    done -> {},
                                    () -> false)
                            .getFirst()) {
                List<Tensor> results = new ArrayList<>();
                float[] row = new float[prompt.sourceCount()];
                int at = 0;
                for (Reading reading : readings) {
                    int count = (int) reading.gradients.size(0);
                    float[] values = new float[Math.multiplyExact(count, row.length)];
                    for (int i = 0; i < count; i++) {
                        found.copyRow(at++, row);
                        System.arraycopy(row, 0, values, i * row.length, row.length);
                    }
                    results.add(scope.keep(Torch.to(Tensor.ofFloats(values, count, row.length), model.device())));
                }
                return results;
            }
        }
    }

    /** Below the first attention there is the token alone. */
    private Tensor ofTokens(Reading reading) {
        try (var scope = TensorScope.open()) {
            long count = reading.gradients.size(0);
            Tensor all = Tensor.zeros(reading.gradients.dtype(), prompt.model().device(), count, prompt.sourceCount());
            int column = prompt.active().count()
                    + prompt.model().layers() * prompt.prompt().length()
                    + reading.position;
            Torch.copy(
                    TorchShape.narrow(all, 1, column, 1),
                    Torch.linear(
                            reading.gradients,
                            TorchShape.narrow(prompt.trace().tokenVectors(), 0, reading.position, 1),
                            null));
            return scope.keep(all);
        }
    }

    /**
     * What some sources add to the stream at a position, F32 [n, d], in the innermost open scope.
     *
     * @param numbers of sources
     */
    public Tensor added(int position, int[] numbers) {
        PromptSources numbered = prompt.numbered();
        int all = prompt.active().count();
        int[] reaching = Arrays.stream(numbers)
                .filter(number ->
                        numbered.layer(number) < layer && numbered.node(number).position() <= position)
                .distinct()
                .sorted()
                .toArray();
        int[] features = Arrays.stream(reaching).filter(number -> number < all).toArray();
        int[] columns = IntStream.range(0, reaching.length)
                .map(i -> reaching[i] < all ? i : reaching[i] - all + features.length)
                .toArray();
        try (var _ = prompt.model().use();
                var scope = TensorScope.open();
                Sources few = prompt.sources(prompt.active().some(features))) {
            Tensor result = Tensor.zeros(
                    DType.F32,
                    prompt.model().device(),
                    numbers.length,
                    prompt.frozen().width());
            if (reaching.length > 0) {
                long bytes = Float.BYTES
                        * Arrays.stream(columns)
                                .mapToLong(column -> Contributions.floats(
                                        prompt.frozen(),
                                        position + 1,
                                        few.layerOf(column),
                                        few.positionOf(column),
                                        layer - 1))
                                .sum();
                Tensor found;
                try (var _ = prompt.model().memory().reserve("contributions of sources", Place.DEVICE, bytes)) {
                    found = Contributions.toStream(prompt.frozen(), few, columns, layer, position);
                }
                for (int i = 0; i < numbers.length; i++) {
                    int at = Arrays.binarySearch(reaching, numbers[i]);
                    if (at >= 0) {
                        Torch.copy(TorchShape.select(result, 0, i), TorchShape.select(found, 0, at));
                    }
                }
            }
            return scope.keep(result);
        }
    }

    /** What a reading at a position costs for each of its rows, in products. */
    public long rowCost(int position) {
        FrozenWeights weights = prompt.frozen().weights();
        return (position + 1L) * layer * weights.width() * (weights.headsWidth() + weights.valueWidth());
    }
}
