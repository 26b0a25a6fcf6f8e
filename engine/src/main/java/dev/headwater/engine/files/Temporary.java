package dev.headwater.engine.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Names for files and directories that are not finished. They lie beside what they become, so that a rename finishes them, and
 * tell whose they are, so that what a killed process left is swept away by the next one that works in the same directory: at
 * once where its end is known, after a day where it ran on another machine.
 */
public final class Temporary {
    private static final Pattern NAME = Pattern.compile("\\.headwater-([0-9a-f]{8}-\\d+-[0-9a-f]+)-\\d+\\.tmp");
    private static final Duration FOREIGN = Duration.ofDays(1);
    private static final AtomicLong COUNT = new AtomicLong();
    private static final Set<Path> SWEPT = ConcurrentHashMap.newKeySet();

    private Temporary() {}

    /** A name that no other process and no other call gets; nothing is there yet. Sweeps the directory on its first use. */
    public static Path beside(Path target) {
        Path directory = AtomicFile.directory(target);
        if (SWEPT.add(directory)) {
            sweep(directory);
        }
        return directory.resolve(".headwater-" + Owner.SELF + "-" + COUNT.incrementAndGet() + ".tmp");
    }

    /** Removes what killed processes left in a directory. What cannot be removed stays: it is in nobody's way but the disk's. */
    public static void sweep(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(Temporary::isLeftOver).toList()) {
                Trees.delete(file);
            }
        } catch (IOException e) {
            // Whoever writes there hears of it.
        }
    }

    private static boolean isLeftOver(Path file) {
        Matcher matcher = NAME.matcher(file.getFileName().toString());
        if (!matcher.matches()) {
            return false;
        }
        Owner owner = Owner.parse(matcher.group(1)).orElseThrow();
        if (owner.machine().equals(Owner.SELF.machine())) {
            return owner.isGone();
        }
        try {
            return Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS)
                    .toInstant()
                    .isBefore(Instant.now().minus(FOREIGN));
        } catch (IOException e) {
            return false;
        }
    }
}
