package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.gguf.GgufFile;
import dev.headwater.engine.hub.Reference.Bundled;
import dev.headwater.engine.hub.Reference.Local;
import dev.headwater.engine.hub.Reference.Remote;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Turns references into local directories, fetching what isn't here into the Hugging Face cache, where Python's tools
 * find it and leave theirs.
 *
 * <p>A revision is looked up once in the life of a hub object, so that everything loaded together comes from one
 * commit. Without a network (or with {@code HF_HUB_OFFLINE}) the commit that was fetched last is used.
 */
public final class Hub implements AutoCloseable {
    /** What loading a language model needs; other frameworks' weights stay away. */
    private static final List<String> MODEL_FILES = List.of(
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "chat_template.jinja",
            "chat_template.json",
            "model.safetensors.index.json",
            "model*.safetensors");

    private final HubSettings settings;
    /** Made when it is first needed: what is on this machine is found without it, and faster. */
    private @Nullable HubClient client;

    private final HubCache cache;
    private final Map<Remote, Listing> listings = new ConcurrentHashMap<>();

    /**
     * Where a reference is now.
     *
     * @param directory on this machine; a model may be a GGUF file instead
     * @param commit    for a repository: the commit; otherwise null
     */
    public record Resolved(Path directory, @Nullable String commit) {
        /** {@return the reference with the commit that was read, so that provenance tells which it was} */
        public String pinned(String reference) {
            return commit != null && Reference.parse(reference) instanceof Remote remote
                    ? remote.pinned(commit).toString()
                    : reference;
        }
    }

    /**
     * What a repository holds.
     *
     * @param commit what the revision names
     * @param files  those in the reference's folder, with paths from the repository's top
     */
    public record Listing(String commit, List<RemoteFile> files) {
        /** {@return what all files weigh} */
        public long bytes() {
            return files.stream().mapToLong(RemoteFile::size).sum();
        }
    }

    public Hub(HubSettings settings) {
        this.settings = settings;
        this.cache = new HubCache(settings.cache());
    }

    /** The hub that the environment variables name. */
    public static Hub open() {
        return new Hub(HubSettings.fromEnvironment());
    }

    /** {@return the cache on disk that files come from and go to} */
    public HubCache cache() {
        return cache;
    }

    /**
     * A language model's files: configuration, tokenizer, safetensors weights.
     *
     * @throws HeadwaterException if they aren't there and can't be fetched
     */
    public Resolved model(Reference reference, Progress progress) {
        return resolve(reference, MODEL_FILES, progress);
    }

    /**
     * A set of transcoders: {@code config.yaml} and the files that it lists, or that go with it by their usual names.
     * Files of other repositories are fetched too; {@link #file} tells where they are.
     *
     * @throws HeadwaterException if they aren't there and can't be fetched
     */
    public Resolved transcoders(Reference reference, Progress progress) {
        Resolved resolved = resolve(reference, SetFiles.WITH_INDEX, progress);
        for (SetFiles.Part part : SetFiles.of(reference, resolved.directory())) {
            fetch(part.repository(), part.wanted(), part.described(), progress);
        }
        return resolved;
    }

    /**
     * A model or a set of transcoders before its weights are fetched.
     *
     * @param directory with its configuration
     * @param bytes     of all its files
     * @param missing   of those that are not on this machine
     */
    public record Outline(Path directory, long bytes, long missing) {}

    /**
     * What {@link #model} would bring; fetches the configuration alone.
     *
     * @throws HeadwaterException if it isn't there or the hub can't be asked
     */
    public Outline modelOutline(Reference reference) {
        Resolved resolved = resolve(reference, List.of("config.json"), Progress.NONE);
        return outline(
                resolved,
                reference instanceof Remote remote
                        ? List.of(new SetFiles.Part(remote, SetFiles.glob(MODEL_FILES), ""))
                        : List.of());
    }

    /**
     * What {@link #transcoders} would bring; fetches the configuration alone.
     *
     * @throws HeadwaterException if it isn't there or the hub can't be asked
     */
    public Outline transcodersOutline(Reference reference) {
        Resolved resolved = resolve(reference, SetFiles.CONFIGURATION, Progress.NONE);
        return outline(resolved, SetFiles.of(reference, resolved.directory()));
    }

