package dev.headwater.cli.command;

import dev.headwater.engine.UsageException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether a command's work is done by Apache Spark. */
final class SparkOptions {
    @Option(
            names = "--spark",
            paramLabel = "MASTER",
            description =
                    "Have Apache Spark make the graphs, with the spark-submit of SPARK_HOME: spark://HOST:7077, yarn, k8s://…, local[*]; "
                            + "DIR and FILE may be hdfs:// or s3a:// then (engine/docs/many-prompts.md).")
    private @Nullable String master;

    @Option(
            names = "--conf",
            paramLabel = "KEY=VALUE",
            description = "With --spark: a setting of Spark's, as spark-submit takes it; may be repeated.")
    private Map<String, String> conf = new LinkedHashMap<>();

    boolean isGiven() {
        if (master == null && !conf.isEmpty()) {
            throw new UsageException("--conf is a setting of Spark's and needs --spark");
        }
        return master != null;
    }

    String master() {
        return master == null ? "" : master;
    }

    Map<String, String> conf() {
        return conf;
    }

    /** Whether an option, by its longest name, is one of these. */
    static boolean has(String option) {
        return option.equals("--spark") || option.equals("--conf");
    }
}
