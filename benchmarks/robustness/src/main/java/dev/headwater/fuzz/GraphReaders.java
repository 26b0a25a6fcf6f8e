package dev.headwater.fuzz;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.Annotations;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.EarlierGraph;
import dev.headwater.engine.document.GraphComparison;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphFile;
import dev.headwater.engine.document.GraphHead;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.PickledGraph;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.document.QkTracing;
import dev.headwater.engine.features.FeatureFiles;
import dev.headwater.engine.features.FeatureLabels;
import dev.headwater.engine.files.Sha256;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import dev.headwater.engine.intervention.Supernode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/** Graphs, their index, and evidence about features. */
final class GraphReaders {
    private GraphReaders() {}

    /** Each reader of graph files for front ends. */
    static final class Documents implements Reader {
        private final Scratch scratch = new Scratch();

        @Override
        public void read(byte[] input) throws IOException {
            Path file = scratch.write("graph.json", input);
            GraphHead.read("graph", file, Files.readAttributes(file, BasicFileAttributes.class), 1 << 20);
            GraphHead.metadata(file);
            refusedOr(() -> EarlierGraph.read(file));
            refusedOr(() -> annotate(file, input));
            GraphDocument document = GraphDocument.read(file);
            refusedOr(() -> Supernode.of(document));
            refusedOr(() -> DocumentNode.tokens(document.nodes()));
            refusedOr(() -> document.nodes().forEach(QkTracing::of));
            document.write(scratch.directory().resolve("again.json"));
            try (PlainGraph one = PlainGraph.read(file);
                    PlainGraph other = PlainGraph.read(file)) {
                GraphComparison.of(one, other);
            }
        }

        private static void annotate(Path file, byte[] input) {
            var digest = Sha256.digest();
            var annotations = Annotations.find(new ByteArrayInputStream(input), digest);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try {
                annotations.rewrite(file, JsonNodeFactory.instance.objectNode().put("linkType", "both"), out);
            } catch (IOException e) {
                throw new AssertionError("a file that was read can be rewritten", e);
            }
            Annotations.find(new ByteArrayInputStream(out.toByteArray()), digest);
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    private static void refusedOr(Runnable work) {
        try {
            work.run();
        } catch (HeadwaterException refusal) {
            Rule.sentence(refusal);
        }
    }

    static final class Index implements Reader {
        private final Scratch scratch = new Scratch();

        @Override
        public void read(byte[] input) throws IOException {
            scratch.write("graph-metadata.json", input);
            GraphIndex.slugs(scratch.directory());
            GraphIndex.arrange(scratch.directory(), List.of("b", "a"));
            GraphIndex.put(
                    scratch.directory(), JsonNodeFactory.instance.objectNode().put("slug", "c"));
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    /** A whole graph, and the mathematics on what it says. */
    static final class Raw implements Reader {
        private final Scratch scratch = new Scratch();

        @Override
        public void read(byte[] input) throws IOException {
            try (AttributionGraph graph = GraphFile.read(scratch.write("raw", input))) {
                Pruning.of(graph, 0.8, 0.98);
                Scores.of(graph);
            }
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    /** A graph that the public Python library saved: a pickle in a zip archive. */
    static final class Pickled implements Reader {
        private final Scratch scratch = new Scratch();

        @Override
        public void read(byte[] input) throws IOException {
            try (AttributionGraph graph = PickledGraph.read(scratch.write("graph.pt", input), _ -> id -> "#" + id)) {
                Pruning.of(graph, 0.8, 0.98);
                Scores.of(graph);
            }
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    /** An index of feature files, compressed by us unless it begins with the mark of gzip, and a file of records. */
    static final class Features implements Reader {
        private final Scratch scratch = new Scratch();

        @Override
        public void read(byte[] input) throws IOException {
            List<byte[]> parts = Scratch.parts(input, 2);
            byte[] index = parts.getFirst();
            scratch.write("index.json.gz", index.length > 1 && index[0] == 0x1f ? index : gzip(index));
            scratch.write("layer_0.bin", parts.getLast());
            FeatureFiles files = FeatureFiles.open(scratch.directory());
            for (int layer = 0; layer < Math.min(3, files.layers()); layer++) {
                for (int feature = 0; feature < Math.min(8, files.features(layer)); feature++) {
                    int at = layer;
                    int number = feature;
                    refusedOr(() -> files.record(at, number).ifPresent(FeatureLabels::of));
                }
            }
        }

        private static byte[] gzip(byte[] plain) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (OutputStream out = new GZIPOutputStream(bytes)) {
                out.write(plain);
            }
            return bytes.toByteArray();
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }
}
