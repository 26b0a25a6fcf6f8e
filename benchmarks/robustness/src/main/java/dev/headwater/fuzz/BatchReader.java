package dev.headwater.fuzz;

import dev.headwater.cli.command.BatchLine;
import dev.headwater.engine.attribution.AttributionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A file of prompts, as JSON lines and as plain text. */
final class BatchReader implements Reader {
    private final Path json = Files.createTempFile("batch", ".jsonl");
    private final Path plain = Files.createTempFile("batch", ".txt");

    BatchReader() throws IOException {}

    @Override
    public void read(byte[] input) throws IOException {
        Files.write(json, input);
        List<BatchLine> lines = BatchLine.named(BatchLine.read(json), (_, _) -> true);
        for (BatchLine line : lines) {
            line.unknownKeys();
            if (line.fault() == null) {
                line.options(AttributionOptions.DEFAULT);
            } else if (line.fault().chars().anyMatch(Character::isISOControl)) {
                throw new AssertionError("no sentence: " + line.fault());
            }
        }
        Files.write(plain, input);
        BatchLine.named(BatchLine.read(plain), (_, _) -> true);
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(json);
        Files.deleteIfExists(plain);
    }
}
