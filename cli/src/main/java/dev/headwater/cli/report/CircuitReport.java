package dev.headwater.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.circuit.Alignment;
import dev.headwater.engine.circuit.CircuitCheck;
import dev.headwater.engine.circuit.CircuitCheck.Outcome;
import dev.headwater.engine.circuit.MergedCircuit;
import dev.headwater.engine.circuit.Moments;
import dev.headwater.engine.circuit.Role;
import dev.headwater.engine.circuit.SetContrast;
import dev.headwater.engine.files.BoundedJson;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What many graphs have in common, or two sets have not, as tables.
 *
 * @param top   features of a contrast to print
 * @param edges edges of a circuit to print
 */
public record CircuitReport(Console console, int top, int edges) {
    private static final int HEAD = 10;
    private static final int FEATURE = 9;
    private static final int ROLE = 11;
    private static final int TOKEN = 13;
    private static final int OUTCOME = 26;

    /** The circuit and, where there is one, its check. */
    public void printJson(MergedCircuit circuit, @Nullable CircuitCheck check) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("circuit", circuit);
        if (check != null) {
            all.put("check", check);
        }
        json(all);
    }

    public void printJson(SetContrast contrast) {
        json(contrast);
    }

    private void json(Object value) {
        try {
            console.out()
                    .println(BoundedJson.mapper()
                            .writerWithDefaultPrettyPrinter()
                            .writeValueAsString(value));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** @param file where the circuit was written, null if nowhere */
    public void print(MergedCircuit circuit, @Nullable CircuitCheck check, @Nullable Path file) {
        List<MergedCircuit.Node> features = circuit.features();
        line("graphs", Text.count(circuit.graphs().size()) + prompts(circuit.alignment()));
        line("circuit", features.isEmpty() ? none(circuit) : some(circuit, features.size()));
        if (!features.isEmpty()) {
            console.out().println();
            console.out()
                    .println(dim("influence  share        activation  " + Text.pad("feature", FEATURE) + "  "
                            + Text.pad("role", ROLE) + Text.pad("token", TOKEN) + "label"));
        }
        for (MergedCircuit.Node node : features) {
            String activation = node.activation().count() == 0
                    ? ""
                    : format(
                            "%.3f ± %.3f",
                            node.activation().mean(), node.activation().deviation());
            console.out()
                    .println((format("%9.4f  %s  %16s  ", node.influence(), percent(node.share()), activation)
                                    + place(
                                            node.member().layer(),
                                            node.member().feature(),
                                            node.member().role(),
                                            circuit.alignment())
                                    + label(node.label(), 41 + FEATURE + ROLE + TOKEN))
                            .stripTrailing());
        }
        if (!circuit.edges().isEmpty() && edges > 0) {
            console.out().println();
            console.out()
                    .println(dim("          weight  share  edge ("
                            + Text.count(circuit.edges().size()) + " in all)"));
        }
        for (MergedCircuit.Edge edge :
                circuit.edges().subList(0, Math.min(edges, circuit.edges().size()))) {
            console.out()
                    .println(format(
                            "%16s  %s  %s → %s",
                            format(
                                    "%+.3f ± %.3f",
                                    edge.weight().mean(), edge.weight().deviation()),
                            percent(edge.share()),
                            name(circuit, edge.source()),
                            name(circuit, edge.target())));
        }
        if (check != null) {
            print(check, features.size());
        }
        if (file != null) {
            console.out().println();
            line("wrote", Text.visible(file.toString()));
        }
    }

    private static String none(MergedCircuit circuit) {
        return "no feature is in %s of the graphs or more (%s are in any); a lower --min-share takes rarer ones"
                .formatted(percent(circuit.minShare()).strip(), Text.count(circuit.seen()));
    }

    private static String some(MergedCircuit circuit, int features) {
        return "%s of %s features in at least %s of the graphs (%s in any); they have %.0f ± %.0f %% of all features' influence"
                .formatted(
                        Text.count(features),
                        Text.count(circuit.recurring()),
                        percent(circuit.minShare()).strip(),
                        Text.count(circuit.seen()),
                        100 * circuit.carried().mean(),
                        100 * circuit.carried().deviation());
    }

    private static String prompts(Alignment alignment) {
        String shared = String.join("", alignment.shared());
        String ending = String.join("", alignment.ending());
        return ", of prompts \"" + Text.visible(shared) + "…" + Text.visible(ending) + "\"";
    }

    private String name(MergedCircuit circuit, int number) {
        MergedCircuit.Node node = circuit.nodes().get(number);
        return node.label().isEmpty() || !node.member().ofFeature()
                ? Text.visible(node.member().toString())
                : node.member() + " (" + Text.cut(Text.visible(node.label()), 16) + ")";
    }

    private String place(int layer, int feature, Role role, Alignment alignment) {
        return Text.pad(layer + "/" + feature, FEATURE) + "  " + Text.pad(role.toString(), ROLE)
                + Text.pad(Text.visible(alignment.text(role).strip()), TOKEN);
    }

    private String label(String label, int before) {
        return Text.cut(Text.visible(label), Math.max(8, console.width() - before));
    }

    private void print(CircuitCheck check, int features) {
        int[] fired = check.fired();
        console.out().println();
        line(
                "held out",
                "%d prompts; %s of the circuit's %d features fire"
                        .formatted(
                                check.prompts().size(),
                                fired[0] == fired[1] ? "" + fired[0] : fired[0] + " to " + fired[1],
                                features));
        console.out().println();
        console.out().println(dim(Text.pad("", OUTCOME) + "        P(answer)  still the answer"));
        row("as it is", check.all(CircuitCheck.Checked::asItIs));
        row("without the circuit", check.all(CircuitCheck.Checked::without));
        row("without as many others", check.draws(CircuitCheck.Checked::withoutRandom));
        row("the circuit alone", check.all(CircuitCheck.Checked::alone));
        row("as many others alone", check.draws(CircuitCheck.Checked::randomAlone));
    }

    private void row(String name, List<Outcome> outcomes) {
        Moments moments = CircuitCheck.probability(outcomes);
        long kept = outcomes.stream().filter(Outcome::first).count();
        console.out()
                .println(Text.pad(name, OUTCOME)
                        + format("%17s  ", format("%.4f ± %.4f", moments.mean(), moments.deviation()))
                        + kept + " of " + outcomes.size());
    }

    /** Of graphs in two directories. */
    public void print(SetContrast contrast, Alignment alignment, Path first, Path second) {
        line("A", Text.count(contrast.first()) + " graphs in " + Text.visible(first.toString()) + prompts(alignment));
        line("B", Text.count(contrast.second()) + " graphs in " + Text.visible(second.toString()));
        line("tested", Text.count(contrast.tested()) + " features, each by Fisher's exact test (two-sided)");
        console.out().println();
        console.out()
                .println(dim("    A      B        p    false  " + Text.pad("feature", FEATURE) + "  "
                        + Text.pad("role", ROLE) + Text.pad("token", TOKEN) + "label"));
        for (SetContrast.Difference one :
                contrast.features().subList(0, Math.min(top, contrast.features().size()))) {
            console.out()
                    .println((percent((double) one.first() / contrast.first()) + "  "
                                    + percent((double) one.second() / contrast.second())
                                    + format("  %7.1e  %7.1e  ", one.probability(), one.discoveries())
                                    + place(
                                            one.member().layer(),
                                            one.member().feature(),
                                            one.member().role(),
                                            alignment)
                                    + label(one.label(), 34 + FEATURE + ROLE + TOKEN))
                            .stripTrailing());
        }
    }

    private void line(String head, String text) {
        console.out().println(console.style().bold(Text.pad(head, HEAD)) + text);
    }

    private String dim(String text) {
        return console.style().dim(text);
    }

    private static String percent(double share) {
        return format("%3.0f %%", 100 * share);
    }

    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
