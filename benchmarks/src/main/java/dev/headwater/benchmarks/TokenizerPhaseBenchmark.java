package dev.headwater.benchmarks;

import dev.headwater.engine.hub.BundledModel;
import dev.headwater.engine.tokens.Tokenizer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Opening the bundled model's tokenizer, or another's ({@code -p model=DIRECTORY}), and encoding a million characters. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class TokenizerPhaseBenchmark {
    private static final int LENGTH = 1 << 20;

    @Param("atlas")
    public String model;

    private Path directory;
    private Tokenizer tokenizer;
    private String words;
    private String spaces;

    @Setup
    public void open() {
        directory = model.equals("atlas") ? BundledModel.directory(model) : Path.of(model);
        tokenizer = Tokenizer.open(directory);
        StringBuilder text = new StringBuilder();
        for (int i = 0; text.length() < LENGTH; i++) {
            text.append("The capital of state ").append(i).append(" isn't Dallas, naïve 中文 🙂.\n");
        }
        words = text.toString();
        spaces = " ".repeat(LENGTH);
    }

    @Benchmark
    public Tokenizer load() {
        return Tokenizer.open(directory);
    }

    @Benchmark
    public int[] encodeWords() {
        return tokenizer.encode(words, false);
    }

    @Benchmark
    public int[] encodeSpaces() {
        return tokenizer.encode(spaces, false);
    }
}
