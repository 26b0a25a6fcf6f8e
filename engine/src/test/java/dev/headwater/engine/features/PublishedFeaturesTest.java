package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.HubSettings;
import dev.headwater.engine.hub.Reference;
import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Evidence in a repository: one range for one feature, once, and nothing offline. */
class PublishedFeaturesTest {
    private static final Reference.Remote SET = (Reference.Remote) Reference.parse("org/set/folder");

    @TempDir
    Path directory;

    private FakeHub server;

    @BeforeEach
    void publish() throws IOException {
        Path files = Files.createDirectory(directory.resolve("files"));
        try (LayerFile layer = LayerFile.create(files, 0)) {
            for (int i = 0; i < 50; i++) {
                int feature = i;
                // Hard to pack, so that the layer is a large file.
                String noise = new Random(i)
                        .ints(200, 'a', 'z')
                        .mapToObj(Character::toString)
                        .reduce("", String::concat);
                layer.add(json -> {
                    json.writeStartObject();
                    json.writeNumberField("index", feature);
                    json.writeStringField("noise", noise);
                    json.writeEndObject();
                });
            }
            layer.commit();
        }
        LayerFile.writeIndex(files, 1);
        server = new FakeHub().with("org/set", "folder/config.yaml", "a: 1").with("org/bare", "config.yaml", "a: 1");
        for (String name : List.of(FeatureFiles.INDEX, "layer_0.bin")) {
            server.with("org/set", "folder/features/" + name, Files.readAllBytes(files.resolve(name)));
        }
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Hub hub(boolean offline) {
        URI endpoint = server.endpoint();
        return new Hub(new HubSettings(
                endpoint,
                directory.resolve("hub"),
                null,
                offline,
                null,
                16_384,
                4,
                2,
                Duration.ofMillis(5),
                Duration.ofSeconds(5)));
    }

    private List<FakeHub.Request> ranges() {
        return server.requests.stream()
                .filter(request -> request.range() != null)
                .toList();
    }

    @Test
    void aFeatureTakesOneRangeOnce() {
        Path cache = directory.resolve("cache");
        PublishedFeatures published =
                PublishedFeatures.open(SET, hub(false), cache).orElseThrow();
        int index = ranges().size();
        assertEquals(7, published.record(0, 7).orElseThrow().get("index").intValue());
        assertEquals(index + 1, ranges().size());
        assertEquals(7, published.record(0, 7).orElseThrow().get("index").intValue());
        assertEquals(index + 1, ranges().size());
        assertEquals(49, published.record(0, 49).orElseThrow().get("index").intValue());
        assertEquals(index + 2, ranges().size());
        assertTrue(published.record(0, 50).isEmpty() && published.record(1, 0).isEmpty());

        int before = server.requests.size();
        PublishedFeatures offline =
                PublishedFeatures.open(SET, hub(true), cache).orElseThrow();
        assertEquals(7, offline.record(0, 7).orElseThrow().get("index").intValue());
        assertThrows(HeadwaterException.class, () -> offline.record(0, 8));
        assertEquals(before, server.requests.size(), "asked while offline");
    }

    /** Announced together, each is fetched once whatever its positions, and none again. */
    @Test
    void labelsAreFetchedSideBySide() {
        PublishedFeatures published = PublishedFeatures.open(SET, hub(false), directory.resolve("cache"))
                .orElseThrow();
        int index = ranges().size();
        var labels = new FetchedLabels(new FeatureLabels(published));
        List<FeatureRef> features = new ArrayList<>();
        for (int feature = 0; feature < 40; feature++) {
            features.add(new FeatureRef(0, 1, feature));
            features.add(new FeatureRef(0, 2, feature));
        }
        labels.willNeed(features);
        assertEquals(index + 40, ranges().size());
        features.forEach(feature -> assertEquals("", labels.of(0, feature.feature())));
        assertEquals(index + 40, ranges().size());
    }

    @Test
    void theIndexComesWithTheSet() {
        server.with("org/set", "folder/layer_0.safetensors", "weights");
        Path set = hub(false).transcoders(SET, Progress.NONE).directory();
        assertTrue(Files.isRegularFile(set.resolve("features").resolve(FeatureFiles.INDEX)));
        assertFalse(Files.exists(set.resolve("features/layer_0.bin")));
    }

    @Test
    void whereThereIsNoneNothingIsFound() {
        Reference.Remote bare = (Reference.Remote) Reference.parse("org/bare");
        assertFalse(PublishedFeatures.open(bare, hub(false), directory).isPresent());
        assertFalse(PublishedFeatures.open(SET, hub(true), directory).isPresent());
    }
}
