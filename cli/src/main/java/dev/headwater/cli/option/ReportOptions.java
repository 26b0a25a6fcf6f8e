package dev.headwater.cli.option;

import dev.headwater.cli.report.ExplanationReport;
import dev.headwater.cli.report.ExplanationReport.Form;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The files that an explanation is written to, beside its graph. */
public final class ReportOptions {
    @Option(
            names = {"--out", "--markdown"},
            paramLabel = "FILE.md",
            description = "Write the report as markdown too, with the card.")
    private @Nullable Path markdown;

    @Option(
            names = "--html",
            paramLabel = "FILE.html",
            description = "Write report, diagram and card as a page that needs no other file.")
    private @Nullable Path page;

    @Option(names = "--svg", paramLabel = "FILE.svg", description = "Draw the circuit.")
    private @Nullable Path drawing;

    @Option(
            names = "--card",
            description =
                    "Also say how far to believe it: what the graph foretells of its interventions, and how far each layer's features stand for its MLP.")
    private boolean card;

    private record Target(Path file, Form form) {}

    private List<Target> targets() {
        return Stream.of(
                        Optional.ofNullable(markdown).map(file -> new Target(file, Form.MARKDOWN)),
                        Optional.ofNullable(page).map(file -> new Target(file, Form.PAGE)),
                        Optional.ofNullable(drawing).map(file -> new Target(file, Form.DRAWING)))
                .flatMap(Optional::stream)
                .toList();
    }

    /** Whether the card is to be made. */
    public boolean card() {
        return card || markdown != null || page != null;
    }

    /** Before minutes have gone into what cannot be kept. */
    public void check(@Nullable Path graph) {
        List<Path> all = targets().stream()
                .map(target -> target.file.toAbsolutePath().normalize())
                .toList();
        for (int i = 0; i < all.size(); i++) {
            if (all.subList(0, i).contains(all.get(i))
                    || graph != null && all.get(i).equals(graph.toAbsolutePath().normalize())) {
                throw new UsageException(
                        "Two things would be written to " + all.get(i) + "; give each a file of its own");
            }
            if (Files.isDirectory(all.get(i))) {
                throw new HeadwaterException("Cannot write " + targets().get(i).file + ": it is a directory");
            }
        }
    }

    /** {@return the files to be written} */
    public List<Path> files() {
        return targets().stream().map(Target::file).toList();
    }

    /** Writes them. */
    public void write(ExplanationReport report) {
        targets().forEach(target -> report.write(target.file, target.form));
    }
}
