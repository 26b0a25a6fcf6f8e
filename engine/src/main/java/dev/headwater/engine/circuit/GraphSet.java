package dev.headwater.engine.circuit;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphLimits;
import dev.headwater.engine.files.RegularFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The graphs of a directory, as {@code headwater batch} leaves them: files of one model and one set of transcoders, in the order of their
 * names. They are read one at a time, and none is kept.
 *
 * @param ends what their prompts have in common
 */
public record GraphSet(Path directory, List<Path> files, Origin origin, Ends ends) {
    /**
     * Looks at every graph of a directory once. Circuits of many prompts, which may lie among them, are left out.
     *
     * @param remark told in a sentence what is left out
     * @throws HeadwaterException if it is no directory, has no graphs, a file is no graph, or two are of different models or transcoders
     */
    public static GraphSet open(Path directory, Consumer<String> remark, Progress progress) {
        List<Path> files = new ArrayList<>();
        Origin origin = null;
        Ends ends = null;
        List<Path> listed = files(directory);
        progress.phase("prompts", listed.size());
        for (Path file : listed) {
            step(progress, files.size());
            GraphDocument graph = GraphDocument.readNodes(RegularFile.open(file, GraphLimits.BYTES), file.toString());
            if (graph.rest().has(CircuitFile.FIELD)) {
                remark.accept(file + " is itself a circuit of many prompts, and is left out.");
                continue;
            }
            Origin own = Origin.of(graph);
            if (origin != null && !origin.equals(own)) {
                throw new HeadwaterException("%s is of %s and %s of %s: graphs of one circuit need the same of both."
                        .formatted(files.getFirst(), origin, file, own));
            }
            origin = own;
            Ends here = Ends.of(Reading.texts(graph, file.toString()));
            ends = ends == null ? here : ends.and(here);
            files.add(file);
        }
        if (origin == null || ends == null) {
            throw new HeadwaterException(
                    "%s has no graphs in it; headwater batch makes them of a file of prompts.".formatted(directory));
        }
        return new GraphSet(directory, List.copyOf(files), origin, ends);
    }

    /**
     * The files in a directory that may be graphs, in the order of their names.
     *
     * @throws HeadwaterException if it is no directory, or cannot be read
     */
    public static List<Path> files(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new HeadwaterException(directory
                    + (Files.exists(directory)
                            ? " is no directory; give the one that graphs of many prompts lie in."
                            : " is not there; give the directory that graphs of many prompts lie in."));
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.filter(file -> file.toString().endsWith(".json"))
                    .filter(file -> !file.endsWith(GraphIndex.FILE) && Files.isRegularFile(file))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read the directory %s: %s".formatted(directory, e.getMessage()), e);
        }
    }

    /**
     * How positions of these prompts, and of others, are the same.
     *
     * @param others sets whose prompts are to be aligned with these
     * @throws HeadwaterException if they are of other models or transcoders
     */
    public Alignment alignment(Alignment.By by, GraphSet... others) {
        Ends all = ends;
        for (GraphSet other : others) {
            if (!origin.equals(other.origin)) {
                throw new HeadwaterException("%s has graphs of %s and %s of %s: what they share can't be compared."
                        .formatted(directory, origin, other.directory, other.origin));
            }
            all = all.and(other.ends);
        }
        return Alignment.of(by, all);
    }

    /** Hears of a graph. */
    interface Visitor {
        /** @param number from 0, in the order of {@link #files} */
        void of(int number, Reading graph);
    }

    /** Reads every graph. @throws CancellationException if the listener asks to stop */
    void forEach(Alignment alignment, String phase, Progress progress, Visitor visitor) {
        progress.phase(phase, files.size());
        for (int i = 0; i < files.size(); i++) {
            step(progress, i);
            visitor.of(i, Reading.of(files.get(i), alignment));
        }
    }

    private static void step(Progress progress, long done) {
        if (progress.cancelled()) {
            throw new CancellationException();
        }
        progress.advance(done);
    }
}
