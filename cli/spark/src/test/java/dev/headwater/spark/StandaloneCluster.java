package dev.headwater.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A Spark master and workers as processes of their own on this machine, each worker with one core for one small executor. */
final class StandaloneCluster implements AutoCloseable {
    private static final String HOST = "127.0.0.1";
    private static final int SECONDS = 60;

    private final Path directory;
    private final Path home;
    private final int port;
    private final Process master;
    private final List<Process> workers = new ArrayList<>();

    /** @param directory for logs and what executors need */
    StandaloneCluster(Path directory, int workers) throws IOException, InterruptedException {
        this.directory = directory;
        home = Path.of(System.getenv("SPARK_HOME"));
        Files.createDirectories(home.resolve("bin"));
        Path submit = home.resolve("bin/spark-submit");
        Files.copy(Path.of("src/test/scripts/spark-submit"), submit, StandardCopyOption.REPLACE_EXISTING);
        submit.toFile().setExecutable(true);
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(HOST))) {
            port = free.getLocalPort();
        }
        master = start("master.Master", "--host", HOST, "--port", Integer.toString(port), "--webui-port", "0");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!answers()) {
            if (System.nanoTime() > end) {
                throw new IOException("the master does not start, see " + directory);
            }
            Thread.sleep(100);
        }
        for (int i = 0; i < workers; i++) {
            addWorker();
        }
    }

    private boolean answers() {
        try (Socket _ = new Socket(HOST, port)) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    void addWorker() throws IOException {
        workers.add(start(
                "worker.Worker",
                "--host",
                HOST,
                "--webui-port",
                "0",
                "--cores",
                "1",
                "--memory",
                "700m",
                "--work-dir",
                directory.resolve("work" + workers.size()).toString(),
                master()));
    }

    /** Kills a worker and its executor at once, as a machine that goes. */
    void killWorker() {
        Process worker = workers.removeFirst();
        List<ProcessHandle> executors = worker.descendants().toList();
        worker.destroyForcibly();
        executors.forEach(ProcessHandle::destroyForcibly);
    }

    private Process start(String daemon, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                home.resolve("jars") + "/*",
                "org.apache.spark.deploy." + daemon));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(
                        directory.resolve(daemon + System.nanoTime() + ".log").toFile());
        builder.environment().put("SPARK_HOME", home.toString());
        builder.environment().put("SPARK_SCALA_VERSION", "2.13");
        builder.environment().put("SPARK_LOCAL_DIRS", directory.resolve("local").toString());
        return builder.start();
    }

    /** As {@code --spark} takes it. */
    String master() {
        return "spark://" + HOST + ":" + port;
    }

    /** Settings of Spark's that keep everything small and on this machine. */
    static List<String> settings() {
        return List.of(
                "--conf=spark.driver.host=" + HOST,
                "--conf=spark.driver.memory=512m",
                "--conf=spark.executor.memory=512m",
                "--conf=spark.executor.cores=1",
                "--conf=spark.ui.enabled=false");
    }

    @Override
    public void close() {
        for (Process process : workers) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        master.destroyForcibly();
    }
}
