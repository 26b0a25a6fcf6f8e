package dev.headwater.engine.weights;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.BoundedYaml;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One row for each way in which a file can lie, with the part of the error that names it. */
class HostileFilesTest {
    @TempDir
    Path directory;

    record Case(String name, String file, byte[] content, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    @ParameterizedTest
    @MethodSource({"safetensors", "npz", "json", "yaml"})
    void givesOneClearError(Case hostile) throws IOException {
        Path file = Files.write(directory.resolve(hostile.file()), hostile.content());
        String message = assertThrows(HeadwaterException.class, () -> readAll(file), hostile.name())
                .getMessage();
        assertTrue(message.contains(hostile.message()), () -> hostile.name() + ": " + message);
        assertTrue(message.contains(file.toString()), () -> "the file is named: " + message);
        assertFalse(message.chars().anyMatch(Character::isISOControl), () -> "one line: " + message);
        assertTrue(message.length() < 600, () -> "short: " + message.length());
    }

    static void readAll(Path file) {
        String name = file.getFileName().toString();
        if (name.endsWith(".index.json")) {
            Checkpoint.open(file.getParent()).close();
        } else if (name.endsWith(".json")) {
            BoundedJson.read(file);
        } else if (name.endsWith(".yaml")) {
            BoundedYaml.read(file);
        } else {
            try (WeightFile weights = name.endsWith(".npz") ? NpzFile.open(file) : SafetensorsFile.open(file)) {
                weights.names().forEach(weights::finiteFloats);
            }
        }
    }

    private static Case header(String name, String header, int dataBytes, String message) {
        return new Case(
                "safetensors: " + name, "a.safetensors", RawSafetensors.bytes(header, new byte[dataBytes]), message);
    }

    private static Case prefix(String name, long length, int rest, String message) {
        byte[] content = ByteBuffer.allocate(8 + rest)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array();
        return new Case("safetensors: " + name, "a.safetensors", content, message);
    }

    private static String tensor(String name, String type, String shape, String offsets) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}".formatted(name, type, shape, offsets);
    }

    private static String one(String type, String shape, String offsets) {
        return "{" + tensor("W", type, shape, offsets) + "}";
    }

    static Stream<Case> safetensors() {
        byte[] whole = RawSafetensors.bytes(one("F32", "[2]", "[0,8]"), new byte[8]);
        return Stream.of(
                new Case(
                        "safetensors: empty",
                        "a.safetensors",
                        new byte[0],
                        "it has 0 bytes; the download may be incomplete"),
                new Case("safetensors: seven bytes", "a.safetensors", new byte[7], "it has 7 bytes"),
                new Case(
                        "safetensors: truncated data",
                        "a.safetensors",
                        Arrays.copyOf(whole, whole.length - 1),
                        "should be at bytes 0 to 8 of the data, which has 7 bytes; the file may be truncated"),
                new Case(
                        "safetensors: truncated header",
                        "a.safetensors",
                        Arrays.copyOf(whole, 30),
                        "is truncated: its header should be 54 bytes long, the whole file has 30"),
                new Case(
                        "safetensors: git pointer",
                        "a.safetensors",
                        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n".getBytes(StandardCharsets.UTF_8),
                        "is a git LFS pointer"),
                new Case(
                        "safetensors: NaN weights",
                        "a.safetensors",
                        RawSafetensors.bytes(one("F32", "[2]", "[0,8]"), RawSafetensors.floats(1, Float.NaN)),
                        "Tensor 'W'"),
                new Case(
                        "safetensors: NaN weights counted",
                        "a.safetensors",
                        RawSafetensors.bytes(
                                one("BF16", "[3]", "[0,6]"),
                                (byte) 0xc0,
                                (byte) 0x7f,
                                (byte) 0,
                                (byte) 0,
                                (byte) 0x80,
                                (byte) 0xff),
                        "holds 2 values of 3 that are NaN or infinite (the first at element 0)"),
                prefix("header longer than the file", 1000, 100, "is truncated: its header should be 1000 bytes long"),
                prefix(
                        "header beyond the limit",
                        100_000_001,
                        100,
                        "would be 100000001 bytes long, and 100000000 is the limit"),
                prefix("negative header length", -1, 100, "would be 18446744073709551615 bytes long"),
                prefix("smallest header length", Long.MIN_VALUE, 100, "would be 9223372036854775808 bytes long"),
                prefix("no header", 0, 0, "its header is not a JSON object"),
                header("header is a list", "[]", 0, "its header is not a JSON object"),
                header("header starts with blanks", "  {}", 0, "its header is not a JSON object"),
                header(
                        "header is cut",
                        "{\"W\":{\"dtype\"",
                        0,
                        "has a damaged header: not valid JSON (line 1, column 14)"),
                header("two objects", "{}{}", 0, "something follows its header's JSON object"),
                header("header is no UTF-8", "{\"W\udc00\":1}", 0, "its entry for tensor 'W?' is not an object"),
                header(
                        "deep JSON",
                        "{\"W\":{\"shape\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}}",
                        0,
                        "contains [, which is not a size"),
                header("unknown field", "{\"W\":{\"x\":{}}}", 0, "its entry for tensor 'W' has the unknown field 'x'"),
                header(
                        "a hundred thousand metadata entries",
                        "{\"__metadata__\":{\"a\":\"\""
                                + IntStream.range(0, 100_000)
                                        .mapToObj(i -> ",\"" + i + "\":\"\"")
                                        .collect(Collectors.joining())
                                + "}}",
                        0,
                        "has more than 65536 entries"),
                header("entry is a number", "{\"W\":1}", 0, "its entry for tensor 'W' is not an object"),
                header("metadata is a list", "{\"__metadata__\":[]}", 0, "its __metadata__ is not an object"),
                header(
                        "metadata holds a number",
                        "{\"__metadata__\":{\"a\":1}}",
                        0,
                        "its __metadata__ entry 'a' is not a text"),
                header(
                        "no dtype",
                        "{\"W\":{\"shape\":[1],\"data_offsets\":[0,4]}}",
                        4,
                        "needs a dtype, a shape and two data_offsets"),
                header(
                        "no shape",
                        "{\"W\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}",
                        4,
                        "needs a dtype, a shape and two data_offsets"),
                header("one offset", one("F32", "[1]", "[0]"), 4, "needs a dtype, a shape and two data_offsets"),
                header("three offsets", one("F32", "[1]", "[0,4,4]"), 4, "needs a dtype, a shape and two data_offsets"),
                header("unknown dtype", one("F33", "[1]", "[0,4]"), 4, "tensor 'W' has the unknown element type 'F33'"),
                header(
                        "dtype that is not read",
                        one("F8_E4M3", "[4]", "[0,4]"),
                        4,
                        "has element type F8_E4M3, which Headwater does not read"),
                header(
                        "integers where floats are needed",
                        one("I32", "[1]", "[0,4]"),
                        4,
                        "holds I32, but floating-point numbers are needed here"),
                header(
                        "duplicate name",
                        "{" + tensor("W", "F32", "[1]", "[0,4]") + "," + tensor("W", "F32", "[1]", "[4,8]") + "}",
                        8,
                        "Duplicate field 'W'"),
                header(
                        "duplicate key in an entry",
                        "{\"W\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        4,
                        "Duplicate field 'dtype'"),
                header(
                        "negative shape",
                        one("F32", "[-1]", "[0,4]"),
                        4,
                        "the shape of tensor 'W' contains -1, which is not a size"),
                header("two negative sizes", one("F32", "[-1,-1]", "[0,4]"), 4, "contains -1, which is not a size"),
                header("fractional shape", one("F32", "[1.0]", "[0,4]"), 4, "contains 1.0, which is not a size"),
                header(
                        "shape beyond 64 bits",
                        one("F32", "[18446744073709551617]", "[0,4]"),
                        4,
                        "contains 18446744073709551617, which is not a size"),
                header(
                        "shape of a thousand digits",
                        one("F32", "[" + "9".repeat(1000) + "]", "[0,4]"),
                        4,
                        "Number value length"),
                header(
                        "shape overflows to its size",
                        one("F32", "[4294967296,4294967296,1]", "[0,0]"),
                        0,
                        "cannot take 0 bytes"),
                header(
                        "huge shape",
                        one("F32", "[1000000,1000000]", "[0,4]"),
                        4,
                        "of type F32 and shape [1000000, 1000000] cannot take 4 bytes"),
                header("nested shape", one("F32", "[[1]]", "[0,4]"), 4, "contains [, which is not a size"),
                header("shape is a text", one("F32", "\"[1]\"", "[0,4]"), 4, "the shape of tensor 'W' is not a list"),
                header(
                        "sixty-five dimensions",
                        one("F32", Arrays.toString(new int[65]), "[0,0]"),
                        0,
                        "has more than 64 entries"),
                header("reversed offsets", one("F32", "[1]", "[4,0]"), 4, "should be at bytes 4 to 0"),
                header("negative offset", one("F32", "[1]", "[-4,0]"), 4, "the data_offsets of tensor 'W' contains -4"),
                header(
                        "offset out of range",
                        one("F32", "[1]", "[4,8]"),
                        4,
                        "should be at bytes 4 to 8 of the data, which has 4 bytes"),
                header(
                        "huge offset",
                        one("F32", "[1]", "[9223372036854775800,9223372036854775804]"),
                        4,
                        "of the data, which has 4 bytes"),
                header("wrong length", one("F32", "[2]", "[0,4]"), 4, "cannot take 4 bytes"),
                header("half a byte", one("F4", "[1]", "[0,1]"), 1, "cannot take 1 bytes"),
                header(
                        "overlapping data",
                        "{" + tensor("V", "F32", "[2]", "[0,8]") + "," + tensor("W", "F32", "[2]", "[4,12]") + "}",
                        12,
                        "the data of tensor 'W' overlaps that of another"),
                header(
                        "the same data twice",
                        "{" + tensor("V", "F32", "[2]", "[0,8]") + "," + tensor("W", "F32", "[2]", "[0,8]") + "}",
                        8,
                        "overlaps that of another"),
                header(
                        "hole between tensors",
                        "{" + tensor("V", "F32", "[1]", "[0,4]") + "," + tensor("W", "F32", "[1]", "[8,12]") + "}",
                        12,
                        "4 bytes belong to none"),
                header("hole before the first", one("F32", "[1]", "[4,8]"), 8, "4 bytes belong to none"),
                header("data after the last", one("F32", "[1]", "[0,4]"), 12, "8 bytes at its end belong to no tensor"),
                header(
                        "name that steers the terminal",
                        "{\"\\u001b[2J\\n\":{}}",
                        0,
                        "a tensor's name is too long or not plain text: '?[2J?'"),
                header(
                        "name of two thousand characters",
                        "{\"" + "x".repeat(2000) + "\":{}}",
                        0,
                        "a tensor's name is too long"),
                header("name of a megabyte", "{\"" + "x".repeat(1 << 20) + "\":1}", 0, "Name length"));
    }

    private static Case npz(String name, byte[] content, String message) {
        return new Case("npz: " + name, "params.npz", content, message);
    }

    private static byte[] npz(String header, byte... elements) {
        return npz(RawNpz.npy(header, elements));
    }

    private static byte[] npz(byte[] array) {
        try {
            return new RawNpz().deflated("W.npy", array).bytes();
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static byte[] member(String name) {
        try {
            return new RawNpz()
                    .deflated(name, RawNpz.npy(RawNpz.float32("(1,)"), new byte[4]))
                    .bytes();
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** A sound archive with some bytes of its (only) central entry, or of its end record, replaced. */
    private static byte[] patched(int signature, int offset, int... replacement) {
        byte[] zip = npz(RawNpz.float32("(2,)"), RawSafetensors.floats(1, 2));
        ByteBuffer buffer = ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN);
        int at = zip.length - 4;
        while (buffer.getInt(at) != signature) {
            at--;
        }
        for (int i = 0; i < replacement.length; i++) {
            zip[at + offset + i] = (byte) replacement[i];
        }
        return zip;
    }

    /** 70 MB of zeros in 70 kB, with an honest header. */
    private static byte[] bomb() {
        return npz(RawNpz.float32("(18000000,)"), new byte[72_000_000]);
    }

    /** Two entries that share one member's bytes. */
    private static byte[] overlapping() throws IOException {
        byte[] zip = new RawNpz()
                .deflated("A.npy", RawNpz.npy(RawNpz.float32("(1,)"), new byte[4]))
                .deflated("B.npy", RawNpz.npy(RawNpz.float32("(1,)"), new byte[4]))
                .bytes();
        ByteBuffer buffer = ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN);
        int second = zip.length - 4;
        while (buffer.getInt(second) != 0x02014b50) {
            second--;
        }
        int local = buffer.getInt(second + 42);
        int first = second - 46 - 5;
        int swollen = local - buffer.getInt(first + 42) - 30 - 5 + 8;
        return buffer.putInt(first + 20, swollen).array();
    }

    private static byte[] duplicate() throws IOException {
        byte[] zip = new RawNpz()
                .deflated("A.npy", RawNpz.npy(RawNpz.float32("(1,)"), new byte[4]))
                .deflated("B.npy", RawNpz.npy(RawNpz.float32("(1,)"), new byte[4]))
                .bytes();
        for (int i = 0; i < zip.length - 5; i++) {
            if (zip[i] == 'B' && zip[i + 1] == '.' && zip[i + 2] == 'n') {
                zip[i] = 'A';
            }
        }
        return zip;
    }

    private static byte[] trailing() throws IOException {
        byte[] array = RawNpz.npy(RawNpz.float32("(1,)"), new byte[4]);
        byte[] zip = npz(array);
        ByteArrayOutputStream longer = new ByteArrayOutputStream();
        try (DeflaterOutputStream out = new DeflaterOutputStream(longer, new Deflater(9, true))) {
            out.write(Arrays.copyOf(array, array.length + 1000));
        }
        byte[] data = longer.toByteArray();
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN);
        int end = zip.length - 22;
        int central = buffer.getInt(end + 16);
        buffer.putInt(central + 20, data.length);
        buffer.putInt(end + 16, 35 + data.length);
        file.write(zip, 0, 35);
        file.write(data);
        file.write(zip, central, zip.length - central);
        return file.toByteArray();
    }

    static Stream<Case> npz() throws IOException {
        int central = 0x02014b50;
        int end = 0x06054b50;
        byte[] sound = npz(RawNpz.float32("(2,)"), new byte[8]);
        return Stream.of(
                npz("empty", new byte[0], "is not a zip archive, or is truncated"),
                npz("truncated", Arrays.copyOf(sound, sound.length - 1), "is not a zip archive, or is truncated"),
                npz("head cut off", Arrays.copyOfRange(sound, 10, sound.length), "damaged zip directory"),
                npz("trailing bytes", Arrays.copyOf(sound, sound.length + 1), "is not a zip archive, or is truncated"),
                npz("directory out of range", patched(end, 16, 0xff, 0xff, 0xff, 0x7f), "damaged zip directory"),
                npz("directory too long", patched(end, 12, 0xff, 0xff), "damaged zip directory"),
                npz("more members than there are", patched(end, 10, 9), "damaged zip directory"),
                npz("fewer members than there are", patched(end, 10, 0), "damaged zip directory"),
                npz("traversal", member("../../evil.npy"), "has a member with the unsafe name '../../evil.npy'"),
                npz("absolute name", member("/etc/evil.npy"), "unsafe name '/etc/evil.npy'"),
                npz("backslash name", member("..\\evil.npy"), "unsafe name '..\\evil.npy'"),
                npz("name that steers the terminal", member("\u001b[2J.npy"), "unsafe name '?[2J.npy'"),
                npz("pickle", member("data.pkl"), "holds 'data.pkl', which is not an array"),
                npz("nameless", member(".npy"), "holds '.npy', which is not an array"),
                npz("duplicate names", duplicate(), "has two members named 'A.npy'"),
                npz("overlapping members", overlapping(), "overlap, as in a zip bomb"),
                npz("encrypted", patched(central, 8, 1), "has the encrypted member 'W.npy'"),
                npz(
                        "unknown method",
                        patched(central, 10, 12),
                        "compressed by method 12, which Headwater does not read"),
                npz(
                        "member out of range",
                        patched(central, 42, 0xff, 0xff, 0xff, 0x0f),
                        "has a damaged zip entry for 'W.npy'"),
                npz(
                        "compressed size out of range",
                        patched(central, 20, 0xff, 0xff, 0xff, 0x0f),
                        "has a damaged zip entry for 'W.npy'"),
                npz(
                        "impossible ratio",
                        patched(central, 24, 0xff, 0xff, 0xff, 0x7f),
                        "cannot be 2147483647 bytes made from"),
                npz("wrong checksum", patched(central, 16, 1, 2, 3, 4), "The compressed data of 'W' in"),
                npz("more data than declared", trailing(), "The compressed data of 'W' in"),
                npz("zip bomb", bomb(), "as in a zip bomb"),
                npz(
                        "no array",
                        npz("hello, world".getBytes(StandardCharsets.US_ASCII)),
                        "holds 'W', which is not a numpy array"),
                npz("empty array file", npz(new byte[0]), "is not a numpy array"),
                npz("unknown version", npz(RawNpz.npy(9, RawNpz.float32("(1,)"), new byte[4])), "has version 9"),
                npz(
                        "header too long",
                        npz(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, -1, -1, -1, -1}),
                        "has a header longer than the array"),
                npz("header cut", npz("{'descr': '<f4'"), "has a damaged header"),
                npz(
                        "code in the header",
                        npz(
                                "{'descr': __import__('os').system('x'), 'fortran_order': False, 'shape': (1,), }",
                                new byte[4]),
                        "has a damaged header or holds records"),
                npz(
                        "records",
                        npz("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new byte[4]),
                        "has a damaged header or holds records"),
                npz(
                        "duplicate key",
                        npz("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new byte[4]),
                        "has a damaged header"),
                npz("missing key", npz("{'descr': '<f4', 'shape': (1,), }", new byte[4]), "has a header other than"),
                npz(
                        "swapped values",
                        npz("{'descr': True, 'fortran_order': '<f4', 'shape': (1,), }", new byte[4]),
                        "has a damaged header"),
                npz(
                        "pickled objects",
                        npz("{'descr': '|O', 'fortran_order': False, 'shape': (), }", new byte[4]),
                        "has element type |O, which Headwater does not read"),
                npz(
                        "a type by safetensors' name",
                        npz("{'descr': 'F32', 'fortran_order': False, 'shape': (4096, 48), }", new byte[64]),
                        "has the type 'F32', which is none of numpy's"),
                npz(
                        "big-endian",
                        npz("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", new byte[4]),
                        "is big-endian (>f4)"),
                npz("negative shape", npz(RawNpz.float32("(-1,)"), new byte[4]), "has a damaged header"),
                npz(
                        "shape beyond 64 bits",
                        npz(RawNpz.float32("(99999999999999999999,)"), new byte[4]),
                        "has an impossible shape"),
                npz("shape overflows", npz(RawNpz.float32("(4294967296, 4294967296)")), "has an impossible shape"),
                npz(
                        "shape too large",
                        npz(RawNpz.float32("(3,)"), new byte[8]),
                        "whose shape asks for 12 bytes, but it has 8"),
                npz(
                        "shape too small",
                        npz(RawNpz.float32("(1,)"), new byte[8]),
                        "whose shape asks for 4 bytes, but it has 8"),
                npz(
                        "NaN weights",
                        npz(RawNpz.float32("(2,)"), RawSafetensors.floats(Float.NaN, 1)),
                        "holds 1 values of 2 that are NaN"));
    }

    private static Case json(String name, String text, String message) {
        return new Case("json: " + name, "config.json", text.getBytes(StandardCharsets.UTF_8), message);
    }

    private static Case index(String name, String text, String message) {
        return new Case(
                "index: " + name, "model.safetensors.index.json", text.getBytes(StandardCharsets.UTF_8), message);
    }

    static Stream<Case> json() {
        return Stream.of(
                json("empty", "", "holds no JSON object"),
                json("list", "[1]", "holds no JSON object"),
                json("cut", "{\"a\":", "is not valid JSON (line 1"),
                json("deep", "[".repeat(100_000), "nesting depth"),
                json("duplicate key", "{\"a\":1,\"a\":2}", "Duplicate field 'a'"),
                json("number of a million digits", "{\"a\":" + "1".repeat(1_000_000) + "}", "Number value length"),
                json("something after it", "{} x", "is not valid JSON"),
                json("too large", "{\"a\":\"" + "x".repeat(17 << 20) + "\"}", "is too large to be read as JSON"),
                index("no weight_map", "{}", "has no weight_map object"),
                index(
                        "traversal",
                        "{\"weight_map\":{\"a\":\"../a.safetensors\"}}",
                        "which is not the plain name of a safetensors file"),
                index(
                        "pickle",
                        "{\"weight_map\":{\"a\":\"pytorch_model-00001-of-00002.bin\"}}",
                        "which is not the plain name of a safetensors file"),
                index(
                        "missing shard",
                        "{\"weight_map\":{\"a\":\"a-1.safetensors\"}}",
                        "which is missing; the download may be incomplete"),
                index("deep", "{\"weight_map\":" + "{\"a\":".repeat(1000), "nesting depth"));
    }

    private static Case yaml(String name, String text, String message) {
        return new Case("yaml: " + name, "config.yaml", text.getBytes(StandardCharsets.UTF_8), message);
    }

    static Stream<Case> yaml() {
        StringBuilder laughs = new StringBuilder("a0: &a0 [lol, lol]\n");
        for (int i = 1; i < 30; i++) {
            laughs.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
        }
        return Stream.of(
                yaml("empty", "", "holds no YAML mapping"),
                yaml("list", "- a\n- b\n", "holds no YAML mapping"),
                yaml("text", "hello", "holds no YAML mapping"),
                yaml("two documents", "a: 1\n---\nb: 2\n", "is not valid YAML"),
                yaml("malformed", "a: [1, 2\nb: }", "is not valid YAML (line 2)"),
                yaml("tab", "a:\n\t- b", "is not valid YAML (line 2)"),
                yaml("billion laughs", laughs.toString(), "it uses more than 8 aliases"),
                yaml("endless alias", "a: &a [*a]\n", "its aliases nest more than 32 deep"),
                yaml("unknown anchor", "a: *b\n", "is not valid YAML"),
                yaml("constructor tag", "a: !!javax.script.ScriptEngineManager [x]\n", "is not plain data"),
                yaml(
                        "python tag",
                        "a: !!python/object/apply:os.system ['x']\n",
                        "the tag tag:yaml.org,2002:python/object/apply:os.system is not plain data"),
                yaml("local tag", "a: !env HOME\n", "is refused (line 1): the tag !env is not plain data"),
                yaml("deep flow", "a: " + "[".repeat(100_000), "nested more than 32 deep"),
                yaml(
                        "deep block",
                        "a:\n"
                                + Stream.iterate(1, i -> i + 1)
                                        .limit(200)
                                        .map(i -> " ".repeat(i) + "a:\n")
                                        .reduce("", String::concat),
                        "nested more than 32 deep"),
                yaml("duplicate key", "a: 1\na: 2\n", "is not valid YAML"),
                yaml("duplicate key in two spellings", "1: a\n'1': b\n", "has the key '1' twice"),
                yaml("null key", "~: a\n", "has a key that is not a text"),
                yaml("collection as key", "? [a]\n: b\n", "has a key that is not a text"),
                yaml(
                        "number of a million digits",
                        "k: " + "1".repeat(1_000_000),
                        "is refused (line 1): a number has 1000000 digits"),
                yaml("too long", "k: \"" + "x".repeat(2_000_000) + "\"", "is not valid YAML"),
                yaml("too large", "k: \"" + "x".repeat(5_000_000) + "\"", "is too large to be read as YAML"),
                new Case(
                        "yaml: no UTF-8",
                        "config.yaml",
                        new byte[] {'a', ':', ' ', (byte) 0xff, (byte) 0xfe},
                        "it is not UTF-8 text"),
                new Case(
                        "yaml: control characters",
                        "config.yaml",
                        new byte[] {'a', ':', ' ', 0, 1},
                        "is not valid YAML"));
    }
}
