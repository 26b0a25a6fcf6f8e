package dev.headwater.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.engine.Fuzz;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Mutator;
import dev.headwater.engine.files.MappedFile;
import dev.headwater.engine.weights.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
    /** One tensor [6, 512] of each type in random blocks, and its values by the public Python package. */
    private static final Path TYPES = Path.of("src/test/resources/golden-gguf/types.gguf");

    @TempDir
    Path directory;

    @Test
    void everyTypeIsDecodedToTheBit() {
        try (GgufFile file = GgufFile.open(TYPES);
                SafetensorsFile expected = SafetensorsFile.open(TYPES.resolveSibling("types.safetensors"))) {
            assertEquals(Set.copyOf(expected.names()), file.names());
            assertEquals(GgufType.values().length, file.names().size());
            for (String name : file.names()) {
                assertArrayEquals(new long[] {6, 512}, file.shape(name), name);
                assertEquals(name, file.type(name).name());
                assertBits(name, expected.floats(name), file.floats(name));
            }
            assertEquals(Optional.of(DType.BF16), file.mappedType("BF16"));
            assertEquals(Optional.empty(), file.mappedType("Q4_K"));
            assertTrue(GgufFile.isGguf(TYPES));
            assertFalse(GgufFile.isGguf(TYPES.resolveSibling("types.safetensors")));
        }
    }

    private static void assertBits(String name, float[] expected, float[] actual) {
        assertEquals(expected.length, actual.length, name);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(
                    Float.floatToRawIntBits(expected[i]), Float.floatToRawIntBits(actual[i]), name + " number " + i);
        }
    }

    /** What converters for big-endian machines write: all numbers turned round, the 16-bit ones inside blocks too. */
    @Test
    void bigEndianFilesHoldTheSame() {
        RawGguf turned = new RawGguf(ByteOrder.BIG_ENDIAN)
                .with("general.architecture", "llama")
                .with("llama.block_count", 7)
                .with("x", new int[] {1, -2});
        try (GgufFile little = GgufFile.open(TYPES)) {
            for (String name : little.names()) {
                byte[] data = little.data(name).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
                GgufType type = little.type(name);
                for (int block = 0; block < data.length; block += type.bytes()) {
                    if (type.isPlain()) {
                        for (int i = 0; i < type.bytes() / 2; i++) {
                            swap(data, block + i, block + type.bytes() - 1 - i);
                        }
                    }
                    for (int half : type.halves()) {
                        swap(data, block + half, block + half + 1);
                    }
                }
                turned.tensor(
                        name,
                        Arrays.asList(0, 1, 30, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 39)
                                .get(type.ordinal()),
                        data,
                        6,
                        512);
            }
            try (GgufFile big = GgufFile.open(turned.write(directory.resolve("big")))) {
                assertEquals(7, big.metadata().integer("llama.block_count"));
                assertEquals(List.of(1L, -2L), big.metadata().integers("x"));
                assertEquals(Optional.empty(), big.mappedType("F32"));
                for (String name : little.names()) {
                    assertBits(name, little.floats(name), big.floats(name));
                }
            }
        }
    }

    private static void swap(byte[] data, int a, int b) {
        byte first = data[a];
        data[a] = data[b];
        data[b] = first;
    }

    @Test
    void readsMetadataOfEveryKind() {
        Path path = new RawGguf()
                .version(2)
                .alignment(64)
                .with("text", "ü")
                .with("count", 3)
                .with("long", 1L << 40)
                .with("number", 0.5f)
                .with("flag", true)
                .with("texts", new String[] {"a", ""})
                .with("numbers", new float[] {1, 2})
                .floats("a", new float[] {1, 2}, 2)
                .floats("b", new float[] {3}, 1, 1)
                .write(directory.resolve("sha256-0123"));
        try (GgufFile file = GgufFile.open(path)) {
            GgufMetadata metadata = file.metadata();
            assertEquals("ü", metadata.text("text"));
            assertEquals(3, metadata.integer("count"));
            assertEquals(1L << 40, metadata.integer("long"));
            assertEquals(0.5, metadata.number("number"));
            assertTrue(metadata.flag("flag", false));
            assertEquals(List.of("a", ""), metadata.texts("texts"));
            assertEquals(List.of(1.0, 2.0), metadata.numbers("numbers"));
            assertEquals(List.of("a", "b"), List.copyOf(file.names()));
            assertArrayEquals(new float[] {3}, file.floats("b"));
            assertEquals(
                    path + ": 'text' is not a whole number",
                    assertThrows(HeadwaterException.class, () -> metadata.integer("text"))
                            .getMessage());
            assertEquals(
                    path + ": 'other' is missing",
                    assertThrows(HeadwaterException.class, () -> metadata.text("other"))
                            .getMessage());
        }
    }

    private Path part(int part, int of, int tensors, String name) {
        RawGguf raw = new RawGguf()
                .with("split.no", part - 1)
                .with("split.count", of)
                .with("split.tensors.count", tensors)
                .floats(name, new float[] {part}, 1);
        return (part == 1 ? raw.with("general.architecture", "llama") : raw)
                .write(directory.resolve("m-%05d-of-%05d.gguf".formatted(part, of)));
    }

    @Test
    void joinsTheFilesOfASplitModel() throws IOException {
        part(1, 3, 3, "a");
        Path second = part(2, 3, 3, "b");
        Path third = part(3, 3, 3, "c");
        try (GgufFile file = GgufFile.open(second)) {
            assertEquals(List.of("a", "b", "c"), List.copyOf(file.names()));
            assertArrayEquals(new float[] {3}, file.floats("c"));
            assertEquals("llama", file.metadata().text("general.architecture"));
        }
        part(3, 3, 3, "b");
        assertRefused(second, "holds the tensor 'b', which another part of the model holds too");
        part(3, 3, 4, "c");
        part(1, 3, 4, "a");
        assertRefused(second, "says that there are 4 tensors, but the 3 parts hold 3");
        Files.delete(third);
        assertRefused(second, "m-00003-of-00003.gguf is missing beside it");
        Path renamed = Files.move(second, directory.resolve("blob"));
        assertRefused(renamed, "is not named NAME-00001-of-00003.gguf");
    }

    private static void assertRefused(Path path, String part) {
        String message = assertThrows(HeadwaterException.class, () -> {
                    try (GgufFile file = GgufFile.open(path)) {
                        file.names().forEach(file::floats);
                    }
                })
                .getMessage();
        assertTrue(message.contains(part), message);
    }

    private void assertRefused(RawGguf raw, String part) {
        assertRefused(raw.write(directory.resolve("bad.gguf")), part);
    }

    @Test
    void saysWhatIsWrong() throws IOException {
        byte[] sound = Files.readAllBytes(TYPES);
        assertRefused(
                Files.write(directory.resolve("short"), Arrays.copyOf(sound, 20)),
                "is not a GGUF file, or it is cut off");
        assertRefused(
                Files.write(directory.resolve("header"), Arrays.copyOf(sound, 400)), "is cut off: its header goes on");
        assertRefused(
                Files.write(directory.resolve("data"), Arrays.copyOf(sound, sound.length - 40)),
                "is cut off: tensor '");
        assertRefused(new RawGguf().version(4), "is a GGUF file of version 4; Headwater reads versions 2 and 3");
        assertRefused(
                new RawGguf().version(1),
                "is a GGUF file of version 1; Headwater reads versions 2 and 3, so convert it anew");
        assertRefused(
                new RawGguf().tensor("W", 16, new byte[66], 256),
                "Tensor 'W' in " + directory.resolve("bad.gguf")
                        + " is of type IQ2_XXS, which Headwater does not read");
        assertRefused(new RawGguf().tensor("W", 77, new byte[66], 256), "is of type number 77");
        assertRefused(
                new RawGguf().tensor("W", 2, new byte[36], 2, 33),
                "has rows of 33 numbers, which blocks of 32 do not fill");
        assertRefused(
                new RawGguf().tensor("W", 0, new byte[4], 1L << 40, 1L << 40), "tensor 'W' has an impossible shape");
        assertRefused(new RawGguf().tensor("W", 0, new byte[4], -1), "tensor 'W' has an impossible shape");
        assertRefused(new RawGguf().alignment(24), "general.alignment is not a power of two");
        assertRefused(new RawGguf().alignment(0), "general.alignment is not a power of two");
        assertRefused(
                new RawGguf().floats("a", new float[1], 1).floats("a", new float[1], 1), "it has the tensor 'a' twice");
    }

    @Test
    void damagedFiles() throws IOException {
        byte[] sound = new RawGguf()
                .with("general.architecture", "llama")
                .with("general.alignment", 32)
                .with("a.flag", true)
                .with("a.number", 0.5f)
                .with("tokens", new String[] {"a", "bc", ""})
                .with("scores", new float[] {1, 2})
                .with("types", new int[] {1, 3})
                .with("long", 5L)
                .floats("a", new float[] {1, 2, 3, 4}, 2, 2)
                .tensor("b", 2, new byte[18], 32)
                .tensor("c", 12, new byte[144], 1, 256)
                .bytes();
        byte[] big = new RawGguf(ByteOrder.BIG_ENDIAN)
                .with("k", "v")
                .with("l", new int[] {7})
                .floats("a", new float[] {1}, 1)
                .tensor("d", 1, new byte[4], 2)
                .bytes();
        String[] words = {
            "GGUF",
            "\3\0\0\0",
            "\0\0\0\3",
            "\1\0\0\0\0\0\0\0",
            "\0\0\0\0\0\0\0\1",
            "\11\0\0\0\10\0\0\0",
            "\11\0\0\0\11\0\0\0\1\0\0\0\0\0\0\0",
            "\377\377\377\377\377\377\377\377",
            "\0\0\0\0\0\0\0\200",
            "\0\0\0\0\1\0\0\0",
            "general.alignment",
            "split.count",
            "\20\0\0\0",
            "\47\0\0\0"
        };
        Fuzz.run("gguf files", new Mutator(8 + Fuzz.SEED, words), List.of(sound, big), input -> {
            try (GgufFile file =
                    GgufFile.of(new MappedFile(Path.of("fuzzed"), Arena.ofConfined(), MemorySegment.ofArray(input)))) {
                for (String name : file.names()) {
                    try {
                        file.floats(name);
                    } catch (HeadwaterException _) {
                        // The next tensor may still be sound.
                    }
                }
                file.metadata().keys().forEach(key -> file.metadata().has(key));
            }
        });
    }
}
