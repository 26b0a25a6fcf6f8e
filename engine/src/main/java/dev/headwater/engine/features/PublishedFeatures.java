package dev.headwater.engine.features;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bindings.CacheDirectory;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.Reference;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Evidence that a repository publishes beside its transcoders, as {@link FeatureFiles} has it. The index is brought
 * into the hub's cache; of the layers' files, which are large, only the bytes of the features that somebody asks for,
 * once: they are kept in our own cache. With the hub offline there is what is kept.
 */
final class PublishedFeatures implements FeatureEvidence {
    private final FeatureFiles files;

    private PublishedFeatures(FeatureFiles files) {
        this.files = files;
    }

    /** Empty if the repository has none, or its index is neither here nor to be had. */
    static Optional<PublishedFeatures> open(Reference.Remote set) {
        return open(set, Hub.open(), CacheDirectory.headwater());
    }

    static Optional<PublishedFeatures> open(Reference.Remote set, Hub hub, Path cache) {
        Reference.Remote folder = set.inside(SetEvidence.FOLDER);
        String index = folder.path() + "/" + FeatureFiles.INDEX;
        try {
            Hub.Listing listing = hub.list(set);
            if (listing.files().stream().noneMatch(file -> file.path().equals(index))) {
                hub.close();
                return Optional.empty();
            }
            Path here =
                    hub.file(folder.inside(FeatureFiles.INDEX), Progress.NONE).resolveSibling("");
            Path kept = cache.resolve("evidence")
                    .resolve(set.repository().replace("/", "--"))
                    .resolve(listing.commit());
            return Optional.of(new PublishedFeatures(
                    FeatureFiles.open(here, range -> bytes(hub, folder, kept.resolve(folder.path()), range))));
        } catch (HeadwaterException e) {
            hub.close();
            return Optional.empty();
        }
    }

    /** From the layer's file if somebody fetched it whole, from what is kept, or from the hub. */
    private static byte[] bytes(Hub hub, Reference.Remote folder, Path kept, FeatureFiles.Range range)
            throws IOException {
        if (Files.isRegularFile(range.file())) {
            return FeatureFiles.local(range);
        }
        String layer = range.file().getFileName().toString();
        Path record = kept.resolve(layer).resolve(range.start() + "-" + range.length());
        if (Files.isRegularFile(record) && Files.size(record) == range.length()) {
            return Files.readAllBytes(record);
        }
        byte[] bytes = hub.range(folder.inside(layer), range.start(), range.length());
        try {
            Files.createDirectories(record.getParent());
            try (AtomicFile file = AtomicFile.create(record)) {
                for (ByteBuffer left = ByteBuffer.wrap(bytes); left.hasRemaining(); ) {
                    file.channel().write(left);
                }
                file.commit();
            }
        } catch (IOException | HeadwaterException e) {
            // It is asked for again the next time.
        }
        return bytes;
    }

    @Override
    public Optional<JsonNode> record(int layer, int feature) {
        return files.record(layer, feature);
    }
}
