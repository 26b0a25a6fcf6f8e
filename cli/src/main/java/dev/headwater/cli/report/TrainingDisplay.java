package dev.headwater.cli.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.training.TrainingListener;
import dev.headwater.engine.training.TrainingReport;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Shows how a training goes: a line for some rounds, and a line of JSON for each report where they are to be kept. */
public final class TrainingDisplay implements TrainingListener, AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Seconds of training between lines, unless there is news of held-out text. */
    private static final double LINE_EVERY = 10;

    private final Console console;
    private final ProgressDisplay progress;
    private final boolean quiet;
    private final @Nullable Path file;
    private final @Nullable Writer log;
    private double lastLine = Double.NEGATIVE_INFINITY;

    /** @param file to add lines to, or null */
    public TrainingDisplay(Console console, ProgressDisplay progress, @Nullable Path file, boolean quiet) {
        this.console = console;
        this.progress = progress;
        this.quiet = quiet;
        this.file = file;
        try {
            log = file == null
                    ? null
                    : Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException failure) {
            throw new HeadwaterException("Cannot write %s: %s".formatted(file, failure.getMessage()), failure);
        }
    }

    @Override
    public void phase(String name, long total) {
        progress.phase(name, total);
    }

    @Override
    public void advance(long done) {
        if (console.errColumns() > 0) {
            progress.advance(done);
        }
    }

    @Override
    public boolean cancelled() {
        return progress.cancelled();
    }

    @Override
    public void report(TrainingReport report) {
        write(report);
        if (quiet || report.heldOut().isEmpty() && report.seconds() - lastLine < LINE_EVERY) {
            return;
        }
        lastLine = report.seconds();
        console.err().println(line(report));
    }

    /** "step 160, 81,920 tokens, 12 %, 38.1 s: loss 0.512, 34.0 active, 3 dead, held-out FVU 0.523 (0.20 0.31)". */
    static String line(TrainingReport report) {
        String line = String.format(
                Locale.ROOT,
                "step %,d, %,d tokens, %.0f %%, %s: loss %.3f, %.1f active, %,d dead",
                report.step(),
                report.tokens(),
                100 * report.share(),
                Text.seconds(report.seconds()),
                report.loss(),
                report.active(),
                report.dead());
        if (report.heldOut().isEmpty()) {
            return line;
        }
        return line
                + String.format(
                        Locale.ROOT,
                        ", held-out FVU %.3f (%s)",
                        report.heldOut().getAsDouble(),
                        report.layers().stream()
                                .map(layer -> String.format(
                                        Locale.ROOT, "%.2f", layer.heldOut().orElse(Double.NaN)))
                                .collect(Collectors.joining(" ")));
    }

    private void write(TrainingReport report) {
        if (log == null) {
            return;
        }
        ObjectNode line = JSON.createObjectNode()
                .put("step", report.step())
                .put("tokens", report.tokens())
                .put("share", report.share())
                .put("seconds", report.seconds())
                .put("loss", report.loss())
                .put("active", report.active())
                .put("dead", report.dead());
        report.heldOut().ifPresent(fvu -> line.put("held_out_fvu", fvu));
        ArrayNode layers = line.putArray("layers");
        for (TrainingReport.Layer layer : report.layers()) {
            ObjectNode one = layers.addObject()
                    .put("layer", layer.layer())
                    .put("loss", layer.loss())
                    .put("active", layer.active())
                    .put("dead", layer.dead());
            layer.heldOut().ifPresent(fvu -> one.put("held_out_fvu", fvu));
        }
        try {
            log.write(JSON.writeValueAsString(line) + "\n");
            log.flush();
        } catch (IOException failure) {
            throw new HeadwaterException("Cannot write %s: %s".formatted(file, failure.getMessage()), failure);
        }
    }

    @Override
    public void close() {
        try {
            if (log != null) {
                log.close();
            }
        } catch (IOException failure) {
            throw new HeadwaterException("Cannot write %s: %s".formatted(file, failure.getMessage()), failure);
        }
    }
}
