package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How bytes come: in ranges, again after failures, once for several. */
@Timeout(60)
class HubTransferTest extends HubCase {
    @Test
    void largeFilesComeInRangesFromTheOtherHostAndTheTokenStaysHere() {
        try (Hub hub = hub()) {
            hub.model(MODEL, Progress.NONE);
        }
        List<FakeHub.Request> ranges = server.requests.stream()
                .filter(request ->
                        request.server().equals("network") && request.path().endsWith(FakeHub.etag(WEIGHTS)))
                .toList();
        assertEquals(7, ranges.size());
        assertTrue(ranges.stream().allMatch(request -> request.range() != null));
        for (FakeHub.Request request : server.requests) {
            if (request.server().equals("hub")) {
                assertEquals("Bearer secret", request.authorization(), request.toString());
            } else {
                assertNull(request.authorization(), request.toString());
            }
        }
    }

    @Test
    void failuresThatPassAreWaitedFor() throws IOException {
        server.fault(1, request -> request.path().contains("/revision/"), FakeHub.status(429, "Retry-After", "0"));
        server.fault(
                1, request -> request.path().contains("/tree/"), FakeHub.status(429, "RateLimit", "\"api\";r=0;t=0"));
        server.fault(2, request -> request.method().equals("HEAD"), FakeHub.status(503));
        server.fault(3, request -> request.server().equals("network"), FakeHub.status(500));
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
    }

    @Test
    void aServerThatAsksForAPauseGetsIt() {
        server.fault(1, request -> request.path().contains("/revision/"), FakeHub.status(429, "Retry-After", "1"));
        long start = System.nanoTime();
        try (Hub hub = hub()) {
            hub.list((Reference.Remote) MODEL);
        }
        assertTrue(System.nanoTime() - start >= 1_000_000_000L);
    }

    @Test
    void cutConnectionsGoOnWhereTheyBroke() throws IOException {
        server.fault(4, request -> request.server().equals("network"), FakeHub.cutAfter(5_000));
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(
                server.requests.stream()
                        .anyMatch(request -> request.range() != null
                                && request.range()
                                        .matches("bytes=\\d*5000-.*|bytes=21384-.*|bytes=37768-.*|bytes=54152-.*")),
                () -> server.requests.toString());
    }

    @Test
    void stalledConnectionsAreDropped() throws IOException {
        server.fault(1, request -> request.server().equals("network"), (exchange, request, content) -> {
            exchange.getResponseHeaders()
                    .add(
                            "Content-Range",
                            "bytes " + request.range().substring(6).split("-")[0] + "-9/9");
            exchange.sendResponseHeaders(206, 10_000);
            exchange.getResponseBody().flush();
            try {
                Thread.sleep(5_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return true;
        });
        long start = System.nanoTime();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        assertTrue(System.nanoTime() - start < 4_500_000_000L);
    }

    @Test
    void anInterruptedDownloadGoesOnTheNextTime() throws IOException {
        server.fault(
                1000,
                request -> request.server().equals("network") && request.range().startsWith("bytes=65536-"),
                FakeHub.cutAfter(0));
        try (Hub hub = hub()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.model(MODEL, Progress.NONE));
            assertTrue(e.getMessage().contains("keeps breaking off"), e.getMessage());
        }
        assertFalse(
                Files.exists(cache.resolve("models--org--model/refs/main")),
                "an incomplete snapshot is not what main names");
        stop();
        restart();
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
        long again = server.requests.stream()
                .filter(request -> request.path().equals("/" + FakeHub.etag(WEIGHTS)))
                .count();
        assertTrue(again >= 1 && again < 7, () -> again + " of 7 ranges were fetched again");
        assertOnlyBlobs(cache.resolve("models--org--model"), 3);
    }

    @Test
    void aServerWithoutRangesWillDo() throws IOException {
        server.ignoresRanges = true;
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "config.json"})
    void contentOfAnotherHashIsRefusedAndDeleted(String file) throws IOException {
        byte[] wrong = file.equals("config.json") ? "{\"model_type\": \"gemma\"}".getBytes() : random(100_001);
        server.fault(
                1000,
                request -> request.method().equals("GET")
                        && (request.path().endsWith(file) || request.path().equals("/" + FakeHub.etag(WEIGHTS))),
                (exchange, request, content) -> content == null || content.length < 10
                        ? false
                        : FakeHub.cutAfter(1 << 20)
                                .handle(
                                        exchange,
                                        request,
                                        content.length == WEIGHTS.length
                                                ? java.util.Arrays.copyOf(wrong, WEIGHTS.length)
                                                : wrong));
        try (Hub hub = hub()) {
            var e = assertThrows(HeadwaterException.class, () -> hub.resolve(MODEL, List.of(file), Progress.NONE));
            assertTrue(e.getMessage().contains("is damaged"), e.getMessage());
        }
        try (Stream<Path> blobs = Files.list(cache.resolve("models--org--model/blobs"))) {
            assertEquals(List.of(), blobs.toList());
        }
    }

    @Test
    void aDamagedPartFromBeforeIsFetchedAnew() throws IOException {
        Path blob = cache.resolve("models--org--model/blobs").resolve(FakeHub.etag(WEIGHTS));
        try (PartialFile partial = PartialFile.open(blob, WEIGHTS.length, 16_384)) {
            partial.write(new byte[16_384], 16_384, 0);
            partial.finish(0);
        }
        try (Hub hub = hub()) {
            assertModel(hub.model(MODEL, Progress.NONE).directory());
        }
    }

    @Test
    void severalThatFetchTheSameFileAtOnceDownloadItOnce() throws Exception {
        Callable<Path> task = () -> {
            try (Hub hub = hub()) {
                return hub.model(MODEL, Progress.NONE).directory();
            }
        };
        try (var threads = Executors.newFixedThreadPool(4)) {
            for (var directory : threads.invokeAll(List.of(task, task, task, task))) {
                assertModel(directory.get());
            }
        }
        assertEquals(
                7,
                server.requests.stream()
                        .filter(request -> request.path().equals("/" + FakeHub.etag(WEIGHTS)))
                        .count());
    }

    @Test
    void progressCountsBytesAndCanStop() {
        List<Long> advances = new ArrayList<>();
        List<String> phases = new ArrayList<>();
        try (Hub hub = hub()) {
            hub.resolve(MODEL, List.of("*.safetensors", "config.json"), new Progress() {
                @Override
                public void phase(String name, long total) {
                    phases.add(name + " " + total);
                }

                @Override
                public void advance(long done) {
                    advances.add(done);
                }
            });
        }
        assertEquals(List.of("fetching org/model 100023"), phases);
        assertEquals(100_023, advances.getLast());
        try (Hub hub = hub()) {
            assertThrows(
                    CancellationException.class,
                    () -> hub.resolve(MODEL, List.of("*.bin"), new Progress() {
                        @Override
                        public boolean cancelled() {
                            return true;
                        }
                    }));
        }
    }
}
