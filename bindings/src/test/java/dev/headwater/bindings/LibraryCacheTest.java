package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Unpacked files that are damaged, cut, half there or left over; resources of this class path stand for libraries. */
class LibraryCacheTest {
    private static final String RESOURCE = "dev/headwater/bindings/DType.class";

    @TempDir
    private Path cache;

    private Path folder;
    private Path file;
    private byte[] sound;

    @BeforeEach
    void unpacked() throws IOException {
        folder = cache.resolve("native/one");
        file = folder.resolve("a.so");
        unpack();
        sound = Files.readAllBytes(file);
    }

    private void unpack() throws IOException {
        assertEquals(
                folder,
                LibraryCache.unpack(folder, Map.of("a.so", RESOURCE, "b.so", RESOURCE), Map.of("link.so", "a.so")));
    }

    private void flip() throws IOException {
        byte[] damaged = sound.clone();
        damaged[damaged.length / 2] ^= 1;
        Files.write(file, damaged);
    }

    /** As a file system has it that writes the time of a change seconds later. */
    private void later(Path path) throws IOException {
        Files.setLastModifiedTime(path, FileTime.from(Instant.now().plusSeconds(5)));
    }

    @Test
    void whatIsWholeStaysAsItIs() throws IOException {
        Object key = Files.readAttributes(file, java.nio.file.attribute.BasicFileAttributes.class)
                .fileKey();
        unpack();
        Files.delete(folder.resolve("STAMPS"));
        unpack();
        assertTrue(Files.exists(folder.resolve("STAMPS")), "hashes were right, and are not taken again");
        assertEquals(
                key,
                Files.readAttributes(file, java.nio.file.attribute.BasicFileAttributes.class)
                        .fileKey());
        assertEquals(Path.of("a.so"), Files.readSymbolicLink(folder.resolve("link.so")));
    }

    @Test
    void whatSomebodyWroteToIsMadeAnew() throws IOException {
        flip();
        later(file);
        unpack();
        assertArrayEquals(sound, Files.readAllBytes(file));
    }

    @Test
    void whatIsCutOrGoneIsMadeAnew() throws IOException {
        Files.write(file, new byte[3]);
        unpack();
        assertArrayEquals(sound, Files.readAllBytes(file));
        Files.delete(file);
        unpack();
        assertArrayEquals(sound, Files.readAllBytes(file));
        Files.writeString(folder.resolve("MANIFEST"), "a.so = \\u00zz");
        unpack();
        assertArrayEquals(sound, Files.readAllBytes(file));
    }

    @Test
    void damageThatNoStampTellsIsFoundByHashes() throws IOException {
        FileTime time = Files.getLastModifiedTime(file);
        flip();
        Files.setLastModifiedTime(file, time);
        assertEquals(List.of(file), LibraryCache.repair(cache));
        assertFalse(Files.exists(folder));
        unpack();
        assertArrayEquals(sound, Files.readAllBytes(file));
        assertEquals(List.of(), LibraryCache.repair(cache));
    }

    @Test
    void whatKilledProcessesLeftIsSwept() throws IOException {
        Path own = Files.createDirectories(cache.resolve("native/one.part123"));
        Path young = Files.createDirectories(cache.resolve("native/two.part4"));
        Path old = Files.createDirectories(cache.resolve("native/three.part5"));
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(200_000)));
        Files.delete(file);
        unpack();
        assertFalse(Files.exists(own, LinkOption.NOFOLLOW_LINKS));
        assertFalse(Files.exists(old, LinkOption.NOFOLLOW_LINKS));
        assertTrue(Files.exists(young), "another process may be at it");
    }
}
