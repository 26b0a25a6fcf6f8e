package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.NativeException;
import dev.headwater.cli.report.Stopwatch;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.Version;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.Sha256;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.graph.AttributionGraph;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * Works off the tasks of a batch in a process of a cluster, with one loaded model that all of its tasks share. One of them computes
 * at a time, on all threads, while another one prunes and writes; of further ones nothing is in memory but their lines. May be used
 * by any number of threads; {@link #close} waits for work that has begun.
 */
public final class ClusterWorker implements AutoCloseable {
    /** Where answers are kept until the batch is whole, for one that goes on after its driver was lost. */
    static final String PARTS = "_batch";

    /** Graphs with more than this part of the memory that is left are written before the next are computed. */
    private static final int LARGE = 16;

    private final BatchOptions how;
    private final AttributionOptions options;
    private final ReplacementModel model;
    private final ReentrantLock computing = new ReentrantLock(true);
    /** As many as there may be tasks with graphs in memory. */
    private final BlockingQueue<BatchOutput> outputs = new ArrayBlockingQueue<>(2);

    /** What stands on the worker's command line. */
    @Command
    static final class Arguments {
        @Mixin
        private BatchOptions how;
    }

    /**
     * What came of a task.
     *
     * @param json         for the driver
     * @param graphs       that were made
     * @param failures     lines that can have none
     * @param milliseconds of tracing
     */
    public record Answer(String json, int graphs, int failures, long milliseconds) {}

    /** One line's graph, or why there is none. */
    private record Result(
            BatchLine line,
            @Nullable AttributionGraph graph,
            @Nullable String fault) {}

    /**
     * Loads the model.
     *
     * @param arguments  how graphs are made, see {@link ClusterTask}
     * @param additional arguments that this process decides, such as its device; what {@code arguments} say wins
     * @throws HeadwaterException if it can't be loaded
     */
    public ClusterWorker(List<String> arguments, List<String> additional) {
        Arguments parsed = new Arguments();
        List<String> all = new ArrayList<>(additional);
        all.addAll(arguments);
        new CommandLine(parsed).setOverwrittenOptionsAllowed(true).parseArgs(all.toArray(String[]::new));
        how = parsed.how;
        options = how.check();
        model = how.model().load(Progress.NONE);
        BatchSettings settings = how.settings(options);
        while (outputs.remainingCapacity() > 0) {
            outputs.add(new BatchOutput(model, settings, how.thresholds()));
        }
    }

    /** Whether a worker is to be told of an option of the command line. */
    static boolean takes(String option) {
        return new CommandLine(new Arguments()).getCommandSpec().findOption(option) != null;
    }

    /**
     * Says what keeps this process from working, before anything is loaded.
     *
     * @throws HeadwaterException if it is of another version than what asks, or writes elsewhere
     */
    public static void check(ClusterTask task, Folder folder) {
        if (!task.version().equals(Version.number())) {
            throw new HeadwaterException("it has Headwater " + Version.number() + ", and the driver " + task.version()
                    + "; all machines of a batch must have the same");
        }
        if (!folder.has(task.marker())) {
            throw new HeadwaterException("it does not see the driver's " + folder
                    + "; name a directory that all machines see, or one of HDFS or S3");
        }
    }

    /**
     * Does what a task asks.
     *
     * @param progress tells whether it is to be given up
     * @throws HeadwaterException if the folder can't be written to
     * @throws CancellationException if it was given up
     */
    public Answer work(ClusterTask task, Folder folder, Progress progress) {
        Set<Integer> due = task.due();
        ArrayNode answers = due == null ? lengths(task.lines()) : graphs(task.lines(), due, folder, progress);
        int failures = 0;
        double seconds = 0;
        for (JsonNode answer : answers) {
            failures += answer.path("record").has("error") ? 1 : 0;
            seconds += answer.path("seconds").asDouble();
        }
        return new Answer(
                BoundedJson.mapper()
                        .createObjectNode()
                        .<ObjectNode>set("answers", answers)
                        .toString(),
                due == null ? 0 : answers.size() - failures,
                failures,
                Math.round(seconds * 1e3));
    }

    private ArrayNode lengths(List<BatchLine> lines) {
        ArrayNode answers = BoundedJson.mapper().createArrayNode();
        BatchOutput output = take();
        try {
            for (BatchLine line : lines) {
                ObjectNode answer = answers.addObject().put("line", line.number());
                try {
                    answer.put(
                            "tokens", how.request(line, model, options).prompt().length());
                } catch (HeadwaterException e) {
                    answer.set("record", output.failed(line, String.valueOf(e.getMessage())));
                }
            }
        } finally {
            outputs.add(output);
        }
        return answers;
    }

    private ArrayNode graphs(List<BatchLine> lines, Set<Integer> due, Folder folder, Progress progress) {
        try {
            computing.lockInterruptibly();
        } catch (InterruptedException e) {
            throw interrupted();
        }
        try {
            BatchOutput output = take();
            try {
                Stopwatch watch = new Stopwatch();
                List<Result> results = compute(lines, due, progress, true);
                double seconds = watch.lap() / Math.max(1, results.size());
                try {
                    long bytes = Float.BYTES
                            * results.stream()
                                    .map(Result::graph)
                                    .mapToLong(graph ->
                                            graph == null ? 0 : graph.edges().size())
                                    .sum();
                    if (bytes <= model.memory().left(MemoryBudget.Place.HOST) / LARGE) {
                        computing.unlock();
                    }
                    return write(results, due, output, folder, seconds);
                } finally {
                    close(results);
                }
            } finally {
                outputs.add(output);
            }
        } finally {
            if (computing.isHeldByCurrentThread()) {
                computing.unlock();
            }
        }
    }

    private List<Result> compute(List<BatchLine> group, Set<Integer> due, Progress progress, boolean again) {
        try {
            List<Attribution.Request> requests = group.stream()
                    .map(line -> how.request(line, model, options))
                    .toList();
            List<AttributionGraph> graphs = Attribution.attributeAll(model, requests, progress);
            List<Result> results = new ArrayList<>();
            for (int i = 0; i < graphs.size(); i++) {
                results.add(new Result(group.get(i), graphs.get(i), null));
            }
            return results;
        } catch (HeadwaterException | NativeException | OutOfMemoryError e) {
            if (again) {
                outputs.add(take()); // what was being written may have held the memory that these need
                return compute(group, due, progress, false);
            }
            if (group.size() == 1) {
                return List.of(new Result(group.getFirst(), null, BatchOutput.reason(e)));
            }
            // One of them is to blame; it must not harm the others.
            List<Result> results = new ArrayList<>();
            try {
                for (BatchLine line : group) {
                    if (due.contains(line.number())) {
                        results.addAll(compute(List.of(line), due, progress, false));
                    }
                }
            } catch (RuntimeException | Error other) {
                close(results);
                throw other;
            }
            return results;
        }
    }

    private static void close(List<Result> results) {
        for (Result result : results) {
            if (result.graph != null) {
                result.graph.close();
            }
        }
    }

    private static ArrayNode write(
            List<Result> results, Set<Integer> due, BatchOutput output, Folder folder, double seconds) {
        Path scratch = null;
        try {
            scratch = Files.createTempDirectory("headwater-batch");
            ArrayNode answers = BoundedJson.mapper().createArrayNode();
            for (Result result : results) {
                if (due.contains(result.line.number())) {
                    answers.addObject().put("seconds", seconds).set("record", write(result, output, scratch, folder));
                }
            }
            Map<String, JsonNode> index = new HashMap<>();
            Path list = scratch.resolve(GraphIndex.FILE);
            if (Files.exists(list)) {
                BoundedJson.read(list)
                        .path("graphs")
                        .forEach(graph -> index.put(graph.path("slug").asText(), graph));
            }
            StringBuilder part = new StringBuilder();
            for (JsonNode answer : answers) {
                JsonNode metadata = index.get(answer.at("/record/slug").asText());
                if (metadata != null) {
                    ((ObjectNode) answer).set("metadata", metadata);
                }
                part.append(answer).append('\n');
            }
            Path file = Files.writeString(scratch.resolve("part"), part);
            folder.put(file, PARTS + "/" + Sha256.of(file) + ".jsonl");
            return answers;
        } catch (IOException e) {
            throw new HeadwaterException("it can't write into " + scratch + ": " + e.getMessage(), e);
        } finally {
            delete(scratch);
        }
    }

    private static ObjectNode write(Result result, BatchOutput output, Path scratch, Folder folder) {
        BatchLine line = result.line;
        if (result.graph == null) {
            return output.failed(line, String.valueOf(result.fault));
        }
        Path file = GraphName.file(scratch, line.slug());
        String name = file.getFileName().toString();
        folder.fetch(name, file); // what people added to it is kept
        ObjectNode record;
        try {
            record = output.write(line, result.graph, scratch);
        } catch (HeadwaterException | NativeException | OutOfMemoryError e) {
            return output.failed(line, BatchOutput.reason(e));
        }
        folder.put(file, name);
        return record;
    }

    private static void delete(@Nullable Path scratch) {
        try {
            if (scratch != null) {
                Trees.delete(scratch);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private BatchOutput take() {
        try {
            return outputs.take();
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private static CancellationException interrupted() {
        Thread.currentThread().interrupt();
        return new CancellationException("the task was given up");
    }

    @Override
    public void close() {
        model.close();
    }
}
