package dev.headwater.cli.report;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.function.IntSupplier;
import sun.misc.Signal;

/** The width of the terminal in columns, kept as its window changes: the system says by a signal that it did. */
final class TerminalWidth implements IntSupplier {
    private static final int NARROWEST = 10;

    private volatile int columns;

    /** @param columns at the start, which to ask the terminal for would take longer than many a computation */
    TerminalWidth(int columns) {
        this.columns = columns;
        try {
            Signal.handle(new Signal("WINCH"), _ -> columns(size()));
        } catch (IllegalArgumentException e) {
            // A system without this signal: the width stays.
        }
    }

    /** "24 80" as {@code stty size} prints it: rows, then columns. What is no size changes nothing. */
    void columns(String size) {
        String[] parts = size.strip().split(" ");
        if (parts.length == 2 && parts[1].matches("[1-9]\\d{0,4}")) {
            columns = Math.max(NARROWEST, Integer.parseInt(parts[1]));
        }
    }

    private static String size() {
        try {
            Process stty = new ProcessBuilder("stty", "size")
                    .redirectInput(new File("/dev/tty"))
                    .redirectError(Redirect.DISCARD)
                    .start();
            return new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            return "";
        }
    }

    @Override
    public int getAsInt() {
        return columns;
    }
}
