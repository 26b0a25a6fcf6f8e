package dev.headwater.engine.hub;

import dev.headwater.bindings.CacheDirectory;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.Trees;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * The model that comes with Headwater, its transcoders, and the evidence about their features, by name.
 *
 * <p>They are files of the class path. {@code index.txt} beside them lists each one's sha256, size and path.
 */
public final class BundledModel {
    private static final String ROOT = "/dev/headwater/models/";

    /**
     * What can be asked for by name: the model, its per-layer and its cross-layer transcoders, the feature evidence.
     */
    public static final List<String> NAMES = List.of("atlas", "atlas-plt", "atlas-clt", "atlas-features");

    private BundledModel() {}

    /** One line of the index. */
    record Line(String sha256, long size, String path) {}

    /** {@return whether a model of that name comes with the program} */
    public static boolean isBundled(String name) {
        return NAMES.contains(name);
    }

    /**
     * A local directory with the files of {@code name}: the class path's own when that is a directory on disk,
     * otherwise a checked copy in {@link CacheDirectory#headwater()}, made on first use.
     */
    public static Path directory(String name) {
        return directory(name, CacheDirectory.headwater(), BundledModel::resource);
    }

    /**
     * Reads the unpacked copy of {@code name} whole and makes it anew if it is damaged.
     *
     * @return names of the files that were damaged
     */
    public static List<String> repair(String name) {
        List<Line> lines = lines(name);
        if (resource(lines.getFirst().path()).getProtocol().equals("file")) {
            return List.of();
        }
        Path target = target(name, CacheDirectory.headwater());
        if (!Files.exists(target)) {
            return List.of();
        }
        List<String> damaged = Unpacked.damaged(target, entries(name, BundledModel::resource));
        if (!damaged.isEmpty()) {
            try {
                Trees.delete(target);
            } catch (IOException e) {
                throw new HeadwaterException("Cannot remove the damaged " + target + ": " + e.getMessage(), e);
            }
            directory(name);
        }
        return damaged;
    }

    static Path directory(String name, Path cache, java.util.function.Function<String, URL> resources) {
        if (!isBundled(name)) {
            throw new HeadwaterException("There is no bundled model \"" + name + "\"; the bundled ones are "
                    + String.join(", ", NAMES) + ".");
        }
        URL first = resources.apply(lines(name).getFirst().path());
        if (first.getProtocol().equals("file")) {
            return pathOf(first).resolveSibling("");
        }
        Path target = target(name, cache);
        Path stamps = cache.resolve("stamps").resolve(version(name) + "-" + name);
        return Unpacked.directory(target, stamps, entries(name, resources));
    }

    private static List<Line> lines(String name) {
        return index().filter(line -> line.path().startsWith(name + "/")).toList();
    }

    private static List<Unpacked.Entry> entries(String name, java.util.function.Function<String, URL> resources) {
        return lines(name).stream()
                .map(line -> new Unpacked.Entry(
                        line.path().substring(name.length() + 1),
                        resources.apply(line.path()),
                        line.size(),
                        line.sha256()))
                .toList();
    }

    /** The directory's name follows its content, so that versions of Headwater don't overwrite each other's. */
    private static Path target(String name, Path cache) {
        return cache.resolve("models").resolve(version(name)).resolve(name);
    }

    private static String version(String name) {
        var sum = new CRC32();
        lines(name).forEach(line -> sum.update((line.sha256() + line.path()).getBytes(StandardCharsets.UTF_8)));
        return "%08x".formatted(sum.getValue());
    }

    /**
     * A single file that belongs to no directory: {@code prompts.jsonl}, {@code corpus.txt.gz}, {@code heldout.txt.gz},
     * {@code README.md}.
     */
    public static InputStream open(String file) {
        try {
            return resource(file).openStream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes of all files of {@code name}. */
    public static long size(String name) {
        return index().filter(line -> line.path().startsWith(name + "/"))
                .mapToLong(Line::size)
                .sum();
    }

    static Stream<Line> index() {
        try (var reader = new BufferedReader(new InputStreamReader(open("index.txt"), StandardCharsets.UTF_8))) {
            return reader.readAllLines().stream().map(line -> {
                String[] fields = line.split(" ", 3);
                return new Line(fields[0], Long.parseLong(fields[1]), fields[2]);
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static URL resource(String path) {
        URL url = BundledModel.class.getResource(ROOT + path);
        if (url == null) {
            throw new HeadwaterException(
                    "This build of Headwater lacks its bundled file " + path + ": build it again.");
        }
        return url;
    }

    private static Path pathOf(URL file) {
        try {
            return Path.of(file.toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError("a class path entry has a proper address", e);
        }
    }
}
