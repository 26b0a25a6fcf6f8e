package dev.headwater.spark;

import dev.headwater.cli.command.Cluster;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import scala.Function2;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;
import scala.runtime.BoxedUnit;

/** Spark: a job for each run, a partition for each task. */
final class SparkCluster implements Cluster {
    /** Seconds to wait for the first executor, a setting of ours among Spark's. */
    private static final String WAIT = "spark.headwater.wait";

    private static final int USUAL_WAIT = 120;
    private static final int POLL_MILLIS = 200;

    private final JavaSparkContext context;
    private final AtomicInteger executors = new AtomicInteger();

    private SparkCluster(JavaSparkContext context) {
        this.context = context;
        context.sc().addSparkListener(new SparkListener() {
            @Override
            public void onExecutorAdded(SparkListenerExecutorAdded added) {
                executors.incrementAndGet();
            }
        });
    }

    /** @param quiet whether only what goes wrong is to be logged */
    static SparkCluster start(boolean quiet) {
        SparkConf conf = new SparkConf();
        if (!conf.contains("spark.master")) {
            throw new UsageException(
                    "there is no master; start the batch with spark-submit --master, or headwater batch --spark");
        }
        conf.setIfMissing("spark.app.name", "headwater batch");
        try {
            JavaSparkContext context = new JavaSparkContext(conf);
            if (quiet) {
                context.setLogLevel("WARN");
            }
            return new SparkCluster(context);
        } catch (RuntimeException e) {
            throw SparkFailure.of(e, conf.get("spark.master"), SparkFailure.version());
        }
    }

    /** One of these comes for each task, in the order in which they are done, and one more at the end. */
    private sealed interface Event {
        record Done(String answer) implements Event {}

        record Whole() implements Event {}

        record Failed(Throwable why) implements Event {}
    }

    @Override
    public void run(String title, List<String> tasks, Consumer<String> done) {
        if (tasks.isEmpty()) {
            return;
        }
        SparkContext spark = context.sc();
        BlockingQueue<Event> events = new LinkedBlockingQueue<>();
        SparkWork work;
        try {
            work = SparkWork.of(spark);
        } catch (IllegalStateException e) { // stopped meanwhile
            throw SparkFailure.of(e, context.master(), SparkFailure.version());
        }
        Thread.ofPlatform().daemon().name("spark-job").start(() -> {
            try {
                context.setJobDescription(title);
                RDD<String> rdd = context.parallelize(tasks, tasks.size()).rdd();
                Function2<Object, String, BoxedUnit> handler = (_, answer) -> {
                    events.add(new Event.Done(answer));
                    return BoxedUnit.UNIT;
                };
                Seq<Object> all = CollectionConverters.asScala(IntStream.range(0, tasks.size())
                                .<Object>mapToObj(Integer::valueOf)
                                .toList())
                        .toSeq();
                spark.runJob(rdd, work, all, handler, ClassTag$.MODULE$.apply(String.class));
                events.add(new Event.Whole());
            } catch (Throwable e) { // Scala throws what it does not declare
                events.add(new Event.Failed(e));
            }
        });
        try {
            follow(events, done);
        } catch (RuntimeException | Error e) {
            spark.cancelAllJobs();
            throw e;
        }
    }

    private void follow(BlockingQueue<Event> events, Consumer<String> done) {
        long seconds = context.getConf().getLong(WAIT, USUAL_WAIT);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        boolean heard = false;
        while (true) {
            try {
                switch (events.poll(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                    case null -> {
                        if (!heard && executors.get() == 0 && !context.isLocal() && System.nanoTime() > deadline) {
                            throw new HeadwaterException(
                                    "No worker of %s took the batch within %d s; see its page for what they lack, cores or memory, or wait longer (--conf %s=SECONDS)"
                                            .formatted(context.master(), seconds, WAIT));
                        }
                    }
                    case Event.Done one -> {
                        heard = true;
                        done.accept(one.answer());
                    }
                    case Event.Whole _ -> {
                        return;
                    }
                    case Event.Failed failed ->
                        throw SparkFailure.of(failed.why(), context.master(), SparkFailure.version());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("the batch was interrupted");
            }
        }
    }

    @Override
    public void close() {
        context.close();
    }
}
