package dev.headwater.engine.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    @TempDir
    Path directory;

    private static final List<TensorInfo> TENSORS = List.of(
            TensorInfo.of("flags", DType.BOOL, 3),
            TensorInfo.of("W", DType.F32, 2, 3),
            TensorInfo.of("ids", DType.I64, 2),
            TensorInfo.of("none", DType.BF16, 0, 5),
            TensorInfo.of("one", DType.F32));

    private static void writeAll(Path target, Map<String, String> metadata) {
        try (SafetensorsWriter out = SafetensorsWriter.create(target, TENSORS, metadata);
                Arena arena = Arena.ofConfined()) {
            out.write("W", new float[] {1, 2});
            out.write("flags", MemorySegment.ofArray(new byte[] {1, 0, 1}));
            out.write("W", arena.allocateFrom(ValueLayout.JAVA_FLOAT, 3, 4, 5, 6));
            out.write("one", new float[] {7});
            out.write("ids", new long[] {-1, 1L << 40});
            out.commit();
        }
    }

    @Test
    void whatIsWrittenIsRead() {
        Path target = directory.resolve("a.safetensors");
        Map<String, String> metadata = Map.of("prompt", "\"Fact\":\n\u00fc \ud83c\udf0a", "a", "");
        writeAll(target, metadata);
        try (SafetensorsFile file = SafetensorsFile.open(target)) {
            assertEquals(List.of("ids", "W", "one", "none", "flags"), List.copyOf(file.names()));
            assertEquals(metadata, file.metadata());
            TENSORS.forEach(info -> assertEquals(info, file.info(info.name())));
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, file.floats("W"));
            assertArrayEquals(new float[] {7}, file.floats("one"));
            assertArrayEquals(new long[] {-1, 1L << 40}, file.data("ids").toArray(ValueLayout.JAVA_LONG));
            assertArrayEquals(new byte[] {1, 0, 1}, file.data("flags").toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void theSameContentGivesTheSameBytes() throws IOException {
        Map<String, String> metadata = new java.util.HashMap<>();
        for (int i = 0; i < 50; i++) {
            metadata.put("key " + i, "value");
        }
        writeAll(directory.resolve("a"), metadata);
        writeAll(directory.resolve("b"), new java.util.LinkedHashMap<>(metadata));
        byte[] bytes = Files.readAllBytes(directory.resolve("a"));
        assertArrayEquals(bytes, Files.readAllBytes(directory.resolve("b")));
        assertEquals(0, bytes[0] % 8, "the header is padded to 8 bytes");
    }

    @Test
    void nothingIsLeftOfAFileThatIsNotFinished() throws IOException {
        Path target = Files.writeString(directory.resolve("a.safetensors"), "old");
        String message = assertThrows(HeadwaterException.class, () -> {
                    try (SafetensorsWriter out = SafetensorsWriter.create(target, TENSORS, Map.of())) {
                        out.write("W", new float[5]);
                        out.commit();
                    }
                })
                .getMessage();
        assertTrue(message.matches("Cannot write .*: tensor '\\w+' lacks \\d+ bytes"), message);
        assertEquals("old", Files.readString(target));
        try (var files = Files.list(directory)) {
            assertEquals(List.of(target), files.toList());
        }
    }

    @Test
    void refusesWhatWasNotDeclared() {
        try (SafetensorsWriter out = SafetensorsWriter.create(directory.resolve("a"), TENSORS, Map.of())) {
            assertThrows(HeadwaterException.class, () -> out.write("X", new float[1]));
            assertThrows(HeadwaterException.class, () -> out.write("ids", new float[2]));
            assertThrows(HeadwaterException.class, () -> out.write("W", new float[7]));
        }
        var twice = List.of(TensorInfo.of("a", DType.F32, 1), TensorInfo.of("a", DType.F32, 1));
        assertThrows(HeadwaterException.class, () -> SafetensorsWriter.create(directory.resolve("a"), twice, Map.of()));
        assertThrows(HeadwaterException.class, () -> TensorInfo.of("a", DType.F32, 1L << 40, 1L << 40));
        assertThrows(HeadwaterException.class, () -> TensorInfo.of("a", DType.F32, -1));
    }

    @Test
    void saysWhyAFileCannotBeWritten() {
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> SafetensorsWriter.create(directory.resolve("nowhere/a"), TENSORS, Map.of()))
                .getMessage();
        assertTrue(message.endsWith("its directory does not exist"), message);
        message = assertThrows(HeadwaterException.class, () -> SafetensorsWriter.create(directory, TENSORS, Map.of()))
                .getMessage();
        assertTrue(message.endsWith("it is a directory"), message);
    }
}
