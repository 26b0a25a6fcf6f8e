package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.catalog.TranscoderCard;
import dev.headwater.engine.features.Connection;
import dev.headwater.engine.features.FeatureConnections;
import dev.headwater.engine.features.FeatureFiles;
import dev.headwater.engine.features.LabelFile;
import dev.headwater.engine.features.SetEvidence;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Evidence on disk, in either form that the field's tools write: {@code <scan>/<number>.json}, one file a feature; or
 * {@link FeatureFiles} in {@code <scan>}. A folder {@code features} in between is allowed.
 */
final class FeatureDirectory implements FeatureSource {
    private static final Pattern FOLDER = Pattern.compile("[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,127}");
    private static final Pattern FILE = Pattern.compile("\\d{1,18}\\.json|index\\.json\\.gz|layer_\\d{1,4}\\.bin");
    private static final int DEEPEST = 10;
    private static final LabelFile NO_NAMES = new LabelFile(Map.of());

    private final Path root;
    private final RecentFiles<FeatureFiles> indexes = new RecentFiles<>(FeatureFiles.INDEX, FeatureFiles::open);
    private final RecentFiles<LabelFile> names = new RecentFiles<>(LabelFile.NAME, LabelFile::read);

    FeatureDirectory(Path root) {
        try {
            this.root = root.toRealPath();
        } catch (IOException e) {
            throw new HeadwaterException(
                    "The feature directory " + root + " can't be opened: check that it is there.", e);
        }
    }

    /** A {@link HeadwaterException} if the files are damaged. */
    @Override
    public Optional<JsonNode> feature(String scan, int layer, int feature) {
        for (String folder : folders(scan)) {
            try {
                Optional<Path> single =
                        find(folder + (folder.isEmpty() ? "" : "/") + FeatureSource.pair(layer, feature) + ".json");
                if (single.isPresent()) {
                    return Optional.of(read(single.get()));
                }
                Optional<Path> index = find(folder + (folder.isEmpty() ? "" : "/") + FeatureFiles.INDEX);
                if (index.isPresent()) {
                    Optional<JsonNode> record = files(index.get()).record(layer, feature);
                    record.ifPresent(found -> name(index.get().resolveSibling(""), layer, feature, found));
                    return record;
                }
            } catch (IOException e) {
                throw new Refusal(500, "The feature files of " + scan + " can't be read: " + e.getMessage() + ".");
            }
        }
        return Optional.empty();
    }

    /** A record says the name that is kept of its feature. */
    private void name(Path folder, int layer, int feature, JsonNode record) {
        if (record instanceof ObjectNode json) {
            names(folder).of(layer, feature).ifPresent(label -> json.put("label", label.label()));
        }
    }

    private LabelFile names(Path folder) {
        try {
            return names.of(folder);
        } catch (IOException | HeadwaterException e) {
            return NO_NAMES;
        }
    }

    /** The strongest connections of a feature by TWERA, where they were gathered. */
    Optional<FeatureConnections> connections(String scan, int layer, int feature, int most) {
        for (String folder : folders(scan)) {
            Optional<Path> index = find(folder + (folder.isEmpty() ? "" : "/") + FeatureFiles.INDEX);
            if (index.isPresent()) {
                try {
                    return FeatureConnections.of(
                            index.get().resolveSibling(""),
                            files(index.get()).layers(),
                            layer,
                            feature,
                            Connection.By.TWERA,
                            most);
                } catch (IOException e) {
                    throw new Refusal(500, "The feature files of " + scan + " can't be read: " + e.getMessage() + ".");
                }
            }
        }
        return Optional.empty();
    }

    /** Where files about a set may lie. */
    private List<String> folders(String scan) {
        String folders = SetEvidence.folders(scan);
        return isOf(scan)
                ? List.of(folders, folders + "/features", "features", "")
                : List.of(folders, folders + "/features");
    }

    /**
     * Whether what lies in the directory itself is about these transcoders: if they lie there too, they say it, or else
     * whoever named the directory does.
     */
    private boolean isOf(String scan) {
        Path set = root.endsWith("features") ? root.resolveSibling("") : root;
        if (!Files.isRegularFile(set.resolve("config.yaml"))) {
            return true;
        }
        try {
            return TranscoderCard.of(set.toString()).scan().equals(scan);
        } catch (HeadwaterException e) {
            return true;
        }
    }

    /**
     * A file for a reader that wants its bytes: an index, a layer's records, one feature's JSON. The caller closes it.
     */
    FileChannel open(String path) throws IOException {
        return FileChannel.open(
                find(path).orElseThrow(() -> new NoSuchFileException(path)),
                StandardOpenOption.READ,
                LinkOption.NOFOLLOW_LINKS);
    }

    /** The one place where a request's path becomes a path on the disk. */
    private Optional<Path> find(String path) {
        String[] parts = path.split("/", -1);
        if (parts.length > DEEPEST
                || !FILE.matcher(parts[parts.length - 1]).matches()
                || !Arrays.stream(parts, 0, parts.length - 1)
                        .allMatch(part -> FOLDER.matcher(part).matches())) {
            return Optional.empty();
        }
        Path file = root;
        for (String part : parts) {
            file = file.resolve(part);
        }
        try {
            BasicFileAttributes attributes =
                    Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return attributes.isRegularFile() && file.toRealPath().startsWith(root)
                    ? Optional.of(file)
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static JsonNode read(Path file) throws IOException {
        if (Files.size(file) > FeatureFiles.LONGEST_RECORD) {
            throw new IOException("a record has more than " + FeatureFiles.LONGEST_RECORD + " bytes");
        }
        return Json.MAPPER.readTree(Files.readAllBytes(file));
    }

    private FeatureFiles files(Path index) throws IOException {
        return indexes.of(index.resolveSibling(""));
    }
}
