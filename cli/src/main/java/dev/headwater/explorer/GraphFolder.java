package dev.headwater.explorer;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.GraphIndex;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.Temporary;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;

/**
 * The place of an explorer's graphs: {@code <name>.json} right in one directory, or a single file, and nothing else on
 * the disk. A name is checked by {@link GraphName}, and only regular files are read or replaced, links never.
 *
 * @param directory as a real path
 * @param only      the one graph there is, if there is but one
 * @param maxBytes  the largest file to read or accept
 */
record GraphFolder(Path directory, Optional<String> only, long maxBytes) {
    /** Writes a file's bytes. */
    interface Writer {
        void write(OutputStream out) throws IOException;
    }

    /**
     * @param place    a directory of graph files, made if it isn't there, or one graph file, which is then all there is
     * @param maxBytes the largest file to read or accept
     */
    static GraphFolder open(Path place, long maxBytes) {
        try {
            if (Files.isRegularFile(place)) {
                String file = place.toRealPath().getFileName().toString();
                if (!file.endsWith(".json") || !GraphName.isValid(stem(file))) {
                    throw new HeadwaterException(
                            place
                                    + " is not a graph file that can be served: its name must end in .json and hold only letters, digits, _ - and points.");
                }
                return new GraphFolder(place.toRealPath().resolveSibling(""), Optional.of(stem(file)), maxBytes);
            }
            Files.createDirectories(place);
            GraphFolder folder = new GraphFolder(place.toRealPath(), Optional.empty(), maxBytes);
            Temporary.sweep(folder.directory);
            return folder;
        } catch (IOException e) {
            throw new HeadwaterException("The graph directory " + place + " can't be opened: " + reason(e) + ".", e);
        }
    }

    /** The one place where a name becomes a path. */
    Path file(String name) {
        if (!allowed(name)) {
            throw new Refusal(404, "There is no graph of that name here.");
        }
        return directory.resolve(name + ".json");
    }

    /** Whether such a graph may be here. */
    boolean allowed(String name) {
        return GraphName.isValid(name) && only.map(name::equals).orElse(true);
    }

    /** Attributes of a regular file that is no link and lies in the directory itself. */
    BasicFileAttributes unbounded(Path file) throws IOException {
        BasicFileAttributes attributes =
                Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!attributes.isRegularFile() || !directory.equals(file.toRealPath().getParent())) {
            throw new NoSuchFileException(file.toString());
        }
        return attributes;
    }

    /** As above, of a file that is small enough to be read. */
    BasicFileAttributes attributes(Path file) throws IOException {
        BasicFileAttributes attributes = unbounded(file);
        if (attributes.size() > maxBytes) {
            throw new Refusal(
                    413,
                    "The graph " + stem(file.getFileName().toString()) + " has " + attributes.size()
                            + " bytes, more than the " + maxBytes + " that are served.");
        }
        return attributes;
    }

    /** The bytes of a regular file. */
    InputStream bytes(Path file) throws IOException {
        attributes(file);
        return Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }

    /** What lies at the place of a name, whatever it is, is in the way of a new graph. */
    boolean isTaken(String name) {
        return Files.exists(directory.resolve(name + ".json"), LinkOption.NOFOLLOW_LINKS);
    }

    /** A path for a file that will get its name when it is whole; nothing is there yet. */
    Path draft() {
        return Temporary.beside(directory.resolve(GraphIndex.FILE));
    }

    /** Deletes a draft, if it is still there. */
    void discard(Path draft) {
        try {
            Files.deleteIfExists(draft);
        } catch (IOException e) {
            // It is swept away at a later start.
        }
    }

    /** Writes a file anew, never through a link; whoever reads it sees the old bytes or the new ones. */
    void replace(Path file, Writer content) throws IOException {
        Path draft = draft();
        try {
            try (FileChannel channel =
                            FileChannel.open(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                    OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16)) {
                content.write(out);
                out.flush();
                channel.force(true);
            }
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            discard(draft);
        }
    }

    static String stem(String file) {
        return file.endsWith(".json") ? file.substring(0, file.length() - 5) : file;
    }

    /** Why a file could not be read or written, without its path. */
    static String reason(IOException e) {
        return switch (e) {
            case AccessDeniedException _ -> "no permission";
            case FileSystemException fs when fs.getReason() != null -> fs.getReason();
            default ->
                e.getClass().getSimpleName()
                        + (e.getMessage() == null
                                ? ""
                                : " (" + Path.of(e.getMessage()).getFileName() + ")");
        };
    }
}