    private Outline outline(Resolved resolved, List<SetFiles.Part> parts) {
        long bytes = resolved.commit() == null ? size(resolved.directory()) : 0;
        long missing = 0;
        for (SetFiles.Part part : parts) {
            Listing listing = listing(part.repository().whole());
            for (RemoteFile file : selected(listing, part.repository(), part.wanted())) {
                bytes += file.size();
                missing += cache.has(part.repository().repository(), listing.commit(), file.path(), file.size())
                        ? 0
                        : file.size();
            }
        }
        return new Outline(resolved.directory(), bytes, missing);
    }

    private static long size(Path directory) {
        try (Stream<Path> tree = Files.walk(directory)) {
            return tree.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        } catch (IOException e) {
            throw HubCache.failure("read", directory, e);
        }
    }

    /**
     * So many bytes from the beginning of a repository's file, or all that it has; the file is not brought into the
     * cache.
     */
    public byte[] head(Remote file, int bytes) {
        String commit = listing(file.whole()).commit();
        Path here = cache.snapshot(file.repository(), commit).resolve(file.path());
        if (!Files.exists(here)) {
            return client().bytes(file, commit, 0, (int) Math.min(bytes, size(file)));
        }
        try (InputStream in = Files.newInputStream(here)) {
            return in.readNBytes(bytes);
        } catch (IOException e) {
            throw HubCache.failure("read", here, e);
        }
    }

    /**
     * Bytes of a repository's file, which is not brought into the cache.
     *
     * @throws HeadwaterException if it can't be asked for, or the hub is not to be used
     */
    public byte[] range(Remote file, long from, int length) {
        if (settings.offline()) {
            throw new HeadwaterException("A part of " + file + " is not here, and HF_HUB_OFFLINE is set.");
        }
        return client().bytes(file, listing(file.whole()).commit(), from, length);
    }

    /** Bytes of a repository's file. */
    public long size(Remote file) {
        return listing(file.whole()).files().stream()
                .filter(listed -> listed.path().equals(file.path()))
                .mapToLong(RemoteFile::size)
                .findFirst()
                .orElseThrow(() -> new HeadwaterException(file.whole() + " has no file " + file.path() + "."));
    }

    /** A model or a set of transcoders, whichever it is. */
    public Resolved either(Reference reference, Progress progress) {
        boolean transcoders = switch (reference) {
            case Remote remote ->
                list(remote).files().stream().anyMatch(file -> SetFiles.isConfiguration(remote, file.path()));
            default -> SetFiles.isSet(resolve(reference, List.of(), progress).directory());
        };
        return transcoders ? transcoders(reference, progress) : model(reference, progress);
    }

    /**
     * The files of a reference that match one of these patterns.
     *
     * @param patterns globs for paths in the reference's folder; {@code *} stays in one folder, {@code **} does not.
     *      Local
     *                 directories are not searched
     * @throws HeadwaterException if there is no such place, nothing matches, or it can't be fetched
     */
    public Resolved resolve(Reference reference, List<String> patterns, Progress progress) {
        return switch (reference) {
            case Bundled bundled -> new Resolved(BundledModel.directory(bundled.name()), null);
            case Local local
            when Files.isDirectory(local.directory()) || GgufFile.isGguf(local.directory()) ->
                new Resolved(local.directory(), null);
            case Local local
            when Files.exists(local.directory()) ->
                throw new HeadwaterException(local.directory() + " is neither a directory nor a GGUF file.");
            case Local local -> throw new HeadwaterException("There is no directory " + local.directory() + ".");
            case Remote remote -> fetch(remote, SetFiles.glob(patterns), String.join(", ", patterns), progress);
        };
    }

    /** A single file of a repository: {@code path} names it. */
    public Path file(Remote file, Progress progress) {
        String path = file.path();
        return fetch(new Remote(file.repository(), "", file.revision()), path::equals, path, progress)
                .directory()
                .resolve(path);
    }

    /** {@link #file} for the {@code hf://} entries of a set of transcoders. */
    public Function<String, Path> files(Progress progress) {
        return entry -> switch (Reference.parse(entry)) {
            case Remote remote -> file(remote, progress);
            default -> throw new HeadwaterException(entry + " is not a file of a repository.");
        };
    }

