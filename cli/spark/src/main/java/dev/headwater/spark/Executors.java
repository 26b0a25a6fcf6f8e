package dev.headwater.spark;

import dev.headwater.cli.command.ClusterTask;
import dev.headwater.cli.command.ClusterWorker;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/** The loaded models of this executor: one for its tasks together, or one for each GPU that Spark has given to it. */
final class Executors {
    private static final Map<List<String>, ClusterWorker> WORKERS = new HashMap<>();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(Executors::close));
    }

    private Executors() {}

    /** Loads the model for the first task; the others find it. */
    static synchronized ClusterWorker worker(ClusterTask task, TaskContext context) {
        List<String> own =
                own(context.resourcesJMap().get("gpu"), SparkEnv.get().conf().get("spark.executor.cores", ""));
        List<String> key = new ArrayList<>(own);
        key.addAll(task.arguments());
        ClusterWorker worker = WORKERS.get(key);
        if (worker == null) {
            worker = new ClusterWorker(task.arguments(), own);
            WORKERS.put(key, worker);
        }
        return worker;
    }

    /**
     * What the executor decides of how graphs are made.
     *
     * @param gpu   what Spark has given to the task, null without one
     * @param cores of the executor, "" where nobody has said
     */
    static List<String> own(@org.jspecify.annotations.Nullable ResourceInformation gpu, String cores) {
        List<String> own = new ArrayList<>();
        if (gpu != null && gpu.addresses().length > 0) {
            own.add("--device=cuda:" + gpu.addresses()[0]);
        }
        if (!cores.isEmpty()) {
            own.add("--threads=" + cores);
        }
        return own;
    }

    private static synchronized void close() {
        WORKERS.values().forEach(ClusterWorker::close);
        WORKERS.clear();
    }
}
