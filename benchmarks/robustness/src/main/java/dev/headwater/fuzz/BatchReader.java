package dev.headwater.fuzz;

import dev.headwater.cli.command.BatchLine;
import dev.headwater.engine.attribution.AttributionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A file of prompts, as JSON lines and as plain text. */
final class BatchReader implements Reader {
    private final Scratch scratch = new Scratch();

    @Override
    public void read(byte[] input) throws IOException {
        Path json = scratch.write("prompts.jsonl", input);
        List<BatchLine> lines = BatchLine.named(BatchLine.read(json), (_, _) -> true);
        for (BatchLine line : lines) {
            line.unknownKeys();
            if (line.fault() == null) {
                line.options(AttributionOptions.DEFAULT);
            } else if (line.fault().chars().anyMatch(Character::isISOControl)) {
                throw new AssertionError("no sentence: " + line.fault());
            }
        }
        Path plain = scratch.write("prompts.txt", input);
        BatchLine.named(BatchLine.read(plain), (_, _) -> true);
    }

    @Override
    public void close() throws IOException {
        scratch.close();
    }
}
