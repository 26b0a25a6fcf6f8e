package dev.headwater.cli.report;

import dev.headwater.engine.document.AddedCircuit.Kept;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.files.AtomicFile;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What was found in a graph, for people: on a terminal, and as markdown, a page or a drawing.
 *
 * @param whyNot what holds another token down, null if that was not asked
 * @param card   how far to believe it, null if that was not asked
 * @param file that keeps the circuit, null if none does
 * @param kept where in it
 */
public record ExplanationReport(
        Explanation found,
        @Nullable WhyNot whyNot,
        @Nullable Card card,
        double seconds,
        @Nullable Path file,
        @Nullable Kept kept) {
    private static final int HEAD = 16;

    /** How it is written to a file. */
    public enum Form {
        MARKDOWN,
        PAGE,
        DRAWING
    }

    /** @param written files to tell of */
    public void print(Console console, List<Path> written) {
        PrintStream out = console.out();
        Style style = console.style();
        ExplanationText said = new ExplanationText(found);
        line(console, "prompt", Text.cut(Text.visible(found.prompt()), console.width() - HEAD));
        line(console, "answer", Text.visible(said.answer()));
        line(console, "circuit", said.size());
        out.println();
        boxes(console, said);
        out.println();
        for (Box box : found.boxes()) {
            String into = said.flows(box);
            if (!into.isEmpty()) {
                out.println(Text.cut(Text.visible(into), console.width()));
            }
        }
        out.println();
        out.println(style.bold(Text.pad("of the answer", HEAD + 10))
                + style.dim("     circuit  top influence  random (lowest to highest)"));
        for (ExplanationText.Row row : said.rows()) {
            out.println((Text.pad(row.name(), HEAD + 10)
                            + String.format(
                                    Locale.ROOT, "%12s  %13s  %s", row.circuit(), row.strongest(), row.random()))
                    .stripTrailing());
        }
        out.println();
        if (card != null) {
            print(card, console);
        } else {
            line(console, "scores", said.scores());
        }
        line(console, "interventions", Text.count(found.interventions()) + " in " + Text.seconds(seconds));
        String head = "wrote";
        if (kept != null) {
            line(console, head, where(kept));
            head = "";
        }
        for (Path path : written) {
            line(console, head, path.toString());
            head = "";
        }
        out.println();
        out.println(Text.visible(said.words()));
        if (whyNot != null) {
            print(whyNot, console);
        }
    }

    private void boxes(Console console, ExplanationText said) {
        PrintStream out = console.out();
        Style style = console.style();
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
                            said.toAnswer(box),
                            box.necessity(),
                            box.probabilityWithout())
                    + members(box));
        }
    }

    private static void print(Card card, Console console) {
        PrintStream out = console.out();
        ExplanationText.card(card).forEach(line -> line(console, line.name(), line.text()));
        List<ExplanationText.LayerRow> layers = ExplanationText.layers(card);
        if (!layers.isEmpty()) {
            out.println();
            out.println(console.style().bold(Text.pad("without errors of", HEAD + 2))
                    + console.style().dim("unexplained  P(answer)   margin  KL"));
        }
        for (ExplanationText.LayerRow row : layers) {
            out.println(Text.pad(row.layer().equals("all") ? "all layers" : "layer " + row.layer(), HEAD + 2)
                    + String.format(
                            Locale.ROOT,
                            "%11s  %9s  %7s  %s",
                            row.unexplained(),
                            row.probability(),
                            row.margin(),
                            row.divergence()));
        }
        out.println();
    }

    private static void print(WhyNot whyNot, Console console) {
        PrintStream out = console.out();
        Style style = console.style();
        out.println();
        out.println(
                style.bold("why not \"" + Text.visible(whyNot.token()) + "\"") + "  " + ExplanationText.asItIs(whyNot));
        if (!whyNot.features().isEmpty()) {
            out.println(style.dim(Text.pad("without", HEAD) + "    ahead  by its own logit  label"));
        }
        for (WhyNot.Held held : whyNot.features()) {
            out.println(Text.pad(held.feature().toString(), HEAD)
                    + String.format(Locale.ROOT, "%+9.3f  %+16.3f  ", held.alone(), held.own())
                    + Text.cut(Text.visible(held.label()), console.width() - HEAD - 29));
        }
        out.println(Text.visible(ExplanationText.together(whyNot)));
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

    private static String token(Box box) {
        return Text.visible(box.token()).strip();
    }

    private static String members(Box box) {
        return box.members().stream().map(member -> member.feature().toString()).collect(Collectors.joining(" "));
    }

    private String where(Kept circuit) {
        return file
                + (circuit.shown()
                        ? ", as its pins and groups"
                        : ", as the circuit '" + Text.visible(circuit.name()) + "' beside what is pinned");
    }

    /** Writes the report; the file appears whole or not at all. */
    public void write(Path target, Form form) {
        String text = switch (form) {
            case MARKDOWN -> ExplanationMarkdown.of(found, whyNot, card);
            case PAGE -> ExplanationPage.of(found, whyNot, card);
            case DRAWING -> CircuitDrawing.svg(found);
        };
        AtomicFile.write(target, text.getBytes(StandardCharsets.UTF_8));
    }
}
