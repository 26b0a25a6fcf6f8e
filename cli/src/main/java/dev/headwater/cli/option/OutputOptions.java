package dev.headwater.cli.option;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.GraphSummary;
import dev.headwater.cli.report.SummaryReport;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a graph's files go, and what is said about it on the way. */
public final class OutputOptions {
    private static final int SLUG_LENGTH = 60;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "DIR",
            defaultValue = "graphs",
            description =
                    "Directory for <slug>.json and graph-metadata.json, made if missing (default: ./${DEFAULT-VALUE}).")
    private Path directory;

    @Option(
            names = "--slug",
            paramLabel = "NAME",
            description = "Name of the graph and its file (default: made from the prompt).")
    private @Nullable String slug;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "12",
            description = "Influential features to print (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(
            names = "--json",
            description = "Print the summary as JSON on standard output, everything else on standard error.")
    private boolean json;

    @Option(names = "--quiet", description = "Print nothing but errors (and the JSON of --json).")
    private boolean quiet;

    /** Rejects what can be seen to be wrong before anything is computed. */
    public void check(String title) {
        if (top < 0) {
            throw new UsageException("--top is " + top + "; it can't be negative");
        }
        Path file = GraphName.file(directory, slug(title));
        if (Files.isDirectory(file)) {
            throw new HeadwaterException("Cannot write " + file + ": it is a directory");
        }
        checkWritable(directory);
    }

    /** Fails if the directory can neither be written to nor made. */
    public static void checkWritable(Path directory) {
        Path existing = directory.toAbsolutePath();
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing == null || !Files.isDirectory(existing)) {
            throw new HeadwaterException("Cannot write into " + directory + ": " + existing + " is not a directory");
        }
        if (!Files.isWritable(existing)) {
            throw new HeadwaterException("Cannot write into " + directory + ": no permission to write in " + existing);
        }
    }

    public Path directory() {
        return directory;
    }

    public int top() {
        return top;
    }

    public boolean quiet() {
        return quiet;
    }

    public boolean json() {
        return json;
    }

    /** The name that was given, or one made from the title. */
    public String slug(String title) {
        return slug != null ? slug : slugOf(title);
    }

    /** Whether a name was given; otherwise it is made from the title, and a number may be added to it. */
    public boolean named() {
        return slug != null;
    }

    /** Lower-case letters and digits of the title with dashes between. */
    public static String slugOf(String title) {
        String plain = Normalizer.normalize(title, Normalizer.Form.NFKD)
                .replaceAll("\\p{M}", "")
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
        String cut = plain.length() <= SLUG_LENGTH
                ? plain
                : plain.substring(0, SLUG_LENGTH).replaceAll("-[^-]*$|-$", "");
        return cut.isEmpty() ? "graph-" + Integer.toHexString(title.hashCode()) : cut;
    }

    /** Prints what there is to say of a graph, as the options ask. */
    public void print(GraphSummary summary, Console console) {
        if (!quiet) {
            SummaryReport.print(summary, json ? console.withResultsOnErr() : console);
        }
        if (json) {
            summary.writeJson(console.out());
        }
    }
}
