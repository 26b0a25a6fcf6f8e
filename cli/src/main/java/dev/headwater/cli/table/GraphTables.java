package dev.headwater.cli.table;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.table.Column.Kind;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.circuit.CircuitFile;
import dev.headwater.engine.circuit.GraphSet;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.graph.Scores;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The graphs of a directory as three tables, {@code graphs.parquet}, {@code nodes.parquet} and {@code edges.parquet}, whose columns
 * engine/docs/many-prompts.md describes. Graphs are read one at a time.
 */
public final class GraphTables {
    /** The tables' files. */
    public static final List<String> FILES = List.of("graphs.parquet", "nodes.parquet", "edges.parquet");

    private static final List<Column> GRAPHS = List.of(
            Column.of("graph", Kind.TEXT),
            Column.of("prompt", Kind.TEXT),
            Column.of("tokens", Kind.INTEGER),
            Column.of("model", Kind.TEXT).orNothing(),
            Column.of("transcoders", Kind.TEXT).orNothing(),
            Column.of("scan", Kind.TEXT).orNothing(),
            Column.of("nodes", Kind.INTEGER),
            Column.of("features", Kind.INTEGER),
            Column.of("edges", Kind.LONG),
            Column.of("answer", Kind.TEXT).orNothing(),
            Column.of("answer_probability", Kind.NUMBER).orNothing(),
            Column.of("replacement", Kind.NUMBER),
            Column.of("completeness", Kind.NUMBER),
            Column.of("node_threshold", Kind.NUMBER).orNothing(),
            Column.of("edge_threshold", Kind.NUMBER).orNothing());
    private static final List<Column> NODES = List.of(
            Column.of("graph", Kind.TEXT),
            Column.of("node", Kind.TEXT),
            Column.of("kind", Kind.TEXT),
            Column.of("layer", Kind.INTEGER).orNothing(),
            Column.of("position", Kind.INTEGER),
            Column.of("feature", Kind.LONG).orNothing(),
            Column.of("token", Kind.TEXT).orNothing(),
            Column.of("label", Kind.TEXT).orNothing(),
            Column.of("activation", Kind.NUMBER).orNothing(),
            Column.of("probability", Kind.NUMBER).orNothing(),
            Column.of("influence", Kind.NUMBER),
            Column.of("influence_so_far", Kind.NUMBER).orNothing());
    private static final List<Column> EDGES = List.of(
            Column.of("graph", Kind.TEXT),
            Column.of("source", Kind.TEXT),
            Column.of("target", Kind.TEXT),
            Column.of("weight", Kind.NUMBER));

    private GraphTables() {}

    /** How many rows the tables have. */
    public record Rows(long graphs, long nodes, long edges) {}

    /**
     * Writes the tables, each whole or not at all, and none if a graph cannot be read.
     *
     * @param remark told in a sentence what is left out
     * @throws HeadwaterException if the directory has no graphs, a file is no graph, or a table cannot be written
     */
    public static Rows write(Path directory, Path out, Consumer<String> remark, Progress progress) {
        List<Path> files = GraphSet.files(directory);
        AtomicFile.createDirectories(out, "tables");
        try (ParquetTable graphs = ParquetTable.create(out.resolve(FILES.get(0)), GRAPHS);
                ParquetTable nodes = ParquetTable.create(out.resolve(FILES.get(1)), NODES);
                ParquetTable edges = ParquetTable.create(out.resolve(FILES.get(2)), EDGES)) {
            progress.phase("graphs", files.size());
            Rows rows = new Rows(0, 0, 0);
            for (int i = 0; i < files.size(); i++) {
                if (progress.cancelled()) {
                    throw new CancellationException();
                }
                GraphDocument document = GraphDocument.read(files.get(i));
                if (document.rest().has(CircuitFile.FIELD)) {
                    remark.accept(files.get(i) + " is a circuit of many prompts, and is left out.");
                    continue;
                }
                String name = files.get(i).getFileName().toString().replaceFirst("\\.json$", "");
                add(name, files.get(i), document, graphs, nodes);
                for (GraphDocument.Link link : document.links()) {
                    edges.row(
                            name,
                            document.nodes().get(link.source()).id(),
                            document.nodes().get(link.target()).id(),
                            link.weight());
                }
                rows = new Rows(
                        rows.graphs + 1,
                        rows.nodes + document.nodes().size(),
                        rows.edges + document.links().size());
                progress.advance(i + 1);
            }
            if (rows.graphs == 0) {
                throw new HeadwaterException(
                        directory + " has no graphs in it; headwater batch makes them of a file of prompts.");
            }
            graphs.commit();
            nodes.commit();
            edges.commit();
            return rows;
        }
    }

    private static void add(String name, Path file, GraphDocument document, ParquetTable graphs, ParquetTable nodes) {
        try (PlainGraph graph = PlainGraph.of(file.toString(), document)) {
            double[] influence = graph.influenceShares();
            Scores scores = graph.scores();
            int answer = -1;
            int features = 0;
            for (int i = 0; i < graph.size(); i++) {
                DocumentNode node = document.nodes().get(i);
                boolean output = node.kind() == DocumentNode.Kind.LOGIT;
                features += node.kind() == DocumentNode.Kind.FEATURE ? 1 : 0;
                if (output && (answer < 0 || graph.weights()[i] > graph.weights()[answer])) {
                    answer = i;
                }
                nodes.row(
                        name,
                        node.id(),
                        output ? "output" : node.kind().toString().toLowerCase(Locale.ROOT),
                        node.layer() < 0 || output ? null : node.layer(),
                        node.position(),
                        number(node),
                        node.position() < graph.texts().size() ? graph.texts().get(node.position()) : null,
                        text(node.label()),
                        known(node.activation()),
                        output ? node.probability() : null,
                        influence[i],
                        known(node.influence()));
            }
            JsonNode pruning = document.metadata().path("pruning_settings");
            graphs.row(
                    name,
                    graph.promptText(),
                    graph.texts().size(),
                    text(graph.model()),
                    text(graph.transcoders()),
                    text(graph.scan()),
                    graph.size(),
                    features,
                    (long) document.links().size(),
                    answer < 0 ? null : text(document.nodes().get(answer).said()),
                    answer < 0 ? null : graph.weights()[answer],
                    scores.replacement(),
                    scores.completeness(),
                    known(pruning.path("node_threshold").asDouble(Double.NaN)),
                    known(pruning.path("edge_threshold").asDouble(Double.NaN)));
        }
    }

    /** A feature's within its layer, a token's or an output's in the vocabulary. */
    private static @Nullable Long number(DocumentNode node) {
        long number = node.kind() == DocumentNode.Kind.TOKEN ? node.token() : node.feature();
        return number < 0 ? null : number;
    }

    private static @Nullable String text(String text) {
        return text.isEmpty() ? null : text;
    }

    private static @Nullable Double known(double value) {
        return Double.isNaN(value) ? null : value;
    }
}
