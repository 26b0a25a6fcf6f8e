package dev.headwater.engine.hub;

import org.jspecify.annotations.Nullable;

/**
 * A file of a repository.
 *
 * @param path inside the repository, with forward slashes
 * @param size bytes
 * @param etag what the cache names its content by: the sha256 of a large file, the git blob id of a small one; null if
 *      unknown
 */
public record RemoteFile(String path, long size, @Nullable String etag) {
    /** More than any file of a model has; a server that says otherwise lies. */
    static final long MOST_BYTES = 1L << 42;
}
