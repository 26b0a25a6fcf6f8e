package dev.headwater.explorer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.LinkedHashMap;

/**
 * What was read from files, held for as long as they stay the same: of the few that were asked for last. Usable from any thread.
 *
 * @param <T> immutable
 */
final class RecentFiles<T> {
    private static final int HELD = 4;

    /** Reads a folder. */
    @FunctionalInterface
    interface Reader<T> {
        T read(Path folder) throws IOException;
    }

    private record Read<T>(FileTime time, long size, T value) {}

    private final String name;
    private final Reader<T> reader;
    private final LinkedHashMap<Path, Read<T>> held = new LinkedHashMap<>(8, 0.75f, true);

    /** @param name of the file that says whether its folder has changed */
    RecentFiles(String name, Reader<T> reader) {
        this.name = name;
        this.reader = reader;
    }

    T of(Path folder) throws IOException {
        BasicFileAttributes now =
                Files.readAttributes(folder.resolve(name), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        synchronized (held) {
            Read<T> known = held.get(folder);
            if (known == null || !known.time.equals(now.lastModifiedTime()) || known.size != now.size()) {
                known = new Read<>(now.lastModifiedTime(), now.size(), reader.read(folder));
                held.put(folder, known);
                if (held.size() > HELD) {
                    held.pollFirstEntry();
                }
            }
            return known.value;
        }
    }
}
