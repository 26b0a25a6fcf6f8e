package dev.headwater.explorer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Serves the sample graphs with the fake engine, for work on the page: {@code ExplorerDemo [port [directory]]}. */
final class ExplorerDemo {
    private ExplorerDemo() {}

    public static void main(String... args) throws Exception {
        long start = System.nanoTime();
        Path graphs = args.length < 2 ? Files.createTempDirectory("explorer-demo") : Path.of(args[1]);
        SampleGraphs.synthetic(graphs, "synthetic-5000", 5000, 50_000, 1);
        for (String name : List.of(SampleGraphs.GEMMA, SampleGraphs.OAKLAND, SampleGraphs.DALLAS)) {
            SampleGraphs.copy(name, graphs);
        }
        long ready = System.nanoTime();
        var server = ExplorerServer.start(ExplorerConfig.local(graphs)
                .at(ExplorerConfig.LOOPBACK, args.length == 0 ? 0 : Integer.parseInt(args[0]))
                .withEngine(new FakeEngine(60)));
        System.out.println(
                server.address() + " serves " + graphs + ", started in " + (System.nanoTime() - ready) / 1_000_000
                        + " ms after " + (ready - start) / 1_000_000 + " ms of making graphs");
        Thread.currentThread().join();
    }
}
