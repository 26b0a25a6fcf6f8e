package dev.headwater.cli.report;

import dev.headwater.bindings.Traffic;
import dev.headwater.engine.Progress;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * Shows how far a computation has come: a bar on a terminal, now and then a line elsewhere. What takes no time shows
 * nothing. An interrupt of the user cancels the computation.
 */
public final class ProgressDisplay implements Progress, AutoCloseable {
    private static final Duration BAR_AFTER = Duration.ofMillis(300);
    private static final Duration LINE_EVERY = Duration.ofSeconds(5);
    private static final int REDRAW_MILLIS = 100;

    private final Console console;
    private final Interrupt interrupt;
    private final boolean quiet;
    private final TrafficReport traffic = new TrafficReport();
    private String phase = "";
    private long total;
    private long started;
    private long lastLine;
    private @Nullable ProgressBar bar;
    private @Nullable TerminalWidth width;

    public ProgressDisplay(Console console, Interrupt interrupt, boolean quiet) {
        this.console = console;
        this.interrupt = interrupt;
        this.quiet = quiet;
    }

    @Override
    public void phase(String name, long units) {
        close();
        phase = name;
        total = units;
        started = System.nanoTime();
        lastLine = started;
    }

    @Override
    public void advance(long done) {
        if (quiet) {
            return;
        }
        long now = System.nanoTime();
        if (console.errColumns() > 0) {
            if (bar == null && now - started >= BAR_AFTER.toNanos()) {
                bar = start(done, now - started);
            }
            if (bar != null) {
                bar.stepTo(done);
            }
        } else if (now - lastLine >= LINE_EVERY.toNanos()) {
            lastLine = now;
            console.err().println(line(phase, done, total, (now - started) / 1e9));
        }
    }

    @Override
    public void traffic(Traffic moved) {
        traffic.add(phase, moved);
    }

    /** What went to a GPU and back, so far. */
    public TrafficReport traffic() {
        return traffic;
    }

    private ProgressBar start(long done, long elapsedNanos) {
        TerminalWidth columns = width == null ? new TerminalWidth(console.errColumns()) : width;
        width = columns;
        // Given its width, the library has no need to ask the terminal, which would take longer than many a
        // computation.
        return new ProgressBarBuilder()
                .setTaskName(phase)
                .setInitialMax(total)
                .startsFrom(done, Duration.ofNanos(elapsedNanos))
                .setStyle(console.errStyle().on() ? ProgressBarStyle.COLORFUL_UNICODE_BLOCK : ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(REDRAW_MILLIS)
                .setConsumer(new ConsoleProgressBarConsumer(console.err(), columns.getAsInt() - 1) {
                    @Override
                    public int getMaxRenderedLength() {
                        return columns.getAsInt() - 1;
                    }
                })
                .showSpeed()
                .clearDisplayOnFinish()
                .build();
    }

    /** "feature rows: 1,200 of 7,500, 310/s, 20.3 s left". */
    static String line(String phase, long done, long total, double seconds) {
        double rate = done / seconds;
        StringBuilder line = new StringBuilder(phase).append(": ").append(Text.count(done));
        if (total >= 0) {
            line.append(" of ").append(Text.count(total));
        }
        line.append(", ")
                .append(rate < 10 ? String.format(Locale.ROOT, "%.1f", rate) : Text.count(Math.round(rate)))
                .append("/s");
        if (total > done && rate > 0) {
            line.append(", ").append(Text.seconds((total - done) / rate)).append(" left");
        }
        return line.toString();
    }

    @Override
    public boolean cancelled() {
        return interrupt.requested();
    }

    /** Takes the bar away. */
    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
