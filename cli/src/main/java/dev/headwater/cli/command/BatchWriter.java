package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.NativeException;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.graph.AttributionGraph;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Prunes, writes and records the graphs of a batch on a thread of its own, while those of the next lines are computed: of short prompts
 * that takes as long, most of it waiting for the disk. One group of lines is at work at a time, so that memory stays bounded, and lines
 * are written in their order. Used by one thread, which alone prints.
 */
final class BatchWriter implements AutoCloseable {
    /**
     * What became of a line.
     *
     * @param said  what there is to say of its graph
     * @param fault why it has none, or null
     */
    record Outcome(BatchLine line, String said, @Nullable String fault) {}

    private final Set<BatchLine> due;
    private final BatchOutput output;
    private final BatchRecords records;
    private final Path directory;
    private final Interrupt interrupt;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("batch-writer").factory());
    private @Nullable Future<List<Outcome>> pending;

    /** @param due lines whose graphs are wanted; others of a group are only computed with them */
    BatchWriter(Set<BatchLine> due, BatchOutput output, BatchRecords records, Path directory, Interrupt interrupt) {
        this.due = due;
        this.output = output;
        this.records = records;
        this.directory = directory;
        this.interrupt = interrupt;
    }

    /**
     * Begins to write a group's graphs, which it closes. Nothing may be at work: {@link #settle} first.
     *
     * @param seconds that each of them took
     */
    void begin(List<BatchLine> group, List<AttributionGraph> graphs, double seconds) {
        List<BatchLine> lines = List.copyOf(group);
        pending = thread.submit(() -> write(lines, graphs, seconds));
    }

    /**
     * Waits for what is at work.
     *
     * @return what became of it, line by line; nothing if nothing was
     * @throws CancellationException if the user asked to stop before all of it was written
     * @throws HeadwaterException if the records cannot be written
     */
    List<Outcome> settle() {
        Future<List<Outcome>> work = pending;
        pending = null;
        if (work == null) {
            return List.of();
        }
        try {
            return work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("the batch was interrupted");
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException known -> throw known;
                case Error grave -> throw grave;
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private List<Outcome> write(List<BatchLine> group, List<AttributionGraph> graphs, double seconds) {
        try {
            List<Outcome> outcomes = new ArrayList<>();
            for (int i = 0; i < graphs.size(); i++) {
                if (due.contains(group.get(i))) {
                    if (interrupt.requested()) {
                        throw new CancellationException("the batch was cancelled");
                    }
                    outcomes.add(write(group.get(i), graphs.get(i), seconds));
                }
            }
            return outcomes;
        } finally {
            graphs.forEach(AttributionGraph::close);
        }
    }

    private Outcome write(BatchLine line, AttributionGraph graph, double seconds) {
        ObjectNode record;
        try {
            record = output.write(line, graph, directory);
        } catch (HeadwaterException | NativeException | OutOfMemoryError e) {
            return new Outcome(line, "", BatchOutput.reason(e));
        }
        records.add(record);
        return new Outcome(line, said(record, seconds), null);
    }

    /** What there is to say of a graph that was made. */
    static String said(ObjectNode record, double seconds) {
        return "%s: %s tokens, %s features, %s"
                .formatted(
                        record.path("slug").asText(),
                        Text.count(record.path("tokens").asInt()),
                        Text.count(record.path("features").asInt()),
                        Text.seconds(seconds));
    }

    /** Waits for the line that is being written, if one is. */
    @Override
    public void close() {
        thread.close();
    }
}
