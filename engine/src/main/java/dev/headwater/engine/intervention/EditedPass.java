package dev.headwater.engine.intervention;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.model.FeatureSite;
import dev.headwater.engine.model.Hooks;
import dev.headwater.engine.model.NormSite;
import dev.headwater.engine.transcoder.FeatureBasis;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries out edits while the model runs: at each layer the MLP's output gets (new activation - activation) * W_dec of
 * the edited features that write there, those of lower layers included for a cross-layer set.
 */
final class EditedPass implements Hooks {
    private final FeatureBasis basis;
    private final EditPlan plan;
    private final List<HeadEdit> heads;
    private final Freeze freeze;
    private final @Nullable Run clean;
    private final int zeros;
    /** By layer, what edits add to the activations of the plan's features, [P * n]. */
    private final float[][] differences;

    private final List<Run.Applied> applied = new ArrayList<>();

    private @Nullable Tensor input;

    /**
     * @param clean the run without edits, or null for a generated token, where nothing is frozen
     */
    EditedPass(FeatureBasis basis, EditPlan plan, List<HeadEdit> heads, Freeze freeze, @Nullable Run clean) {
        this.heads = heads;
        this.basis = basis;
        this.plan = plan;
        this.freeze = freeze;
        this.clean = clean;
        zeros = clean == null ? 0 : clean.zeroPositions();
        differences = new float[basis.layers()][];
    }

    @Override
    public @Nullable Tensor attention(int layer) {
        return freeze instanceof Freeze.Nothing ? null : clean().trace().attention(layer);
    }

    @Override
    public Tensor pattern(int layer, int firstHead, Tensor probabilities) {
        long end = firstHead + probabilities.size(0);
        List<HeadEdit> here = heads.stream()
                .filter(edit -> edit.layer() == layer && edit.head() >= firstHead && edit.head() < end)
                .toList();
        if (here.isEmpty()) {
            return probabilities;
        }
        Tensor changed = Torch.clone(probabilities);
        here.forEach(edit -> edit.apply(changed, firstHead));
        return changed;
    }

    @Override
    public @Nullable Tensor reciprocal(NormSite norm, int layer) {
        return freeze.holdsNorms(basis.layers()) ? clean().trace().reciprocal(norm, layer) : null;
    }

    private Run clean() {
        if (clean == null) {
            throw new IllegalStateException("nothing is frozen without a run to freeze it to");
        }
        return clean;
    }

    private Tensor input() {
        if (input == null) {
            throw new IllegalStateException("a layer's input comes before its output");
        }
        return input;
    }

    @Override
    public Tensor at(FeatureSite site, int layer, Tensor value) {
        if (site == basis.input()) {
            input = value;
        }
        return site == basis.output() ? edited(layer, value) : value;
    }

    private Tensor edited(int layer, Tensor output) {
        if (plan.table(layer) != null) {
            differences[layer] = differences(plan.table(layer));
        }
        Tensor result = freeze.holds(layer) ? frozen(layer) : output;
        if (freeze.holdsAnyLayer() && !freeze.holds(layer)) {
            return result;
        }
        for (int source = 0; source <= layer; source++) {
            if (differences[source] != null && basis.lastTarget(source) >= layer) {
                int[] feature = plan.table(source).feature();
                Tensor rows = Tensor.empty(DType.F32, output.device(), feature.length, output.size(1));
                basis.decoderRows(source, layer, feature, null, null, rows);
                Tensor change =
                        Torch.to(Tensor.ofFloats(differences[source], output.size(0), feature.length), output.device());
                result = Torch.add(result, Torch.mm(change, rows));
            }
        }
        return result;
    }

    /** The MLP's output in the run without edits, with the skip of what its input has become. */
    private Tensor frozen(int layer) {
        Tensor output = clean().output(layer);
        Tensor skip = basis.skip(layer);
        return skip == null ? output : Torch.add(output, Torch.mm(Torch.sub(input(), clean().input(layer)), skip));
    }

    private float[] differences(EditPlan.Table table) {
        float[] unedited = clean == null ? null : table.activations(basis, clean.input(table.layer()), zeros);
        float[] current =
                unedited != null && freeze.holdsAnyLayer() ? unedited : table.activations(basis, input(), zeros);
        float[] difference = new float[current.length];
        int count = table.feature().length;
        for (int i = 0; i < difference.length; i++) {
            if (table.change()[i] != null) {
                float original = unedited == null ? current[i] : unedited[i];
                float value = table.change()[i].applied(original);
                difference[i] = value - current[i];
                applied.add(new Run.Applied(
                        new FeatureRef(table.layer(), i / count, table.feature()[i % count]),
                        original,
                        current[i],
                        value));
            }
        }
        return difference;
    }

    /** What has been set so far. */
    List<Run.Applied> applied() {
        return List.copyOf(applied);
    }
}
