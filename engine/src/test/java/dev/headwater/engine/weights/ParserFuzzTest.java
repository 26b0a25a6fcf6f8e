package dev.headwater.engine.weights;

import dev.headwater.engine.Fuzz;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Mutator;
import dev.headwater.engine.files.BoundedYaml;
import dev.headwater.engine.files.MappedFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged weight files and what names them, as {@link Fuzz} says. */
class ParserFuzzTest {
    private static final Path NAME = Path.of("fuzzed");

    @TempDir
    Path directory;

    private static void readAll(WeightFile file) {
        for (String name : file.names()) {
            try {
                file.finiteFloats(name);
            } catch (HeadwaterException _) {
                // The next tensor may still be sound.
            }
        }
    }

    private static MappedFile mapped(byte[] input) {
        return new MappedFile(NAME, Arena.ofConfined(), MemorySegment.ofArray(input));
    }

    private static final String HEADER = """
            {"__metadata__":{"format":"pt","note":"a b"},"W":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},
            "b":{"dtype":"BF16","shape":[4],"data_offsets":[16,24]},"n":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},
            "e":{"dtype":"F8_E4M3","shape":[0,3],"data_offsets":[32,32]}}""";

    @Test
    void safetensors() throws IOException {
        String[] words = {
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"W\"",
            "\"b\":",
            "\"dtype\":",
            "\"F64\"",
            "\"F4\"",
            "\"BOOL\"",
            "\"shape\":",
            "[1]",
            "\"data_offsets\":[0,16]",
            "\"__metadata__\":",
            "null",
            "true",
            "-",
            "\\u0000",
            "NaN",
            "\ud83c",
            "[[[[[[[[[["
        };
        // Whole files, and headers whose length is put right again, so that the damage gets past the first check.
        Fuzz.run(
                "safetensors files",
                new Mutator(1 + Fuzz.SEED, words),
                List.of(RawSafetensors.bytes(HEADER, new byte[32])),
                input -> {
                    try (SafetensorsFile file = SafetensorsFile.of(mapped(input))) {
                        readAll(file);
                    }
                });
        Fuzz.run(
                "safetensors headers",
                new Mutator(2 + Fuzz.SEED, words),
                List.of(HEADER.getBytes(StandardCharsets.UTF_8)),
                header -> {
                    byte[] input = ByteBuffer.allocate(8 + header.length + 32)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(header.length)
                            .put(header)
                            .array();
                    try (SafetensorsFile file = SafetensorsFile.of(mapped(input))) {
                        readAll(file);
                    }
                });
    }

    @Test
    void npz() throws IOException {
        byte[] six = RawSafetensors.floats(1, 2, 3, 4, 5, 6);
        byte[] plain = RawNpz.npy(RawNpz.float32("(2, 3)"), six);
        byte[] columns = RawNpz.npy("{'descr': '<f2', 'fortran_order': True, 'shape': (4, 3), }", six);
        byte[] zip = new RawNpz()
                .stored("W_enc.npy", plain, 0)
                .deflated("W_dec.npy", columns)
                .stored("b.npy", columns, 1)
                .deflated("t.npy", plain)
                .bytes();
        String[] words = {
            "PK\3\4",
            "PK\1\2",
            "PK\5\6",
            "PK\6\6",
            "PK\6\7",
            "W_enc.npy",
            "../",
            "\0\0",
            "\377\377\377\377",
            "\1\0\20\0",
            "\223NUMPY\1\0",
            "'descr': '<f8'",
            "'descr': 'F32'",
            "'|O'",
            "True",
            "False",
            "(",
            ")",
            ",",
            "{",
            "}",
            "'shape': ",
            "\10\0"
        };
        Fuzz.Parser parser = input -> {
            try (NpzFile file = NpzFile.of(mapped(input))) {
                readAll(file);
            }
        };
        Fuzz.run("npz archives", new Mutator(3 + Fuzz.SEED, words), List.of(zip, zip64()), parser);
        // Arrays damaged before they are archived, so that the damage gets past the archive's own checks.
        Fuzz.run(
                "npy arrays",
                new Mutator(4 + Fuzz.SEED, words),
                List.of(plain, columns),
                array -> parser.read(new RawNpz()
                        .deflated("W.npy", array)
                        .stored("V.npy", array, 0)
                        .bytes()));
    }

