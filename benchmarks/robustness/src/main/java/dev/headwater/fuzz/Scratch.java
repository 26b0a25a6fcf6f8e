package dev.headwater.fuzz;

import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A directory for the files that readers ask for, in memory where the system has such a file system. */
final class Scratch implements AutoCloseable {
    private static final Path MEMORY = Path.of("/dev/shm");

    private final Path directory;

    Scratch() {
        try {
            directory = Files.isWritable(MEMORY)
                    ? Files.createTempDirectory(MEMORY, "headwater-fuzz")
                    : Files.createTempDirectory("headwater-fuzz");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    Path directory() {
        return directory;
    }

    /** A new file: the one of that name before may still be mapped. */
    Path write(String name, byte[] content) throws IOException {
        Path file = directory.resolve(name);
        Files.deleteIfExists(file);
        return Files.write(file, content);
    }

    Path write(String name, String content) throws IOException {
        return write(name, content.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    /** One input as several files: what lies between bytes 0xff, which no text in UTF-8 has. */
    static List<byte[]> parts(byte[] input, int most) {
        List<byte[]> parts = new ArrayList<>();
        int from = 0;
        for (int i = 0; i <= input.length && parts.size() < most; i++) {
            if (i == input.length || input[i] == (byte) 0xff && parts.size() < most - 1) {
                parts.add(java.util.Arrays.copyOfRange(input, from, i));
                from = i + 1;
            }
        }
        while (parts.size() < most) {
            parts.add(new byte[0]);
        }
        return parts;
    }

    @Override
    public void close() throws IOException {
        Trees.delete(directory);
    }
}
