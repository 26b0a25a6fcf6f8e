package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.bindings.DType;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.Generation;
import dev.headwater.engine.intervention.HeadEdit;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.intervention.TokenChange;
import dev.headwater.engine.transcoder.SparseActivations;
import dev.headwater.engine.weights.SafetensorsWriter;
import dev.headwater.engine.weights.TensorInfo;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** What an intervention changed, for people, for programs and as tensors. */
public record InterventionReport(
        Baseline baseline, Intervention intervention, Run edited, int top, boolean preActivations) {
    private static final int HEAD = 10;
    private static final int MOST_EDITS = 8;

    /** A feature's activation before and after. */
    private record FeatureChange(FeatureRef ref, float before, float after) {
        float size() {
            return Math.abs(after - before);
        }
    }

    public void print(Console console) {
        PrintStream out = console.out();
        Style style = console.style();
        List<Edit> edits = intervention.edits();
        String listed = String.join(
                ", ",
                edits.stream()
                        .limit(MOST_EDITS)
                        .map(edit -> edit.place() + " " + InterventionReport.words(edit))
                        .toList());
        String heads = String.join(
                ", ",
                intervention.heads().stream().map(InterventionReport::words).toList());
        line(out, style, "prompt", Text.cut(Text.visible(baseline.prompt().text()), console.width() - HEAD));
        line(
                out,
                style,
                "edits",
                edits.isEmpty()
                        ? intervention.heads().isEmpty() ? "none" : "no features"
                        : edits.size() <= MOST_EDITS ? listed : Text.count(edits.size()) + ": " + listed + ", …");
        if (!heads.isEmpty()) {
            line(out, style, "heads", heads);
        }
        List<String> idle =
                edits.stream().filter(this::changesNothing).map(Edit::place).toList();
        if (!idle.isEmpty()) {
            line(
                    out,
                    style,
                    "note",
                    String.join(", ", idle.subList(0, Math.min(MOST_EDITS, idle.size())))
                            + (idle.size() > MOST_EDITS ? ", …" : "")
                            + (idle.size() == 1 ? " does" : " do")
                            + " not fire in this prompt: a factor changes nothing there, a value (--set) would");
        }
        line(out, style, "frozen", frozen());
        out.println();
        List<TokenChange> tokens = TokenChange.between(
                baseline.run(), edited, -1, top, baseline.model().tokenizer());
        if (!tokens.isEmpty()) {
            out.println(style.bold(Text.pad("next token", 22)) + style.dim("  before     after    change"));
        }
        for (TokenChange token : tokens) {
            String row = String.format(
                    Locale.ROOT, "%8.4f  %8.4f  %+8.4f", token.before(), token.after(), token.after() - token.before());
            out.println(Text.pad("\"" + Text.visible(token.text()) + "\"", 22) + row);
        }
        List<FeatureChange> features = changes();
        if (!features.isEmpty()) {
            out.println();
            out.println(style.bold(Text.pad(preActivations ? "pre-activation" : "feature", 22))
                    + style.dim("  before     after    change"));
            for (FeatureChange change : features.subList(0, Math.min(top, features.size()))) {
                out.println(Text.pad(change.ref.toString(), 22)
                        + String.format(
                                Locale.ROOT,
                                "%8.3f  %8.3f  %+8.3f",
                                change.before,
                                change.after,
                                change.after - change.before));
            }
        }
        out.println();
    }

    /** Whether an edit multiplies what is 0 at all of its positions, and none are generated later. */
    private boolean changesNothing(Edit edit) {
        if (!(edit.change() instanceof Change.Scale) || edit.positions().openEnded()) {
            return false;
        }
        int length = baseline.prompt().length();
        SparseActivations active = baseline.run().activations(edit.layer());
        for (int i = 0; i < active.count(); i++) {
            int position = active.position()[i];
            if (active.feature()[i] == edit.feature()
                    && active.value()[i] != 0
                    && position >= edit.positions().first(length)
                    && position < edit.positions().end(length)) {
                return false;
            }
        }
        return true;
    }

    private static void line(PrintStream out, Style style, String head, String text) {
        out.println(style.bold(Text.pad(head, HEAD)) + text);
    }

    private static String words(Edit edit) {
        return switch (edit.change()) {
            case Change.Set set -> "= " + set.value();
            case Change.Scale scale -> "× " + scale.factor();
            case Change.Add add -> "+ " + add.difference();
            case Change.Swap _ -> "swapped";
        };
    }

    private String frozen() {
        return switch (intervention.freeze()) {
            case Freeze.Nothing _ -> "nothing";
            case Freeze.Attention _ -> "attention";
            case Freeze.Layers layers ->
                "attention, MLP outputs of layers " + layers.first() + " to " + (layers.end() - 1);
            case Freeze.Everything _ -> "everything: direct effects only";
        };
    }

    /** Features whose value in the stream differs, the largest difference first. */
    private List<FeatureChange> changes() {
        List<FeatureChange> changes = new ArrayList<>();
        for (int layer = 0; layer < baseline.model().layers(); layer++) {
            if (preActivations) {
                int features = baseline.model().basis().features();
                float[] before = baseline.run().preActivations(layer);
                float[] after = edited.preActivations(layer);
                for (int i = 0; i < before.length; i++) {
                    add(
                            changes,
                            new FeatureChange(new FeatureRef(layer, i / features, i % features), before[i], after[i]));
                }
            } else {
                compare(layer, baseline.run().activations(layer), edited.activations(layer), changes);
            }
        }
        changes.sort(Comparator.comparingDouble(change -> -change.size()));
        return changes;
    }

    private static void add(List<FeatureChange> changes, FeatureChange change) {
        if (change.size() > 1e-5) {
            changes.add(change);
        }
    }

    /** Merges two lists that are ordered by position and feature. */
    private static void compare(
            int layer, SparseActivations before, SparseActivations after, List<FeatureChange> changes) {
        int i = 0;
        int j = 0;
        while (i < before.count() || j < after.count()) {
            int order = i == before.count()
                    ? 1
                    : j == after.count() ? -1 : Integer.compare(before.position()[i], after.position()[j]);
            if (order == 0) {
                order = Integer.compare(before.feature()[i], after.feature()[j]);
            }
            SparseActivations one = order <= 0 ? before : after;
            int at = order <= 0 ? i : j;
            add(
                    changes,
                    new FeatureChange(
                            new FeatureRef(layer, one.position()[at], one.feature()[at]),
                            order <= 0 ? before.value()[i] : 0,
                            order >= 0 ? after.value()[j] : 0));
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
    }

    /** @param before what was generated without edits, null if nothing was */
    public void writeJson(PrintStream out, Generation before, Generation after) {
        try (JsonGenerator json = BoundedJson.factory()
                .createGenerator(out)
                .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
                .useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeStringField("prompt", baseline.prompt().text());
            json.writeFieldName("tokens");
            json.writeArray(baseline.prompt().tokens(), 0, baseline.prompt().length());
            json.writeStringField("frozen", frozen());
            json.writeArrayFieldStart("edits");
            for (Edit edit : intervention.edits()) {
                json.writeString(edit.place() + " " + words(edit));
            }
            json.writeEndArray();
            json.writeArrayFieldStart("next");
            for (TokenChange token : TokenChange.between(
                    baseline.run(), edited, -1, top, baseline.model().tokenizer())) {
                json.writeStartObject();
                json.writeNumberField("token", token.token());
                json.writeStringField("text", token.text());
                json.writeNumberField("before", token.before());
                json.writeNumberField("after", token.after());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart(preActivations ? "pre_activations" : "activations");
            for (FeatureChange change : changes()) {
                json.writeStartObject();
                json.writeNumberField("layer", change.ref.layer());
                json.writeNumberField("position", change.ref.position());
                json.writeNumberField("feature", change.ref.feature());
                json.writeNumberField("before", change.before);
                json.writeNumberField("after", change.after);
                json.writeEndObject();
            }
            json.writeEndArray();
            if (after != null) {
                writeText(json, "generated_before", before);
                writeText(json, "generated", after);
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        out.println();
    }

    private static void writeText(JsonGenerator json, String name, Generation text) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeStringField("text", text.text());
        json.writeFieldName("tokens");
        json.writeArray(text.tokens(), 0, text.tokens().length);
        json.writeStringField("end", text.end().name().toLowerCase(Locale.ROOT));
        json.writeEndObject();
    }

    /**
     * Writes {@code input_tokens} I64[P], {@code logits} F32[P, V], {@code activations} F32[L, P, F] (sparse: {@code
     * activation_indices} I64[N, 3] of layer, position, feature, and {@code activation_values} F32[N]), {@code
     * generated_tokens} I64[N]; and all but the first with {@code _before} for the run without edits.
     */
    public void writeRaw(Path file, boolean sparse, Generation before, Generation after) {
        int layers = baseline.model().layers();
        int features = baseline.model().basis().features();
        int positions = edited.positions();
        List<TensorInfo> tensors = new ArrayList<>(List.of(TensorInfo.of("input_tokens", DType.I64, positions)));
        for (String name : List.of("", "_before")) {
            Run run = name.isEmpty() ? edited : baseline.run();
            tensors.add(TensorInfo.of(
                    "logits" + name, DType.F32, positions, baseline.model().vocabularySize()));
            if (sparse) {
                int count = IntStream.range(0, layers)
                        .map(layer -> run.activations(layer).count())
                        .sum();
                tensors.add(TensorInfo.of("activation_indices" + name, DType.I64, count, 3));
                tensors.add(TensorInfo.of("activation_values" + name, DType.F32, count));
            } else {
                tensors.add(TensorInfo.of("activations" + name, DType.F32, layers, positions, features));
            }
            if (after != null) {
                tensors.add(TensorInfo.of(
                        "generated_tokens" + name, DType.I64, (name.isEmpty() ? after : before).tokens().length));
            }
        }
        try (SafetensorsWriter out =
                SafetensorsWriter.create(file, tensors, Map.of("pre_activations", Boolean.toString(preActivations)))) {
            out.write("input_tokens", longs(edited.tokens()));
            for (String name : List.of("", "_before")) {
                Run run = name.isEmpty() ? edited : baseline.run();
                for (int position = 0; position < positions; position++) {
                    out.write("logits" + name, run.logits(position));
                }
                for (int layer = 0; layer < layers; layer++) {
                    writeLayer(out, name, run, layer, sparse);
                }
                if (after != null) {
                    out.write("generated_tokens" + name, longs((name.isEmpty() ? after : before).tokens()));
                }
            }
            out.commit();
        }
    }

    private void writeLayer(SafetensorsWriter out, String name, Run run, int layer, boolean sparse) {
        if (!sparse) {
            out.write("activations" + name, preActivations ? run.preActivations(layer) : run.denseActivations(layer));
            return;
        }
        SparseActivations active = run.activations(layer);
        long[] indices = new long[3 * active.count()];
        for (int i = 0; i < active.count(); i++) {
            indices[3 * i] = layer;
            indices[3 * i + 1] = active.position()[i];
            indices[3 * i + 2] = active.feature()[i];
        }
        out.write("activation_indices" + name, indices);
        out.write("activation_values" + name, active.value());
    }

    private static long[] longs(int[] values) {
        return Arrays.stream(values).asLongStream().toArray();
    }

    private static String words(HeadEdit edit) {
        String head = edit.layer() + "/" + edit.head();
        return switch (edit) {
            case HeadEdit.KnockOut _ -> head + " out";
            case HeadEdit.Force force ->
                head + " from " + force.query() + " at " + force.key() + " with " + force.probability();
        };
    }
}
