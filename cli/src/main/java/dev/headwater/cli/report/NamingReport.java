package dev.headwater.cli.report;

import dev.headwater.engine.naming.BoxNaming;
import dev.headwater.engine.naming.BoxNaming.Named;
import java.io.PrintStream;
import java.util.Locale;

/** What became of the names that a language model gave. */
public final class NamingReport {
    private NamingReport() {}

    /** Prints a line for each box. */
    public static void print(BoxNaming naming, int requests, Console console) {
        PrintStream out = console.out();
        out.println();
        out.println(console.style().bold(Text.pad("from evidence", 28))
                + console.style().dim("detection  by the model"));
        for (Named box : naming.boxes()) {
            out.println(Text.pad(Text.visible(box.evidence()), 28)
                    + (box.why().isEmpty()
                            ? String.format(
                                    Locale.ROOT,
                                    "%9.2f  %.2f %s%s",
                                    box.before(),
                                    box.after(),
                                    Text.visible(box.asked()),
                                    box.taken() ? "" : " (not better)")
                            : "           " + Text.visible(box.why())));
        }
        out.println(Text.count(requests) + (requests == 1 ? " request" : " requests"));
    }
}
