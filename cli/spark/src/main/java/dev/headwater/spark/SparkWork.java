package dev.headwater.spark;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.NativeException;
import dev.headwater.cli.command.ClusterTask;
import dev.headwater.cli.command.ClusterWorker;
import dev.headwater.cli.command.Folder;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.files.BoundedJson;
import java.io.Serializable;
import java.util.concurrent.CancellationException;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.util.LongAccumulator;
import scala.Function2;
import scala.collection.Iterator;

/**
 * What an executor does with a task: a {@link ClusterTask} in, the answer out, both JSON. Whatever keeps the executor from working
 * at all is an answer too, {@code fatal}: tried again elsewhere it would only be said later.
 */
final class SparkWork implements Function2<TaskContext, Iterator<String>, String>, Serializable {
    private static final long serialVersionUID = 1;

    private final String spark;
    private final LongAccumulator graphs;
    private final LongAccumulator failures;
    private final LongAccumulator milliseconds;

    private SparkWork(String spark, LongAccumulator graphs, LongAccumulator failures, LongAccumulator milliseconds) {
        this.spark = spark;
        this.graphs = graphs;
        this.failures = failures;
        this.milliseconds = milliseconds;
    }

    /** With counters that Spark's page shows. */
    static SparkWork of(SparkContext context) {
        return new SparkWork(
                context.version(),
                context.longAccumulator("graphs made"),
                context.longAccumulator("lines failed"),
                context.longAccumulator("milliseconds of tracing"));
    }

    @Override
    public String apply(TaskContext context, Iterator<String> partition) {
        ClusterTask task = ClusterTask.read(partition.next());
        try {
            if (!spark.equals(SparkFailure.version())) {
                throw new HeadwaterException("it has Spark " + SparkFailure.version() + ", and the driver " + spark
                        + "; all must have the same");
            }
            Folder folder = Folders.of(task.folder());
            ClusterWorker.check(task, folder);
            ClusterWorker worker = Executors.worker(task, context);
            ClusterWorker.Answer answer = worker.work(task, folder, new Killed(context));
            graphs.add(answer.graphs());
            failures.add(answer.failures());
            milliseconds.add(answer.milliseconds());
            return answer.json();
        } catch (CancellationException e) {
            context.killTaskIfInterrupted();
            throw e;
        } catch (HeadwaterException | NativeException e) {
            ObjectNode fatal = BoundedJson.mapper().createObjectNode();
            return fatal.put(
                            "fatal",
                            "Worker "
                                    + SparkEnv.get()
                                            .blockManager()
                                            .blockManagerId()
                                            .host() + ": " + e.getMessage())
                    .toString();
        }
    }

    /** Spark gives a task up of which another attempt was faster, or whose job has failed. */
    private record Killed(TaskContext context) implements Progress {
        @Override
        public boolean cancelled() {
            return context.isInterrupted();
        }
    }
}
