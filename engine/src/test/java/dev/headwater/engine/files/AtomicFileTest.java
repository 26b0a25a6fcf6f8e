package dev.headwater.engine.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that appear whole or not at all, and what is in their place before. */
class AtomicFileTest {
    @TempDir
    Path directory;

    private static void write(Path target, String text) throws IOException {
        try (AtomicFile file = AtomicFile.create(target)) {
            file.channel().write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
            file.commit();
        }
    }

    private List<String> names() throws IOException {
        try (var files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void isThereWhenCommittedAndNothingElse() throws IOException {
        Path target = directory.resolve("x".repeat(250));
        write(target, "one");
        write(target, "two");
        try (AtomicFile file = AtomicFile.create(target)) {
            file.channel().write(ByteBuffer.wrap(new byte[10]));
        }
        assertEquals("two", Files.readString(target));
        assertEquals(List.of("x".repeat(250)), names());
    }

    @Test
    void aLinkIsWrittenThrough() throws IOException {
        Files.createDirectory(directory.resolve("there"));
        Path real = Files.writeString(directory.resolve("there/real"), "old");
        Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("there/real"));
        write(link, "new");
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new", Files.readString(real));
        Path nowhere = Files.createSymbolicLink(directory.resolve("nowhere"), Path.of("missing"));
        assertThrows(HeadwaterException.class, () -> AtomicFile.create(nowhere));
        assertTrue(Files.isSymbolicLink(nowhere));
    }

    @Test
    void devicesStayDevices() throws Exception {
        Path device = Path.of("/dev/null");
        if (Files.exists(device)) {
            // By way of a link, so that a fault here replaces the link and not the system's device.
            Path link = Files.createSymbolicLink(directory.resolve("null"), device);
            write(link, "anything");
            assertTrue(Files.isSymbolicLink(link));
            assertFalse(Files.isRegularFile(device));
        }
        Path pipe = directory.resolve("pipe");
        if (new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0) {
            assertThrows(HeadwaterException.class, () -> AtomicFile.create(pipe));
            assertTrue(Files.exists(pipe) && !Files.isRegularFile(pipe));
        }
    }

    @Test
    void whatKilledProcessesLeftIsSwept() throws IOException {
        String gone = new Owner(Owner.SELF.machine(), 999_999_999, 5).toString();
        String elsewhere = new Owner("00000000", 1, 5).toString();
        Path file = Files.writeString(directory.resolve(".headwater-" + gone + "-1.tmp"), "half");
        Path tree = Files.createDirectories(directory.resolve(".headwater-" + gone + "-2.tmp/deep"));
        Path old = Files.writeString(directory.resolve(".headwater-" + elsewhere + "-1.tmp"), "half");
        Path young = Files.writeString(directory.resolve(".headwater-" + elsewhere + "-2.tmp"), "half");
        Path mine = Files.writeString(directory.resolve(".headwater-" + Owner.SELF + "-77.tmp"), "at work");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        write(directory.resolve("new"), "text");
        assertFalse(Files.exists(file) || Files.exists(tree.getParent()) || Files.exists(old));
        assertTrue(Files.exists(young) && Files.exists(mine));
    }
}
