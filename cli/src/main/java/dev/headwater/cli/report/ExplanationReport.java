package dev.headwater.cli.report;

import dev.headwater.engine.document.AddedCircuit.Kept;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Flow;
import dev.headwater.engine.explanation.Explanation.Judged;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.explanation.Explanation.Range;
import dev.headwater.engine.explanation.Measures;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.files.AtomicFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What was found in a graph, for people: on a terminal, and as markdown.
 *
 * @param whyNot what holds another token down, null if that was not asked
 * @param file that keeps the circuit, null if none does
 * @param kept where in it
 */
public record ExplanationReport(
        Explanation found,
        @Nullable WhyNot whyNot,
        double seconds,
        @Nullable Path file,
        @Nullable Kept kept) {
    private static final int HEAD = 16;

    /** A circuit's number in three ways to choose as many features, and at other ablation values. */
    private record Row(String name, String circuit, String strongest, String random) {}

    /** @param written markdown file to tell of, or null */
    public void print(Console console, @Nullable Path written) {
        PrintStream out = console.out();
        Style style = console.style();
        line(console, "prompt", Text.cut(Text.visible(found.prompt()), console.width() - HEAD));
        line(console, "answer", answer());
        line(console, "circuit", size());
        out.println();
        int name = widest(found.boxes().stream().map(Box::name).toList(), 8, 28);
        int token = widest(found.boxes().stream().map(ExplanationReport::token).toList(), 5, 14);
        out.println(style.bold(Text.pad("box", name)) + "  "
                + style.dim(Text.pad("token", token) + "  to answer  necessity  P without  features"));
        for (Box box : found.boxes()) {
            out.println(style.bold(Text.pad(Text.visible(box.name()), name)) + "  "
                    + Text.pad(token(box), token)
                    + String.format(
                            Locale.ROOT,
                            "  %9s  %9.3f  %9.4f  ",
                            toAnswer(box),
                            box.necessity(),
                            box.probabilityWithout())
                    + members(box));
        }
        out.println();
        for (Box box : found.boxes()) {
            String into = flows(box.name());
            if (!into.isEmpty()) {
                out.println(Text.cut(Text.visible(into + " → " + box.name()), console.width()));
            }
        }
        out.println();
        out.println(style.bold(Text.pad("of the answer", HEAD + 10))
                + style.dim("     circuit  top influence  random (lowest to highest)"));
        for (Row row : rows()) {
            out.println((Text.pad(row.name, HEAD + 10)
                            + String.format(Locale.ROOT, "%12s  %13s  %s", row.circuit, row.strongest, row.random))
                    .stripTrailing());
        }
        out.println();
        line(console, "scores", scores());
        line(console, "interventions", Text.count(found.interventions()) + " in " + Text.seconds(seconds));
        String where = where();
        if (!where.isEmpty()) {
            line(console, "wrote", where);
        }
        if (written != null) {
            line(console, where.isEmpty() ? "wrote" : "", written.toString());
        }
        out.println();
        out.println(words());
        if (whyNot != null) {
            print(whyNot, console);
        }
    }

    private static void print(WhyNot whyNot, Console console) {
        PrintStream out = console.out();
        Style style = console.style();
        out.println();
        out.println(style.bold("why not \"" + Text.visible(whyNot.token()) + "\"") + "  " + asItIs(whyNot));
        if (!whyNot.features().isEmpty()) {
            out.println(style.dim(Text.pad("without", HEAD) + "    ahead  by its own logit  label"));
        }
        for (WhyNot.Held held : whyNot.features()) {
            out.println(Text.pad(held.feature().toString(), HEAD)
                    + String.format(Locale.ROOT, "%+9.3f  %+16.3f  ", held.alone(), held.own())
                    + Text.cut(Text.visible(held.label()), console.width() - HEAD - 29));
        }
        out.println(together(whyNot));
    }

    private static String asItIs(WhyNot whyNot) {
        return String.format(
                Locale.ROOT,
                "P %.4f, its logit %.2f %s the strongest other",
                whyNot.probability(),
                Math.abs(whyNot.margin()),
                whyNot.margin() < 0 ? "behind" : "ahead of");
    }

    private static String together(WhyNot whyNot) {
        return whyNot.features().isEmpty()
                ? "No feature of the graph holds it down."
                : String.format(
                        Locale.ROOT,
                        "Without these %d together: P %.4f, %.2f %s \"%s\".",
                        whyNot.features().size(),
                        whyNot.probabilityWithout(),
                        Math.abs(whyNot.marginWithout()),
                        whyNot.marginWithout() < 0 ? "behind" : "ahead of",
                        Text.visible(whyNot.then()));
    }

    private static void line(Console console, String head, String text) {
        console.out().println(console.style().bold(Text.pad(head, HEAD)) + text);
    }

    private static int widest(List<String> texts, int least, int most) {
        return Math.clamp(
                texts.stream()
                        .mapToInt(text -> Text.columns(Text.visible(text)))
                        .max()
                        .orElse(0),
                least,
                most);
    }

    private String answer() {
        return String.format(
                Locale.ROOT,
                "\"%s\" %.4f, its logit %.2f ahead of \"%s\"",
                Text.visible(found.answer().text()),
                found.answer().probability(),
                found.answer().margin(),
                Text.visible(found.answer().rival()));
    }

    private String size() {
        long members =
                found.boxes().stream().mapToLong(box -> box.members().size()).sum();
        return Text.count(members) + " of " + Text.count(found.features()) + " features, in "
                + Text.count(found.boxes().size()) + (found.boxes().size() == 1 ? " box" : " boxes");
    }

    private static String token(Box box) {
        return Text.visible(box.token()).strip();
    }

    private static String members(Box box) {
        return box.members().stream().map(member -> member.feature().toString()).collect(Collectors.joining(" "));
    }

    private String toAnswer(Box box) {
        return found.flows().stream()
                .filter(flow -> flow.to().equals(Flow.ANSWER) && flow.from().equals(box.name()))
                .map(flow -> String.format(Locale.ROOT, "%+.3f", flow.effect()))
                .findFirst()
                .orElse("");
    }

    private String flows(String to) {
        return found.flows().stream()
                .filter(flow -> flow.to().equals(to))
                .map(flow -> flow.from() + String.format(Locale.ROOT, " %+.3f", flow.effect()))
                .collect(Collectors.joining(", "));
    }

    private List<Row> rows() {
        Judged judged = found.circuit();
        List<Row> rows = new ArrayList<>();
        rows.add(row("necessity", Measures::necessity, range(found.random().necessity())));
        rows.add(row("  P(answer) without", Measures::probabilityWithout, ""));
        rows.add(row("sufficiency", Measures::sufficiency, range(found.random().sufficiency())));
        rows.add(row("  P(answer) alone", Measures::probabilityAlone, ""));
        rows.add(spread("both, a quarter left", judged.partly()));
        rows.add(spread("both, a quarter turned", judged.turned()));
        rows.add(spread("both, attention live", judged.live()));
        return rows;
    }

    private Row row(String name, ToDoubleFunction<Measures> number, String random) {
        return new Row(
                name,
                number(number.applyAsDouble(found.circuit().taken())),
                number(number.applyAsDouble(found.strongest())),
                random);
    }

    private static Row spread(String name, Measures measures) {
        return new Row(name, number(measures.necessity()) + ", " + number(measures.sufficiency()), "", "");
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    private static String range(Range range) {
        return String.format(Locale.ROOT, "%.3f (%.3f to %.3f)", range.mean(), range.lowest(), range.highest());
    }

    private String scores() {
        return String.format(
                Locale.ROOT,
                "replacement %.3f, completeness %.3f of the graph with the circuit alone explained",
                found.scores().replacement(),
                found.scores().completeness());
    }

    private String where() {
        return kept == null
                ? ""
                : file
                        + (kept.shown()
                                ? ", as its pins and groups"
                                : ", as the circuit '" + Text.visible(kept.name()) + "' beside what is pinned");
    }

    private String words() {
        Measures taken = found.circuit().taken();
        return String.format(
                Locale.ROOT,
                "In words: without the circuit \"%s\" loses %.0f %% of the lead that it owes to features (P %.4f); with the circuit alone it keeps %.0f %% (P %.4f).",
                Text.visible(found.answer().text()),
                100 * taken.necessity(),
                taken.probabilityWithout(),
                100 * taken.sufficiency(),
                taken.probabilityAlone());
    }

    /** Writes the report as markdown; the file appears whole or not at all. */
    public void write(Path target) {
        try (AtomicFile atomic = AtomicFile.create(target)) {
            ByteBuffer bytes = ByteBuffer.wrap(markdown().getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                atomic.channel().write(bytes);
            }
            atomic.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(target, e);
        }
    }

    private String markdown() {
        StringBuilder text = new StringBuilder();
        text.append("# ").append(escaped(found.prompt())).append("\n\n");
        text.append("Answer: ")
                .append(escaped(answer()))
                .append(". Circuit: ")
                .append(size())
                .append(".\n\n");
        text.append("| box | token | to the answer | necessity | P(answer) without | features |\n");
        text.append("| --- | --- | ---: | ---: | ---: | --- |\n");
        for (Box box : found.boxes()) {
            text.append(String.format(
                    Locale.ROOT,
                    "| %s | %s | %s | %.3f | %.4f | %s |%n",
                    escaped(box.name()),
                    escaped(box.token()),
                    toAnswer(box),
                    box.necessity(),
                    box.probabilityWithout(),
                    box.members().stream().map(ExplanationReport::member).collect(Collectors.joining("; "))));
        }
        text.append("\nDirect effects:\n\n");
        for (Box box : found.boxes()) {
            String into = flows(box.name());
            if (!into.isEmpty()) {
                text.append("- ").append(escaped(into + " → " + box.name())).append('\n');
            }
        }
        text.append("\n| of the answer | circuit | top influence | random (lowest to highest) |\n");
        text.append("| --- | ---: | ---: | --- |\n");
        for (Row row : rows()) {
            text.append("| ")
                    .append(String.join(" | ", row.name.strip(), row.circuit, row.strongest, row.random))
                    .append(" |\n");
        }
        text.append("\n").append(scores()).append(".\n\n").append(words()).append("\n");
        if (whyNot != null) {
            text.append("\nWhy not \"").append(escaped(whyNot.token())).append("\": ");
            text.append(asItIs(whyNot))
                    .append(". ")
                    .append(escaped(together(whyNot)))
                    .append("\n\n");
            for (WhyNot.Held held : whyNot.features()) {
                text.append(String.format(
                        Locale.ROOT,
                        "- %s %s: %+.3f, by its own logit %+.3f%n",
                        held.feature(),
                        escaped(held.label()),
                        held.alone(),
                        held.own()));
            }
        }
        return text.toString();
    }

    private static String member(Member member) {
        String label = member.label().isEmpty() ? "" : " " + escaped(member.label());
        return member.feature() + label;
    }

    /** Prompts and labels come from anywhere: none of their characters is markdown's. */
    private static String escaped(String text) {
        return Text.visible(text).replaceAll("([\\\\`*_{}\\[\\]<>#|!])", "\\\\$1");
    }
}
