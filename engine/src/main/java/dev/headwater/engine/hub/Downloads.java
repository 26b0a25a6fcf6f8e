package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Brings files of one commit into the cache, several at a time, large ones in several ranges at a time. Each file is
 * checked against its hash before it takes its name. Used once.
 */
final class Downloads implements AutoCloseable {
    /** For one range; what stalls is noticed sooner. */
    private static final Duration LONGEST = Duration.ofDays(1);

    private final HubSettings settings;
    private final HubClient client;
    private final HubCache cache;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Semaphore files;
    private final Semaphore connections;
    private final LongAdder received = new LongAdder();

    Downloads(HubSettings settings, HubClient client, HubCache cache) {
        this.settings = settings;
        this.client = client;
        this.cache = cache;
        this.files = new Semaphore(settings.connections());
        this.connections = new Semaphore(settings.connections());
    }

    /**
     * Brings all of these.
     *
     * @throws HeadwaterException    the first failure; what has arrived by then stays for the next time
     * @throws CancellationException if the listener asked for it
     */
    void run(Reference.Remote repository, String commit, List<RemoteFile> wanted, Progress progress) {
        CompletionService<Void> completed = new ExecutorCompletionService<>(threads);
        for (RemoteFile file : wanted) {
            completed.submit(() -> {
                files.acquire();
                try {
                    fetch(repository.at(file.path()), commit, file.size());
                } finally {
                    files.release();
                }
                return null;
            });
        }
        try {
            for (int left = wanted.size(); left > 0; ) {
                Future<Void> one = completed.poll(100, TimeUnit.MILLISECONDS);
                if (one != null) {
                    one.get();
                    left--;
                }
                progress.advance(received.sum());
                if (progress.cancelled()) {
                    throw new CancellationException("the download was cancelled");
                }
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException known
                    ? known
                    : new HeadwaterException("The download failed: " + e.getCause(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("the download was interrupted");
        }
    }

    private void fetch(Reference.Remote file, String commit, long listedSize) throws InterruptedException {
        HubClient.Metadata metadata = client.metadata(file, commit, listedSize);
        Path blob = cache.blob(file.repository(), metadata.etag());
        try (HubCache.Lock _ = cache.lock(file.repository(), metadata.etag())) {
            if (!Files.exists(blob) || Files.size(blob) != metadata.size()) {
                boolean resumed = download(file, commit, metadata, blob);
                if (resumed && !Files.exists(blob)) {
                    // What an earlier process left was damaged: once more, from the beginning.
                    download(file, commit, metadata, blob);
                }
                if (!Files.exists(blob)) {
                    throw new HeadwaterException(
                            "What arrived of " + file + " is damaged (its hash is not " + metadata.etag()
                                    + "), and was deleted: try again; if it fails again, the server or a proxy alters files.");
                }
            } else {
                received.add(metadata.size());
            }
            cache.link(file.repository(), commit, file.path(), metadata.etag());
        } catch (IOException e) {
            throw HubCache.failure("write", blob, e);
        }
    }

    /** Leaves the blob, or nothing if the hash is wrong; tells whether a part was there already. */
    private boolean download(Reference.Remote file, String commit, HubClient.Metadata metadata, Path blob)
            throws IOException, InterruptedException {
        try (PartialFile partial = PartialFile.open(blob, metadata.size(), settings.chunkBytes())) {
            long before = partial.arrived();
            received.add(before);
            if (metadata.size() - before > cache.free()) {
                throw new HeadwaterException("%s has %,d MiB, but the disk of the cache has %,d MiB free: %s"
                        .formatted(
                                file,
                                metadata.size() >> 20,
                                cache.free() >> 20,
                                "free some space, or set HF_HUB_CACHE to a directory with more."));
            }
            List<Future<Void>> workers = new ArrayList<>();
            for (int i = 0; i < settings.connections(); i++) {
                workers.add(threads.submit(() -> {
                    for (int chunk = partial.take(); chunk >= 0; chunk = partial.take()) {
                        connections.acquire();
                        try {
                            transfer(file, commit, metadata, partial, chunk);
                        } finally {
                            connections.release();
                        }
                    }
                    return null;
                }));
            }
            join(workers);
            if (partial.matches(metadata.etag())) {
                partial.moveTo(blob);
            } else {
                partial.discard();
                received.add(-metadata.size());
            }
            return before > 0;
        }
    }

    /** Waits for all to end, so that none writes any more; then throws the first failure. */
    private static void join(List<Future<Void>> workers) throws IOException, InterruptedException {
        Throwable failure = null;
        for (Future<Void> worker : workers) {
            try {
                worker.get();
            } catch (ExecutionException e) {
                if (failure == null) {
                    failure = e.getCause();
                    workers.forEach(other -> other.cancel(true));
                }
            } catch (CancellationException e) {
                // cancelled just above
            }
        }
        switch (failure) {
            case null -> {}
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case InterruptedException e -> throw e;
            default -> throw new HeadwaterException("The download failed: " + failure, failure);
        }
    }

    private void transfer(
            Reference.Remote file, String commit, HubClient.Metadata metadata, PartialFile partial, int chunk)
            throws IOException {
        URI location = metadata.location();
        long at = partial.from(chunk);
        byte[] buffer = new byte[1 << 16];
        for (int failures = 0; at < partial.to(chunk); ) {
            long start = at;
            try {
                HttpResponse<InputStream> response = client.range(location, file, at, partial.to(chunk));
                try (InputStream body = client.guarded(response, LONGEST)) {
                    skipTo(at, response, body);
                    while (at < partial.to(chunk)) {
                        int n = body.read(buffer, 0, (int) Math.min(buffer.length, partial.to(chunk) - at));
                        if (n < 0) {
                            throw new IOException("the connection was cut");
                        }
                        write(partial, buffer, n, at);
                        at += n;
                        received.add(n);
                    }
                }
            } catch (IOException e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw new CancellationException("the download was cancelled");
                }
                failures = at > start ? 1 : failures + 1;
                if (failures >= settings.attempts()) {
                    throw new UnreachableException(
                            "The download of " + file + " keeps breaking off (" + e.getMessage()
                                    + "): try again, it goes on where it ended.",
                            e);
                }
                HubHttp.sleep(settings.backoff().multipliedBy(1L << Math.min(failures - 1, 8)));
                location = client.metadata(file, commit, metadata.size()).location();
            }
        }
        partial.finish(chunk);
    }

    /** A failed write is no broken connection: trying again wouldn't help. */
    private static void write(PartialFile partial, byte[] buffer, int length, long at) {
        try {
            partial.write(buffer, length, at);
        } catch (IOException e) {
            throw HubCache.failure("write", partial.file(), e);
        }
    }

    /** Comes to {@code at} in a response that may have begun elsewhere: servers are free to ignore ranges. */
    static void skipTo(long at, HttpResponse<?> response, InputStream body) throws IOException {
        if (response.statusCode() == 200) {
            body.skipNBytes(at);
            return;
        }
        String range = response.headers().firstValue("content-range").orElse("");
        if (!range.startsWith("bytes " + at + "-")) {
            throw new IOException("the server sent another part than the one that was asked for");
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
    }
}
