package dev.headwater.cli.report;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * The two streams that a command writes to, and what is known of the terminals behind them.
 *
 * @param out        results
 * @param err        progress, warnings and errors
 * @param outColumns width of the terminal that {@code out} goes to; 0 if it goes elsewhere
 * @param errColumns the same for {@code err}
 * @param colours    whether terminals are to show colours
 */
public record Console(PrintStream out, PrintStream err, int outColumns, int errColumns, boolean colours) {
    private static final int NARROWEST = 80;
    private static final int WIDEST = 100;

    /** The process's own streams, in UTF-8. The launcher says in system properties which of them are terminals. */
    public static Console ofProcess() {
        Map<String, String> environment = System.getenv();
        boolean colours = environment.getOrDefault("NO_COLOR", "").isEmpty() && !"dumb".equals(environment.get("TERM"));
        return new Console(
                stream(FileDescriptor.out),
                stream(FileDescriptor.err),
                Integer.getInteger("headwater.stdout.columns", 0),
                Integer.getInteger("headwater.stderr.columns", 0),
                colours);
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }

    /** The same with results going where errors go, for commands whose standard output belongs to a machine. */
    public Console withResultsOnErr() {
        return new Console(err, err, errColumns, errColumns, colours);
    }

    /** Says on {@code err} what should be known, though the command goes on. */
    public void warn(String sentence) {
        err.println(errStyle().red("headwater: ")
                + Text.visible(sentence.matches("(?s).*[.!?]") ? sentence : sentence + "."));
    }

    /** Paints what is written to {@code out}. */
    public Style style() {
        return new Style(colours && outColumns > 0);
    }

    /** Paints what is written to {@code err}. */
    public Style errStyle() {
        return new Style(colours && errColumns > 0);
    }

    /** Columns to fill with results: the terminal's, within reason. */
    public int width() {
        return outColumns == 0 ? WIDEST : Math.clamp(outColumns, NARROWEST, WIDEST);
    }
}
