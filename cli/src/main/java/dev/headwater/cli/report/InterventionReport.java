package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.engine.document.GraphJson;
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
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What an intervention changed, for people and for programs.
 *
 * @param top      tokens and features to print
 * @param labels   names of features
 * @param warnings what was found wrong with the request on the way
 */
public record InterventionReport(
        Baseline baseline,
        Intervention intervention,
        Run edited,
        int top,
        boolean preActivations,
        GraphJson.Labels labels,
        List<String> warnings) {
    private static final int HEAD = 10;
    private static final int NAME = 22;
    private static final int TOKEN = 12;
    private static final int NUMBERS = 30;
    private static final int MOST_EDITS = 8;

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
        String idle = idle();
        if (!idle.isEmpty()) {
            line(out, style, "note", idle);
        }
        line(out, style, "frozen", frozen());
        out.println();
        tokens(out, style);
        int label = Math.max(0, console.width() - NAME - TOKEN - NUMBERS - 2);
        set(out, style, label);
        features(out, style, label);
        out.println();
    }

    private void tokens(PrintStream out, Style style) {
        List<TokenChange> tokens = TokenChange.between(
                baseline.run(), edited, -1, top, baseline.model().tokenizer());
        if (!tokens.isEmpty()) {
            out.println(style.bold(Text.pad("next token", NAME)) + style.dim("  before     after    change"));
        }
        for (TokenChange token : tokens) {
            String row = String.format(
                    Locale.ROOT, "%8.4f  %8.4f  %+8.4f", token.before(), token.after(), token.after() - token.before());
            out.println(Text.pad(Text.visible(baseline.model().tokenizer().quoted(token.token())), NAME) + row);
        }
    }

    /** The values that edits really set, those furthest from what they were first. */
    private void set(PrintStream out, Style style, int label) {
        List<Run.Applied> applied = edited.applied().stream()
                .sorted(Comparator.comparingDouble(each -> -Math.abs(each.value() - each.original())))
                .toList();
        if (applied.isEmpty() || top == 0) {
            return;
        }
        out.println();
        out.println(style.bold(Text.pad("set", NAME))
                + style.dim(Text.pad("token", TOKEN) + "  before    set to    change  label"));
        for (Run.Applied each : applied.subList(0, Math.min(top, applied.size()))) {
            row(out, each.feature(), each.original(), each.value(), label);
        }
        if (applied.size() > top) {
            out.println(style.dim("and " + Text.count(applied.size() - top) + " more"));
        }
    }

    /** What became of the others. */
    private void features(PrintStream out, Style style, int label) {
        Map<FeatureRef, Float> set = values();
        List<FeatureChange> features = changes().stream()
                .filter(change -> !set.containsKey(change.ref()))
                .toList();
        if (features.isEmpty() || top == 0) {
            return;
        }
        out.println();
        out.println(style.bold(Text.pad(preActivations ? "pre-activation" : "feature", NAME))
                + style.dim(Text.pad("token", TOKEN) + "  before     after    change  label"));
        for (FeatureChange change : features.subList(0, Math.min(top, features.size()))) {
            row(out, change.ref(), change.before(), change.after(), label);
        }
    }

    private void row(PrintStream out, FeatureRef ref, float before, float after, int label) {
        String row = Text.pad(ref.toString(), NAME)
                + Text.pad(token(ref), TOKEN)
                + String.format(Locale.ROOT, "%8.3f  %8.3f  %+8.3f  ", before, after, after - before)
                + Text.cut(Text.visible(labels.of(ref.layer(), ref.feature(), before)), label);
        out.println(row.stripTrailing());
    }

    private String token(FeatureRef ref) {
        return Text.visible(baseline.prompt().texts().get(ref.position()).strip());
    }

    private Map<FeatureRef, Float> values() {
        Map<FeatureRef, Float> values = new HashMap<>();
        edited.applied().forEach(each -> values.put(each.feature(), each.value()));
        return values;
    }

    private List<FeatureChange> changes() {
        return FeatureChange.between(
                baseline.run(),
                edited,
                baseline.model().layers(),
                baseline.model().basis().features(),
                preActivations);
    }

    /** Which edits are of features that do not fire and are left at 0; "" if none is. */
    private String idle() {
        Map<FeatureRef, Run.Applied> applied = new HashMap<>();
        edited.applied().forEach(each -> applied.put(each.feature(), each));
        List<String> idle = intervention.edits().stream()
                .filter(edit -> changesNothing(edit, applied))
                .map(Edit::place)
                .distinct()
                .toList();
        return idle.isEmpty()
                ? ""
                : String.join(", ", idle.subList(0, Math.min(MOST_EDITS, idle.size())))
                        + (idle.size() > MOST_EDITS ? ", … (" + Text.count(idle.size()) + ")" : "")
                        + (idle.size() == 1 ? " does" : " do")
                        + " not fire in this prompt: that changes nothing there, a value (--set) would";
    }

    private boolean changesNothing(Edit edit, Map<FeatureRef, Run.Applied> applied) {
        if (edit.positions().openEnded()) {
            return false;
        }
        int length = baseline.prompt().length();
        for (int position = edit.positions().first(length);
                position < edit.positions().end(length);
                position++) {
            Run.Applied there = applied.get(new FeatureRef(edit.layer(), position, edit.feature()));
            if (there == null || there.original() != 0 || there.value() != 0) {
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
            case Change.Ablate _ -> "= 0.0";
            case Change.Set set -> "= " + set.value();
            case Change.Scale scale -> "× " + scale.factor();
            case Change.Add add -> "+ " + add.difference();
            case Change.Swap swap -> swap.factor() == 1 ? "swapped" : "swapped × " + swap.factor();
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

    /** @param before what was generated without edits, none if nothing was */
    public void writeJson(PrintStream out, List<Generation> before, List<Generation> after) {
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
            json.writeArrayFieldStart("set");
            for (Run.Applied each : edited.applied()) {
                json.writeStartObject();
                writeFeature(json, each.feature());
                json.writeNumberField("before", each.original());
                json.writeNumberField("value", each.value());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("notes");
            for (String warning : warnings) {
                json.writeString(warning);
            }
            if (!idle().isEmpty()) {
                json.writeString(idle());
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
            Map<FeatureRef, Float> set = values();
            for (FeatureChange change : changes()) {
                json.writeStartObject();
                writeFeature(json, change.ref());
                json.writeNumberField("before", change.before());
                json.writeNumberField("after", change.after());
                if (set.containsKey(change.ref())) {
                    json.writeNumberField("set", set.get(change.ref()));
                }
                json.writeEndObject();
            }
            json.writeEndArray();
            if (!after.isEmpty()) {
                writeText(json, "generated_before", before.getFirst());
                writeText(json, "generated", after.getFirst());
            }
            if (after.size() > 1) {
                writeTexts(json, "samples_before", before);
                writeTexts(json, "samples", after);
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        out.println();
    }

    private void writeFeature(JsonGenerator json, FeatureRef ref) throws IOException {
        json.writeNumberField("layer", ref.layer());
        json.writeNumberField("position", ref.position());
        json.writeNumberField("feature", ref.feature());
        json.writeStringField("token", baseline.prompt().texts().get(ref.position()));
        json.writeStringField("label", labels.of(ref.layer(), ref.feature()));
    }

    private static void writeTexts(JsonGenerator json, String name, List<Generation> texts) throws IOException {
        json.writeArrayFieldStart(name);
        for (Generation text : texts) {
            writeText(json, text);
        }
        json.writeEndArray();
    }

    private static void writeText(JsonGenerator json, String name, Generation text) throws IOException {
        json.writeFieldName(name);
        writeText(json, text);
    }

    private static void writeText(JsonGenerator json, Generation text) throws IOException {
        json.writeStartObject();
        json.writeStringField("text", text.text());
        json.writeFieldName("tokens");
        json.writeArray(text.tokens(), 0, text.tokens().length);
        json.writeStringField("end", text.end().name().toLowerCase(Locale.ROOT));
        json.writeEndObject();
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
