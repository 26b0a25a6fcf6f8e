package dev.headwater.benchmarks;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.model.LanguageModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How fast a quantised model loads, beside what bounds it. */
@Command(
        name = "loading",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Times loading a model from a GGUF file as float32, beside reading the file from beginning to end and filling fresh memory as large as "
                    + "the decoded weights. All three in turn, in one process, after one of each that does not count: so the file is in the page cache."
        })
final class LoadingCommand implements Callable<Integer> {
    private static final int BUFFER = 1 << 20;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FILE", description = "The model, a GGUF file.")
    private Path file;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            defaultValue = "5",
            description = "How often (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--record", description = "Keep the table in RESULTS.md.")
    private boolean record;

    @Override
    public Integer call() throws IOException {
        if (repeat < 1) {
            throw new UsageException("--repeat is " + repeat + "; it must be at least 1");
        }
        if (!Files.isRegularFile(file)) {
            throw new HeadwaterException(file + " is no file");
        }
        long bytes = Files.size(file);
        List<Double> read = new ArrayList<>();
        List<Double> fill = new ArrayList<>();
        List<Double> load = new ArrayList<>();
        long decoded = 0;
        for (int round = 0; round <= repeat; round++) {
            long start = System.nanoTime();
            readThrough(file);
            double reading = seconds(start);
            start = System.nanoTime();
            try (LanguageModel model = LanguageModel.load(file, DType.F32, Device.CPU)) {
                decoded = model.config().parameters() * Float.BYTES;
            }
            double loading = seconds(start);
            start = System.nanoTime();
            try (Arena arena = Arena.ofConfined()) { // memory from an arena is set to zeros
                arena.allocate(decoded, 64);
            }
            if (round > 0) {
                read.add(reading);
                load.add(loading);
                fill.add(seconds(start));
            }
        }
        Table table = new Table("file MiB", "float32 MiB", "load s", "read s", "fill s", "load / (read + fill)");
        double bound = Sample.of(read).median() + Sample.of(fill).median();
        table.row(
                "%.0f".formatted(bytes / 1048576.0),
                "%.0f".formatted(decoded / 1048576.0),
                Sample.of(load).spread("%.3f"),
                Sample.of(read).spread("%.3f"),
                Sample.of(fill).spread("%.3f"),
                "%.2f".formatted(Sample.of(load).median() / bound));
        String name = file.getFileName() + ", " + Runtime.getRuntime().availableProcessors() + " processors.";
        System.out.print(table.print(Table.Format.MARKDOWN) + "\n" + name + "\n");
        if (record) {
            Benchmarks.RESULTS.put(
                    "loading",
                    Benchmarks.commandLine(
                            spec, spec.commandLine().getParseResult().originalArgs()),
                    table.print(Table.Format.MARKDOWN) + "\n" + name);
        }
        return 0;
    }

    private static void readThrough(Path file) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        try (FileChannel in = FileChannel.open(file)) {
            while (in.read(buffer.clear()) >= 0) {
                // What was read is not looked at.
            }
        }
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
