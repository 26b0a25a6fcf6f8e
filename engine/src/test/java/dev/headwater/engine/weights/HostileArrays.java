package dev.headwater.engine.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;

/** Ways in which an archive of NumPy arrays can lie. */
final class HostileArrays {
    private HostileArrays() {}

    private static HostileFilesTest.Case npz(String name, byte[] content, String message) {
        return new HostileFilesTest.Case("npz: " + name, "params.npz", content, message);
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

    static Stream<HostileFilesTest.Case> npz() throws IOException {
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
}