    /**
     * What a repository, or a folder of it, holds; from the cache if the hub can't be asked, then only what is there.
     */
    public Listing list(Remote reference) {
        Listing listing = listing(reference.whole());
        return new Listing(listing.commit(), selected(listing, reference, _ -> true));
    }

    private Listing listing(Remote repository) {
        Listing known = listings.get(repository);
        if (known != null) {
            return known;
        }
        Listing listing;
        if (settings.offline()) {
            listing = cached(
                    repository,
                    () -> new HeadwaterException(repository + " is not in the cache " + cache.root()
                            + ", and HF_HUB_OFFLINE is set: fetch it with the network on first."));
        } else {
            try {
                String commit = repository.isPinned() ? repository.revision() : client().commit(repository);
                listing = new Listing(commit, client().files(repository, commit));
            } catch (UnreachableException e) {
                listing = cached(repository, () -> e);
            }
        }
        listings.put(repository, listing);
        return listing;
    }

    /** What the cache holds, if it holds the repository. */
    private Listing cached(Remote repository, Supplier<HeadwaterException> otherwise) {
        String name = repository.repository();
        String commit = cache.commit(name, repository.revision())
                .filter(known -> Files.isDirectory(cache.snapshot(name, known)))
                .orElseThrow(otherwise);
        Path snapshot = cache.snapshot(name, commit);
        try (Stream<Path> tree = Files.walk(snapshot)) {
            return new Listing(
                    commit,
                    tree.filter(Files::isRegularFile)
                            .map(file -> new RemoteFile(
                                    snapshot.relativize(file).toString().replace('\\', '/'),
                                    file.toFile().length(),
                                    null))
                            .toList());
        } catch (IOException e) {
            throw HubCache.failure("read", snapshot, e);
        }
    }

    private Resolved fetch(Remote reference, Predicate<String> wanted, String described, Progress progress) {
        Listing listing = listing(reference.whole());
        List<RemoteFile> files = selected(listing, reference, wanted);
        if (files.isEmpty()) {
            throw new HeadwaterException(reference + " has no file " + described
                    + (listing.files().stream().anyMatch(file -> file.etag() == null)
                            ? " in the cache, and the hub cannot be asked."
                            : "."));
        }
        List<RemoteFile> missing = files.stream()
                .filter(file -> !cache.has(reference.repository(), listing.commit(), file.path(), file.size()))
                .toList();
        if (!missing.isEmpty()) {
            download(reference, listing.commit(), missing, progress);
        }
        if (!settings.offline()) {
            cache.remember(reference.repository(), reference.revision(), listing.commit());
        }
        return new Resolved(
                cache.snapshot(reference.repository(), listing.commit()).resolve(reference.path()), listing.commit());
    }

    private static List<RemoteFile> selected(Listing listing, Remote reference, Predicate<String> wanted) {
        String folder = SetFiles.inside(reference, "");
        return listing.files().stream()
                .filter(file -> file.path().startsWith(folder)
                        && wanted.test(file.path().substring(folder.length())))
                .toList();
    }

    private void download(Remote reference, String commit, List<RemoteFile> missing, Progress progress) {
        long bytes = missing.stream().mapToLong(RemoteFile::size).sum();
        long free = cache.free();
        long arrived = missing.stream()
                .map(RemoteFile::etag)
                .filter(Objects::nonNull)
                .mapToLong(etag -> PartialFile.arrived(cache.blob(reference.repository(), etag)))
                .sum();
        if (bytes - arrived > free) {
            throw new HeadwaterException(
                    "%s needs %.1f GB more, but only %.1f GB are free in %s: free some space, or set HF_HUB_CACHE to a directory with more."
                            .formatted(reference, (bytes - arrived) / 1e9, free / 1e9, cache.root()));
        }
        progress.phase("fetching " + reference, bytes);
        try (Downloads downloads = new Downloads(settings, client(), cache)) {
            downloads.run(reference.whole(), commit, missing, progress);
        }
    }

    private synchronized HubClient client() {
        if (client == null) {
            client = new HubClient(settings);
        }
        return client;
    }

    @Override
    public synchronized void close() {
        if (client != null) {
            client.close();
        }
    }
}
