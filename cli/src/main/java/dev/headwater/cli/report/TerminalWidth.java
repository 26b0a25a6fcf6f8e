package dev.headwater.cli.report;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;

/**
 * The width of the terminal in columns, which changes with its window. It is asked for beside the work, at most once a second
 * while something is drawn: the signal that tells of a change is no public part of Java.
 */
final class TerminalWidth implements IntSupplier {
    private static final int NARROWEST = 10;
    private static final long INTERVAL = Duration.ofSeconds(1).toNanos();

    private final AtomicLong asked = new AtomicLong(System.nanoTime());
    private volatile int columns;

    /** @param columns at the start, which to ask the terminal for would take longer than many a computation */
    TerminalWidth(int columns) {
        this.columns = columns;
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
        long before = asked.get();
        long now = System.nanoTime();
        if (now - before > INTERVAL && asked.compareAndSet(before, now)) {
            Thread.startVirtualThread(() -> columns(size()));
        }
        return columns;
    }
}
