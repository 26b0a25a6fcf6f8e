package dev.headwater.engine.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Ways in which a safetensors file can lie. */
final class HostileSafetensors {
    private HostileSafetensors() {}

    private static HostileFilesTest.Case header(String name, String header, int dataBytes, String message) {
        return new HostileFilesTest.Case(
                "safetensors: " + name, "a.safetensors", RawSafetensors.bytes(header, new byte[dataBytes]), message);
    }

    private static HostileFilesTest.Case prefix(String name, long length, int rest, String message) {
        byte[] content = ByteBuffer.allocate(8 + rest)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array();
        return new HostileFilesTest.Case("safetensors: " + name, "a.safetensors", content, message);
    }

    private static String tensor(String name, String type, String shape, String offsets) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}".formatted(name, type, shape, offsets);
    }

    private static String one(String type, String shape, String offsets) {
        return "{" + tensor("W", type, shape, offsets) + "}";
    }

    static Stream<HostileFilesTest.Case> safetensors() {
        byte[] whole = RawSafetensors.bytes(one("F32", "[2]", "[0,8]"), new byte[8]);
        return Stream.of(
                new HostileFilesTest.Case(
                        "safetensors: empty",
                        "a.safetensors",
                        new byte[0],
                        "it has 0 bytes; the download may be incomplete"),
                new HostileFilesTest.Case("safetensors: seven bytes", "a.safetensors", new byte[7], "it has 7 bytes"),
                new HostileFilesTest.Case(
                        "safetensors: truncated data",
                        "a.safetensors",
                        Arrays.copyOf(whole, whole.length - 1),
                        "should be at bytes 0 to 8 of the data, which has 7 bytes; the file may be truncated"),
                new HostileFilesTest.Case(
                        "safetensors: truncated header",
                        "a.safetensors",
                        Arrays.copyOf(whole, 30),
                        "is truncated: its header should be 54 bytes long, the whole file has 30"),
                new HostileFilesTest.Case(
                        "safetensors: git pointer",
                        "a.safetensors",
                        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n".getBytes(StandardCharsets.UTF_8),
                        "is a git LFS pointer"),
                new HostileFilesTest.Case(
                        "safetensors: NaN weights",
                        "a.safetensors",
                        RawSafetensors.bytes(one("F32", "[2]", "[0,8]"), RawSafetensors.floats(1, Float.NaN)),
                        "Tensor 'W'"),
                new HostileFilesTest.Case(
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
}
