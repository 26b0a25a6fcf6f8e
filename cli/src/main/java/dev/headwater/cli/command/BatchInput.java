package dev.headwater.cli.command;

import dev.headwater.cli.option.PromptTemplate;
import dev.headwater.engine.UsageException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where a batch's prompts come from: a file with one a line, or a template and a table. */
final class BatchInput {
    @Parameters(
            paramLabel = "FILE",
            arity = "0..1",
            description = "Prompts: JSON lines, or *.txt with a prompt a line; also *.gz, or - for standard file.")
    private @Nullable String file;

    @Option(
            names = "--template",
            paramLabel = "TEXT",
            description =
                    "In place of FILE: a prompt with gaps, as in \"The capital of {state} is\"; each row of --values makes one.")
    private @Nullable String template;

    @Option(
            names = "--values",
            paramLabel = "TABLE",
            description = "What goes into the gaps: CSV with a header (*.tsv: tabs); a column slug names the graphs.")
    private @Nullable String values;

    /** @throws UsageException if they are given in no way, or in two */
    List<BatchLine> lines() {
        return lines(Path::of);
    }

    /**
     * As above, of files that may be elsewhere.
     *
     * @param here brings a file here by its name
     */
    List<BatchLine> lines(Function<String, Path> here) {
        if (file != null && template == null && values == null) {
            return BatchLine.read(here.apply(file));
        }
        if (file == null && template != null && values != null) {
            return BatchLine.of(PromptTemplate.parse(template).of(here.apply(values)));
        }
        throw new UsageException(
                file == null && template == null && values == null
                        ? "Missing required parameter: 'FILE' (or --template with --values)"
                        : file == null
                                ? "--template and --values belong together"
                                : "FILE and --template are two ways to give prompts; use one of them");
    }
}
