package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is fetched, and where it lies. */
@Timeout(60)
class HubTest extends HubCase {
    @Test
    void aModelIsFetchedIntoTheLayoutThatPythonUses() throws IOException {
        try (Hub hub = hub()) {
            Hub.Resolved resolved = hub.model(MODEL, Progress.NONE);
            Path root = cache.resolve("models--org--model");
            assertEquals(
                    root.resolve("snapshots").resolve(FakeHub.COMMIT),
                    resolved.directory().resolve("").normalize());
            assertEquals(FakeHub.COMMIT, resolved.commit());
            assertModel(resolved.directory());
            assertEquals(FakeHub.COMMIT, Files.readString(root.resolve("refs/main")));
            Path link = resolved.directory().resolve("model.safetensors");
            assertEquals(Path.of("../../blobs", FakeHub.etag(WEIGHTS)), Files.readSymbolicLink(link));
            assertFalse(
                    Files.exists(resolved.directory().resolve("pytorch_model.bin")),
                    "other frameworks' weights stay away");
            assertOnlyBlobs(root, 3);
        }
    }

    @Test
    void aSecondTimeNothingIsDownloaded() throws IOException {
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        server.requests.clear();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
            hub.model(MODEL, Progress.NONE);
        }
        assertEquals(
                List.of("/api/models/org/model/revision/main", "/api/models/org/model/tree/" + FakeHub.COMMIT),
                server.requests.stream().map(FakeHub.Request::path).toList());
    }

    @Test
    void whatPythonLeftInTheCacheIsUsed() throws IOException {
        Path root = cache.resolve("models--org--model");
        Path snapshot = Files.createDirectories(root.resolve("snapshots").resolve(FakeHub.COMMIT));
        Files.createDirectories(root.resolve("blobs"));
        Files.createDirectories(root.resolve("refs"));
        Files.writeString(root.resolve("refs/main"), FakeHub.COMMIT);
        Files.write(root.resolve("blobs").resolve(FakeHub.etag(WEIGHTS)), WEIGHTS);
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs", FakeHub.etag(WEIGHTS)));
        try (Hub hub = offline()) {
            assertArrayEquals(
                    WEIGHTS,
                    Files.readAllBytes(
                            hub.model(MODEL, Progress.NONE).directory().resolve("model.safetensors")));
        }
        assertEquals(0, server.requests.size());
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(
                server.requests.stream()
                        .noneMatch(request -> request.path().contains(FakeHub.etag(WEIGHTS))
                                || request.path().endsWith("model.safetensors")),
                "the weights that are here are not asked for");
    }

    @Test
    void aBlobOfAnotherCommitIsOnlyLinked() throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("models--org--model/blobs"));
        Files.write(blobs.resolve(FakeHub.etag(WEIGHTS)), WEIGHTS);
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(server.requests.stream().noneMatch(request -> request.path().equals("/" + FakeHub.etag(WEIGHTS))));
    }

    @Test
    void foldersRevisionsAndPatternsSelectFiles() throws IOException {
        try (Hub hub = hub()) {
            Path directory = hub.resolve(
                            Reference.parse("org/model/folder@refs/pr/1"), List.of("**.json"), Progress.NONE)
                    .directory();
            assertEquals("{}", Files.readString(directory.resolve("deep/ünï code.json")));
            assertEquals(FakeHub.COMMIT, Files.readString(cache.resolve("models--org--model/refs/refs/pr/1")));
            assertFalse(Files.exists(directory.resolve("../config.json")));
            Path empty = hub.file(new Reference.Remote(REPOSITORY, "empty.txt", "v1"), Progress.NONE);
            assertEquals(0, Files.size(empty));
            var e = assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("*.npz"), Progress.NONE));
            assertEquals("org/model has no file *.npz.", e.getMessage());
        }
    }

    @Test
    void longListsComeInPages() {
        server.pageSize = 2;
        try (Hub hub = hub()) {
            Hub.Listing listing = hub.list(new Reference.Remote(REPOSITORY, "", "main"));
            assertEquals(6, listing.files().size());
            assertEquals(152_000 + 25, listing.bytes());
        }
    }

    @Test
    void transcodersAndTheFilesOfOtherRepositoriesThatTheyListAreFetched() throws IOException {
        server.with(
                        "org/set",
                        "small/config.yaml",
                        "model_kind: transcoder_set\ntranscoders:\n  - layer_0.safetensors\n  - hf://org/other/a/l1.npz?revision=v1\n")
                .with("org/set", "small/layer_0.safetensors", "zero")
                .with("org/set", "small/unrelated.safetensors", "no")
                .with("org/other", "a/l1.npz", "one")
                .with("org/clt", "config.yaml", "model_kind: cross_layer_transcoder\n")
                .with("org/clt", "W_enc_0.safetensors", "enc")
                .with("org/clt", "README.md", "text");
        try (Hub hub = hub()) {
            Path directory = hub.transcoders(Reference.parse("org/set/small"), Progress.NONE)
                    .directory();
            assertEquals("zero", Files.readString(directory.resolve("layer_0.safetensors")));
            assertFalse(Files.exists(directory.resolve("unrelated.safetensors")));
            server.requests.clear();
            Path other =
                    hub.file((Reference.Remote) Reference.parse("hf://org/other/a/l1.npz?revision=v1"), Progress.NONE);
            assertEquals("one", Files.readString(other));
            assertEquals(0, server.requests.size(), "it has been fetched with the set");
            assertEquals(
                    "enc",
                    Files.readString(hub.either(Reference.parse("org/clt"), Progress.NONE)
                            .directory()
                            .resolve("W_enc_0.safetensors")));
            assertModel(hub.either(MODEL, Progress.NONE).directory());
            var e = assertThrows(HeadwaterException.class, () -> hub.transcoders(MODEL, Progress.NONE));
            assertTrue(e.getMessage().contains("config.yaml"), e.getMessage());
        }
    }

    @Test
    void offlineOnlyTheCacheIsUsed() throws IOException {
        try (Hub hub = offline()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.model(MODEL, Progress.NONE));
            assertTrue(
                    e.getMessage().contains("is not in the cache")
                            && e.getMessage().contains("HF_HUB_OFFLINE"),
                    e.getMessage());
        }
        assertEquals(0, server.requests.size());
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        server.requests.clear();
        try (Hub hub = offline()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
            assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of("*.bin"), Progress.NONE));
        }
        assertEquals(0, server.requests.size());
    }

    @Test
    void withoutANetworkTheCacheWillDo() throws IOException {
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        stop();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
            var e = assertThrows(
                    HeadwaterException.class, () -> hub.model(Reference.parse("org/other"), Progress.NONE));
            assertTrue(e.getMessage().contains("Cannot reach 127.0.0.1"), e.getMessage());
        }
    }

    @Test
    void theCacheIsListedWithSizes() throws IOException {
        assertEquals(List.of(), new HubCache(cache.resolve("absent")).entries());
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
            hub.model(Reference.parse("org/model@v1"), Progress.NONE);
            Files.createDirectories(cache.resolve("models--single/snapshots/" + "a".repeat(40)));
            List<HubCache.Entry> entries = hub.cache().entries();
            assertEquals(
                    List.of("org/model", "single"),
                    entries.stream().map(HubCache.Entry::repository).toList());
            assertEquals(List.of("main", "v1"), entries.getFirst().revisions());
            assertEquals(List.of("a".repeat(40)), entries.getLast().revisions());
            assertEquals(102_023 + 80, entries.getFirst().bytes(), "contents and two refs");
        }
    }

    @Test
    void localAndBundledReferencesNeedNoHub(@TempDir Path directory) {
        try (Hub hub = offline()) {
            assertEquals(
                    directory,
                    hub.model(Reference.parse(directory.toString()), Progress.NONE)
                            .directory());
            assertNull(hub.model(Reference.parse(directory.toString()), Progress.NONE)
                    .commit());
            assertTrue(Files.exists(hub.transcoders(Reference.parse("atlas-plt"), Progress.NONE)
                    .directory()
                    .resolve("layer_5.safetensors")));
            assertNotNull(hub.either(Reference.parse("atlas"), Progress.NONE).directory());
        }
    }
}
