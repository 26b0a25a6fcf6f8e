package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * Files of the class path brought to the disk once, for code that needs a path (memory mapping, native loading).
 *
 * <p>A directory appears whole or not at all: it is written under a temporary name, checked, then renamed. Two
 * processes may do
 * that at once: the first rename wins, and the second one takes its result. A directory that is there is trusted when
 * all its
 * files have their sizes; otherwise it is made again.
 */
public final class Unpacked {
    private Unpacked() {}

    /**
     * One file.
     *
     * @param name   path inside the unpacked directory, with forward slashes
     * @param source where it comes from
     * @param size   bytes
     * @param sha256 lower-case hex, or null when the source states none
     */
    public record Entry(String name, URL source, long size, String sha256) {}

    /**
     * The directory {@code target} with these files in it, made now if it isn't there.
     *
     * @throws HeadwaterException if it can't be written or a file isn't what the entry says
     */
    public static Path directory(Path target, List<Entry> entries) {
        if (complete(target, entries)) {
            return target;
        }
        try {
            Path parent = Files.createDirectories(target.getParent());
            Path temporary = Files.createTempDirectory(parent, "." + target.getFileName() + ".");
            try {
                for (Entry entry : entries) {
                    write(entry, temporary.resolve(entry.name()));
                }
                moveInto(target, temporary, entries);
            } finally {
                delete(temporary);
            }
        } catch (IOException e) {
            throw new HeadwaterException(
                    "Cannot unpack into " + target + " (" + e + "): free some space there, "
                            + "or name another directory in HEADWATER_CACHE.",
                    e);
        }
        return target;
    }

    private static boolean complete(Path target, List<Entry> entries) {
        return entries.stream().allMatch(entry -> {
            try {
                return Files.size(target.resolve(entry.name())) == entry.size();
            } catch (IOException e) {
                return false;
            }
        });
    }

    private static void write(Entry entry, Path file) throws IOException {
        Files.createDirectories(file.getParent());
        MessageDigest digest = sha256();
        long size;
        try (InputStream in = new DigestInputStream(entry.source().openStream(), digest);
                OutputStream out = Files.newOutputStream(file)) {
            size = in.transferTo(out);
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (size != entry.size() || entry.sha256() != null && !entry.sha256().equals(found)) {
            throw new HeadwaterException(
                    "The file " + entry.name() + " in " + entry.source() + " is not the one that was built (size "
                            + size + ", sha256 " + found + "): build or install Headwater again.");
        }
    }

    private static void moveInto(Path target, Path temporary, List<Entry> entries) throws IOException {
        for (int attempt = 0; ; attempt++) {
            try {
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
                return;
            } catch (FileSystemException e) {
                // Something is there: another process was faster, or it is the damaged copy that this one replaces.
                if (complete(target, entries)) {
                    return;
                }
                if (attempt == 3) {
                    throw e;
                }
                delete(target);
            }
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> tree = Files.walk(directory)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
