package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.LockFile;
import dev.headwater.engine.files.Sha256;
import dev.headwater.engine.files.Temporary;
import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Files of the class path brought to the disk once, for code that needs a path (memory mapping, native loading).
 *
 * <p>A directory appears whole or not at all: it is written under a temporary name, checked by its hashes, brought to
 * the disk, then renamed; one process at a time does that. A stamp of each file is kept, with its size and times. A
 * directory whose files still have their stamps is trusted; otherwise the hashes are taken again, and if one is wrong,
 * the directory is made anew.
 */
public final class Unpacked {
    private static final Duration OLD = Duration.ofDays(1);

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
     * The directory {@code target} with these files in it, made now if it isn't there or isn't sound.
     *
     * @param stamps the file that keeps the stamps
     * @throws HeadwaterException if it can't be written or a file isn't what the entry says
     */
    public static Path directory(Path target, Path stamps, List<Entry> entries) {
        if (isStamped(target, stamps, entries)) {
            return target;
        }
        try {
            Files.createDirectories(target.getParent());
            try (LockFile _ = LockFile.acquire(target.resolveSibling("." + target.getFileName() + ".lock"))) {
                if (!isStamped(target, stamps, entries)) {
                    if (!damaged(target, entries).isEmpty()) {
                        make(target, entries);
                    }
                    stamp(target, stamps, entries);
                }
            }
        } catch (IOException e) {
            throw new HeadwaterException(
                    "Cannot unpack into " + target + " (" + e + "): free some space there, "
                            + "or name another directory in HEADWATER_CACHE.",
                    e);
        }
        return target;
    }

    /** Names of the files that are missing or not what they should be; reads all of them. */
    public static List<String> damaged(Path target, List<Entry> entries) {
        return entries.stream()
                .filter(entry -> {
                    Path file = target.resolve(entry.name());
                    try {
                        return !Files.isRegularFile(file)
                                || Files.size(file) != entry.size()
                                || !Sha256.of(file)
                                        .equals(entry.sha256() != null ? entry.sha256() : of(entry.source()));
                    } catch (IOException e) {
                        return true;
                    }
                })
                .map(Entry::name)
                .toList();
    }

    private static String of(URL source) throws IOException {
        MessageDigest digest = Sha256.digest();
        try (InputStream in = new DigestInputStream(source.openStream(), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return Sha256.hex(digest);
    }

    private static void make(Path target, List<Entry> entries) throws IOException {
        sweep(target);
        Path temporary = Files.createDirectory(Temporary.beside(target));
        try {
            for (Entry entry : entries) {
                write(entry, temporary.resolve(entry.name()));
            }
            Trees.force(temporary);
            Trees.delete(target);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Trees.delete(temporary);
        }
    }

    /** What killed processes of earlier versions left behind, under names of their own kind. */
    private static void sweep(Path target) throws IOException {
        String left = Pattern.quote("." + target.getFileName() + ".") + "\\d+";
        try (Stream<Path> files = Files.list(target.getParent())) {
            for (Path file :
                    files.filter(f -> f.getFileName().toString().matches(left)).toList()) {
                if (Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS)
                        .toInstant()
                        .isBefore(Instant.now().minus(OLD))) {
                    Trees.delete(file);
                }
            }
        }
    }

    private static boolean isStamped(Path target, Path stamps, List<Entry> entries) {
        try {
            return Files.readString(stamps).equals(stamps(target, entries));
        } catch (IOException e) {
            return false;
        }
    }

    /** Where nothing can be written, the hashes are taken each time. */
    private static void stamp(Path target, Path stamps, List<Entry> entries) throws IOException {
        String text = stamps(target, entries);
        try {
            Files.createDirectories(stamps.getParent());
            Files.writeString(stamps, text);
        } catch (AccessDeniedException e) {
            // as the comment says
        }
    }

    /** A line for each file: what changes when anybody writes to it, or when another file takes its place. */
    private static String stamps(Path target, List<Entry> entries) throws IOException {
        StringBuilder stamps = new StringBuilder();
        for (Entry entry : entries) {
            Path file = target.resolve(entry.name());
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!now.isRegularFile() || now.size() != entry.size()) {
                throw new IOException(file + " is not what was unpacked");
            }
            stamps.append(Stream.of(
                                    entry.name(),
                                    now.size(),
                                    now.lastModifiedTime().toInstant(),
                                    now.fileKey(),
                                    entry.sha256())
                            .map(String::valueOf)
                            .collect(Collectors.joining(" ")))
                    .append('\n');
        }
        return stamps.toString();
    }

    private static void write(Entry entry, Path file) throws IOException {
        Files.createDirectories(file.getParent());
        MessageDigest digest = Sha256.digest();
        long size;
        try (InputStream in = new DigestInputStream(entry.source().openStream(), digest);
                OutputStream out = Files.newOutputStream(file)) {
            size = in.transferTo(out);
        }
        String found = Sha256.hex(digest);
        if (size != entry.size() || entry.sha256() != null && !entry.sha256().equals(found)) {
            throw new HeadwaterException("The file " + entry.name() + " in " + entry.source()
                    + " is not the one that was built (size " + size + ", sha256 " + found
                    + "): build or install Headwater again.");
        }
    }
}