    /** What numpy writes: 64-bit sizes in the local entry; here also in the directory, with the 64-bit end records. */
    private static byte[] zip64() {
        byte[] array = RawNpz.npy(RawNpz.float32("(2,)"), RawSafetensors.floats(1, 2));
        ByteBuffer zip = ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN);
        zip.putInt(0x04034b50)
                .putShort((short) 45)
                .putShort((short) 0)
                .putShort((short) 0)
                .putInt(0)
                .putInt(0)
                .putInt(-1)
                .putInt(-1)
                .putShort((short) 5)
                .putShort((short) 20)
                .put("W.npy".getBytes(StandardCharsets.US_ASCII))
                .putShort((short) 1)
                .putShort((short) 16)
                .putLong(array.length)
                .putLong(array.length)
                .put(array);
        int central = zip.position();
        zip.putInt(0x02014b50)
                .putShort((short) 45)
                .putShort((short) 45)
                .putShort((short) 0)
                .putShort((short) 0)
                .putInt(0)
                .putInt(0)
                .putInt(-1)
                .putInt(-1)
                .putShort((short) 5)
                .putShort((short) 28)
                .putShort((short) 0)
                .putShort((short) 0)
                .putShort((short) 0)
                .putInt(0)
                .putInt(-1)
                .put("W.npy".getBytes(StandardCharsets.US_ASCII))
                .putShort((short) 1)
                .putShort((short) 24)
                .putLong(array.length)
                .putLong(array.length)
                .putLong(0);
        int end = zip.position();
        zip.putInt(0x06064b50)
                .putLong(44)
                .putShort((short) 45)
                .putShort((short) 45)
                .putInt(0)
                .putInt(0)
                .putLong(1)
                .putLong(1)
                .putLong(end - central)
                .putLong(central);
        zip.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
        zip.putInt(0x06054b50)
                .putShort((short) 0)
                .putShort((short) 0)
                .putShort((short) -1)
                .putShort((short) -1)
                .putInt(-1)
                .putInt(-1)
                .putShort((short) 0);
        return Arrays.copyOf(zip.array(), zip.position());
    }

    @Test
    void shardIndex() throws IOException {
        RawSafetensors.vectors(directory.resolve("model-1.safetensors"), 1, "a", "b");
        RawSafetensors.vectors(directory.resolve("model-2.safetensors"), 1, "c");
        String index =
                "{\"metadata\":{\"total_size\":12},\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-1.safetensors\",\"c\":\"model-2.safetensors\"}}";
        Path file = directory.resolve("model.safetensors.index.json");
        String[] words = {
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "../",
            "/",
            "\\u0000",
            "\"weight_map\":",
            "model-2",
            "\"c\":",
            "null",
            "{\"a\":{\"a\":",
            "\377"
        };
        Fuzz.run(
                "shard indexes",
                new Mutator(5 + Fuzz.SEED, words),
                List.of(index.getBytes(StandardCharsets.UTF_8)),
                input -> {
                    Files.deleteIfExists(
                            file); // Some file systems make overwriting a hundred times slower than creating.
                    Files.write(file, input);
                    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
                        readAll(checkpoint);
                    }
                });
    }

    @Test
    void yaml() throws IOException {
        String config = """
                model_name: google/gemma-2-2b   # comment
                model_kind: "transcoder_set"
                transcoders: &t
                - hf://org/repo/layer_0/params.npz?revision=main
                - {path: 'b', k: [1, 2.5, 0x1f]}
                again: *t
                k: 16
                text: |
                  two
                  lines
                """;
        String[] words = {
            "{",
            "}",
            "[",
            "]",
            ", ",
            ": ",
            "- ",
            "\n",
            "\n  ",
            "\t",
            "&t ",
            "*t",
            "!!int ",
            "!<x> ",
            "? ",
            "| ",
            ">\n",
            "%YAML 1.1\n",
            "---\n",
            "...\n",
            "'",
            "\"",
            "#",
            "<<: *t\n",
            "~",
            ".inf",
            "1e999",
            "\\x",
            "@",
            "`",
            "\0",
            "\357\273\277",
            "[[[[[[[[[[[["
        };
        Fuzz.run(
                "yaml",
                new Mutator(6 + Fuzz.SEED, words),
                List.of(config.getBytes(StandardCharsets.UTF_8)),
                input -> BoundedYaml.parse(new String(input, StandardCharsets.UTF_8), "config.yaml"));
    }
}
