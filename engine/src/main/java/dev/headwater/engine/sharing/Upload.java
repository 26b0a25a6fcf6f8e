package dev.headwater.engine.sharing;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphSchema;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.RegularFile;
import dev.headwater.engine.files.Temporary;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;

/**
 * A graph's file as it goes to Neuronpedia, and what speaks against that: the rules of the site's schema, of its names,
 * and of the sizes that it stores.
 *
 * @param slug       name of the graph
 * @param body       what is stored; empty if there are problems
 * @param packed     whether the body is compressed
 * @param problems   each a sentence's middle; empty if the site's rules are kept
 * @param unstorable why the site does not store it all the same, by its size
 */
public record Upload(String slug, byte[] body, boolean packed, List<String> problems, Optional<String> unstorable) {
    /** Sizes of a stored file that the site takes. */
    static final long LEAST_BYTES = 1024;

    static final long MOST_BYTES = 100L << 20;

    private static final String NAME = "[a-zA-Z0-9_.-]+";

    /**
     * @param scan      the site's name of the model, if it is not the graph's scan
     * @param sourceSet the site's name of the features' dashboards, if the graph does not name them
     * @throws HeadwaterException if the file is missing or no JSON
     */
    public static Upload of(Path file, Optional<String> scan, Optional<String> sourceSet) {
        GraphSchema.Verdict verdict = GraphSchema.check(file, GraphSchema.Reader.SITE);
        List<String> problems = new ArrayList<>(verdict.problems());
        Optional<SiteSet> known = SiteSet.known(verdict.scan());
        String model = scan.or(() -> known.map(SiteSet::scan)).orElse(verdict.scan());
        Optional<String> set = sourceSet.or(() -> known.flatMap(SiteSet::sourceSet));
        if (!verdict.slug().matches(NAME)) {
            problems.add("the slug '%s' has other characters than letters, digits, dot, dash and underscore"
                    .formatted(ErrorText.of(verdict.slug())));
        }
        if (!model.matches(NAME)) {
            problems.add(
                    ("the scan '%s' is none of the site's models, which have letters, digits, dot, dash and underscore: "
                                    + "name the model as the site does with upload --scan, and its features with --source-set")
                            .formatted(ErrorText.of(model)));
        }
        if (set.isPresent() && !set.get().matches(NAME)) {
            problems.add("the source set '%s' has other characters than letters, digits, dot, dash and underscore"
                    .formatted(ErrorText.of(set.get())));
        }
        if (!problems.isEmpty()) {
            return new Upload(verdict.slug(), new byte[0], false, List.copyOf(problems), Optional.empty());
        }
        byte[] plain = model.equals(verdict.scan()) && set.isEmpty() ? read(file) : renamed(file, model, set);
        byte[] gzip = gzip(plain);
        // The site refuses to store less than this, packed or not.
        boolean packed = gzip.length >= LEAST_BYTES;
        byte[] body = packed ? gzip : plain;
        boolean fits = body.length >= LEAST_BYTES && body.length <= MOST_BYTES;
        Optional<String> unstorable = fits
                ? Optional.empty()
                : Optional.of("it has %d bytes to store, and the site takes %d to %d: %s"
                        .formatted(
                                body.length,
                                LEAST_BYTES,
                                MOST_BYTES,
                                body.length < LEAST_BYTES
                                        ? "this graph is too small"
                                        : "prune it with lower thresholds"));
        return new Upload(verdict.slug(), body, packed, List.of(), unstorable);
    }

    /** The file with the site's names in it. */
    private static byte[] renamed(Path file, String scan, Optional<String> sourceSet) {
        GraphDocument document = GraphDocument.read(file);
        ObjectNode metadata = document.metadata();
        metadata.put("scan", scan);
        sourceSet.ifPresent(
                set -> metadata.withObjectProperty("feature_details").put("neuronpedia_source_set", set));
        try {
            Path scratch = Files.createTempDirectory("headwater-upload");
            Path renamed = Temporary.beside(scratch.resolve("graph.json"));
            try {
                document.write(renamed);
                return read(renamed);
            } finally {
                Files.deleteIfExists(renamed);
                Files.delete(scratch);
            }
        } catch (IOException e) {
            throw new HeadwaterException("Cannot write a copy of %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static byte[] read(Path file) {
        RegularFile.require(file);
        try {
            // Text packs to a tenth or so; what is larger than this can't become small enough, and needn't be tried.
            if (Files.size(file) > 16 * MOST_BYTES) {
                throw new HeadwaterException(
                        "%s has %d bytes; Neuronpedia takes at most %d, packed: prune it with lower thresholds"
                                .formatted(file, Files.size(file), MOST_BYTES));
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static byte[] gzip(byte[] plain) {
        var packed = new ByteArrayOutputStream(plain.length / 8 + 64);
        try (var out = new GZIPOutputStream(packed, 1 << 16)) {
            out.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }
}
