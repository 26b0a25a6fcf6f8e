package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.CacheDirectory;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BundledModelTest {
    @Test
    void theIndexListsExactlyTheFiles() throws Exception {
        Path root = BundledModel.directory("atlas").getParent();
        List<String> listed =
                BundledModel.index().map(BundledModel.Line::path).sorted().toList();
        try (Stream<Path> tree = Files.walk(root)) {
            assertEquals(
                    tree.filter(Files::isRegularFile)
                            .map(file -> root.relativize(file).toString())
                            .filter(name -> !name.equals("index.txt"))
                            .sorted()
                            .toList(),
                    listed);
        }
        for (BundledModel.Line line : BundledModel.index().toList()) {
            byte[] bytes = Files.readAllBytes(root.resolve(line.path()));
            assertEquals(line.size(), bytes.length, line.path());
            assertEquals(
                    line.sha256(),
                    HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)),
                    line.path());
        }
    }

    @Test
    void filesInAJarAreUnpackedOnceAndCheckedAgain(@TempDir Path temporary) throws Exception {
        Path jar = jarOf("atlas-clt", temporary.resolve("models.jar"));
        Path cache = temporary.resolve("cache");
        Path directory = BundledModel.directory("atlas-clt", cache, path -> inJar(jar, path));
        assertTrue(directory.startsWith(cache), directory::toString);
        assertEquals(BundledModel.size("atlas-clt"), sizeOf(directory));

        var written = Files.getLastModifiedTime(directory.resolve("config.yaml"));
        assertEquals(directory, BundledModel.directory("atlas-clt", cache, path -> inJar(jar, path)));
        assertEquals(written, Files.getLastModifiedTime(directory.resolve("config.yaml")), "unpacked twice");

        Files.writeString(directory.resolve("config.yaml"), "short");
        Files.delete(directory.resolve("W_enc_3.safetensors"));
        BundledModel.directory("atlas-clt", cache, path -> inJar(jar, path));
        assertEquals(BundledModel.size("atlas-clt"), sizeOf(directory), "a damaged copy is made again");
        try (Stream<Path> left = Files.list(directory.getParent())) {
            assertEquals(List.of(directory), left.toList(), "temporary directories are left behind");
        }
    }

    @Test
    void damageOfTheSameSizeIsFoundAndMadeGood(@TempDir Path temporary) throws Exception {
        Path jar = jarOf("atlas-clt", temporary.resolve("models.jar"));
        Path cache = temporary.resolve("cache");
        Path directory = BundledModel.directory("atlas-clt", cache, path -> inJar(jar, path));
        Path file = directory.resolve("W_enc_3.safetensors");
        byte[] sound = Files.readAllBytes(file);
        byte[] damaged = sound.clone();
        for (int i = 1000; i < 2000; i++) {
            damaged[i] ^= 0x55;
        }
        Files.write(file, damaged);
        BundledModel.directory("atlas-clt", cache, path -> inJar(jar, path));
        assertArrayEquals(sound, Files.readAllBytes(file));

        // What a touch changed is looked at and left.
        Object before = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
        BundledModel.directory("atlas-clt", cache, path -> inJar(jar, path));
        assertEquals(
                before, Files.readAttributes(file, BasicFileAttributes.class).fileKey());
    }

    @Test
    void severalAtOnceGetTheSameCompleteDirectory(@TempDir Path temporary) throws Exception {
        Path jar = jarOf("atlas-clt", temporary.resolve("models.jar"));
        Callable<Long> task =
                () -> sizeOf(BundledModel.directory("atlas-clt", temporary.resolve("cache"), path -> inJar(jar, path)));
        try (var threads = Executors.newFixedThreadPool(4)) {
            for (var size : threads.invokeAll(List.of(task, task, task, task))) {
                assertEquals(BundledModel.size("atlas-clt"), size.get());
            }
        }
    }

    @Test
    void aFileOfTheWrongContentIsRefused(@TempDir Path temporary) throws Exception {
        Path jar = jarOf("atlas-clt", temporary.resolve("models.jar"));
        Path cache = temporary.resolve("cache");
        var e = assertThrows(
                HeadwaterException.class,
                () -> BundledModel.directory(
                        "atlas-clt", cache, path -> inJar(jar, path.replace("W_enc_1", "W_enc_2"))));
        assertTrue(e.getMessage().contains("W_enc_1.safetensors"), e.getMessage());
        try (Stream<Path> left = Files.walk(cache)) {
            assertEquals(0, left.filter(Files::isRegularFile).count(), "nothing half-made is left");
        }
    }

    @Test
    void anUnknownNameListsTheKnownOnes() {
        var e = assertThrows(HeadwaterException.class, () -> BundledModel.directory("atlantis"));
        assertTrue(e.getMessage().contains("atlas, atlas-plt, atlas-clt"), e.getMessage());
    }

    @Test
    void cacheDirectoriesFollowTheEnvironment() {
        String home = System.getProperty("user.home");
        assertEquals(Path.of(home, ".cache/headwater"), CacheDirectory.headwater(Map.of()));
        assertEquals(Path.of("/x/headwater"), CacheDirectory.headwater(Map.of("XDG_CACHE_HOME", "/x")));
        assertEquals(Path.of("/y"), CacheDirectory.headwater(Map.of("XDG_CACHE_HOME", "/x", "HEADWATER_CACHE", "/y")));
        assertEquals(Path.of(home, ".cache/huggingface/hub"), HuggingFaceCache.hub(Map.of("HF_HOME", " ")));
        assertEquals(Path.of("/h/hub"), HuggingFaceCache.hub(Map.of("HF_HOME", "/h")));
        assertEquals(Path.of(home, "c"), HuggingFaceCache.hub(Map.of("HF_HOME", "/h", "HF_HUB_CACHE", "~/c")));
    }

    private static long sizeOf(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    private static Path jarOf(String name, Path jar) throws IOException {
        Path source = BundledModel.directory(name);
        try (OutputStream out = Files.newOutputStream(jar);
                ZipOutputStream zip = new ZipOutputStream(out);
                Stream<Path> files = Files.list(source)) {
            zip.setLevel(0);
            for (Path file : files.toList()) {
                zip.putNextEntry(new ZipEntry(name + "/" + file.getFileName()));
                Files.copy(file, zip);
            }
        }
        return jar;
    }

    private static URL inJar(Path jar, String path) {
        try {
            return URI.create("jar:" + jar.toUri() + "!/" + path).toURL();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }
}
