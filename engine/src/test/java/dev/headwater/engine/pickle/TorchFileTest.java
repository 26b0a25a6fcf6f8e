package dev.headwater.engine.pickle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of torch.save that are hostile, damaged or unusual; pickles are put together by hand. */
class TorchFileTest {
    @TempDir
    Path directory;

    /** A pickle of protocol 2 in the making. */
    private static final class Bytes {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Bytes() {
            put(0x80, 2);
        }

        Bytes put(int... bytes) {
            for (int b : bytes) {
                out.write(b);
            }
            return this;
        }

        Bytes put(String ascii) {
            out.writeBytes(ascii.getBytes(StandardCharsets.US_ASCII));
            return this;
        }

        Bytes global(String module, String name) {
            return put("c" + module + "\n" + name + "\n");
        }

        Bytes number(long value) {
            put(0x8a, 8);
            out.writeBytes(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
            return this;
        }

        Bytes text(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            put(0x8c, utf8.length);
            out.writeBytes(utf8);
            return this;
        }

        Bytes storage(String type, String key, long elements) {
            return put("(").text("storage")
                    .global("torch", type)
                    .text(key)
                    .text("cpu")
                    .number(elements)
                    .put("tQ");
        }

        Bytes tuple(long... values) {
            put("(");
            for (long value : values) {
                number(value);
            }
            return put("t");
        }

        /** {@code _rebuild_tensor_v2} of a storage "0". */
        Bytes tensor(String type, long elements, long offset, long[] shape, long[] strides) {
            return global("torch._utils", "_rebuild_tensor_v2")
                    .put("(")
                    .storage(type, "0", elements)
                    .number(offset)
                    .tuple(shape)
                    .tuple(strides)
                    .put(0x89)
                    .global("collections", "OrderedDict")
                    .put(")RtR");
        }

        byte[] end() {
            return put(".").out.toByteArray();
        }
    }

    private Path file(Map<String, byte[]> members) {
        Path file = directory.resolve("hostile.pt");
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (var member : members.entrySet()) {
                var entry = new ZipEntry(member.getKey());
                var crc = new CRC32();
                crc.update(member.getValue());
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(member.getValue().length);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(member.getValue());
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return file;
    }

    private Object read(byte[] pickle, byte... storage) {
        try (TorchFile file =
                TorchFile.open(file(Map.of("a/data.pkl", pickle, "a/data/0", storage)), Set.of("known.Class"))) {
            return file.content() instanceof TorchTensor tensor ? tensor.floats() : file.content();
        }
    }

    private void refuses(String fragment, byte[] pickle, byte... storage) {
        String message = assertThrows(HeadwaterException.class, () -> read(pickle, storage))
                .getMessage();
        assertTrue(message.contains(fragment), message);
        assertTrue(message.lines().count() == 1 && message.length() < 500, message);
    }

    @Test
    void nothingIsRunAndWhatWouldBeIsNamed() {
        refuses(
                "names 'os.system'",
                new Bytes()
                        .global("os", "system")
                        .text("touch /tmp/x")
                        .put(0x85, 'R')
                        .end());
        refuses(
                "names 'posix.system'",
                new Bytes().text("posix").text("system").put(0x93).end());
        refuses("names 'builtins.eval'", new Bytes().global("builtins", "eval").end());
        refuses("names 'torch.load'", new Bytes().global("torch", "load").end());
        refuses(
                "names 'torch._utils._rebuild_tensor_v3'",
                new Bytes().global("torch._utils", "_rebuild_tensor_v3").end());
        refuses(
                "names 'torch.ComplexFloatStorage'",
                new Bytes().global("torch", "ComplexFloatStorage").end());
        refuses(
                "names 'known.Class.method'",
                new Bytes().global("known.Class", "method").end());
        refuses("names 'a?[31m.b'", new Bytes().global("a\u001b[31m", "b").end());
        refuses(
                "not plain data",
                new Bytes().global("torch", "float32").put(")").put(0x81).end());
        refuses(
                "never called with",
                new Bytes()
                        .global("collections", "OrderedDict")
                        .tuple(1, 2)
                        .put("R")
                        .end());
        refuses("instruction 0x69", new Bytes().put("(ios\nsystem\n").end()); // INST, of protocol 0
        refuses("instruction 0x82", new Bytes().put(0x82, 1).end()); // EXT1, a registered extension
        refuses("instruction 0x50", new Bytes().put("Pid\n").end()); // PERSID
    }

    @Test
    void brokenPicklesAreToldApart() {
        refuses("ends in the middle", new byte[] {(byte) 0x80, 2, 'X', 9, 0, 0, 0, 'a'});
        refuses("ends in the middle", new byte[] {(byte) 0x80, 2, 'N'});
        refuses("protocol 6", new byte[] {(byte) 0x80, 6, 'N', '.'});
        refuses("protocol 1", new byte[] {(byte) 0x80, 1, 'N', '.'});
        refuses("no pickle", "I1\n.".getBytes(StandardCharsets.US_ASCII));
        refuses("behind its end", new Bytes().put("NN").end());
        refuses("behind its end", new Bytes().put("N.N").end());
        refuses("more than it has put down", new Bytes().put("t").end());
        refuses("more than it has put down", new Bytes().put("(a").end());
        refuses("never kept", new Bytes().put('h', 7).end());
        refuses("at most 8", new Bytes().put(0x8a, 9).put("123456789").end());
        refuses("appends", new Bytes().put("NNa").end());
        refuses("dictionary", new Bytes().put("]NNs").end());
        refuses("neither a text nor a number", new Bytes().put("})Ns").end());
        refuses("not valid Unicode", new Bytes().put(0x8c, 2, 0xed, 0xa0).end());
        refuses("no storage of a tensor", new Bytes().text("x").put("Q").end());
        byte[] huge = new Bytes()
                .put(0x8d)
                .put(255, 255, 255, 255, 255, 255, 255, 127)
                .end();
        refuses("ends in the middle", huge);
    }

    /** Lists of lists of lists, each twice in the next, are 2^100 items to whoever walks them. */
    @Test
    void whatHoldsItselfOrDoublesItselfIsHeldOnce() {
        var loop = new Bytes().put("]q").put(0).put("h").put(0).put("a").end();
        Object value = read(loop);
        assertSame(value, ((List<?>) value).getFirst());
        var bomb = new Bytes().put("(]q").put(0);
        for (int i = 0; i < 100; i++) {
            bomb.put("](h").put(i).put("h").put(i).put("eq").put(i + 1);
        }
        read(bomb.put("t").end());
        var deep = new Bytes().put(")");
        for (int i = 0; i < 500_000; i++) {
            deep.put(0x85);
        }
        read(deep.end());
    }

    @Test
    void oneLargeStateForManyObjectsIsRefused() {
        var pickle = new Bytes().put("}q").put(0).put("(");
        for (int i = 0; i < 1000; i++) {
            pickle.text("k" + i).put("N");
        }
        pickle.put("u(");
        for (int i = 0; i < 2000; i++) {
            pickle.global("known", "Class").put(")").put(0x81).put("h").put(0).put("b");
        }
        refuses("exhaust", pickle.put("t").put(0x86).end());
    }

    @Test
    void tensorsOfAllTypesAndViews() {
        byte[] floats = ByteBuffer.allocate(24)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(0)
                .putFloat(1)
                .putFloat(2)
                .putFloat(3)
                .putFloat(4)
                .putFloat(5)
                .array();
        assertArrayEquals(new float[] {1, 3, 2, 4}, (float[]) read(
                new Bytes()
                        .tensor("FloatStorage", 6, 1, new long[] {2, 2}, new long[] {1, 2})
                        .end(),
                floats));
    }

    @Test
    void otherTypesOfNumbers() {
        assertEquals(
                -2.5f,
                single(
                        "DoubleStorage",
                        ByteBuffer.allocate(8)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putDouble(-2.5)
                                .array()));
        assertEquals(-2f, single("HalfStorage", (byte) 0, (byte) 0xc0));
        assertEquals(-2f, single("BFloat16Storage", (byte) 0, (byte) 0xc0));
        assertEquals(
                -2f,
                single(
                        "LongStorage",
                        ByteBuffer.allocate(8)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putLong(-2)
                                .array()));
        assertEquals(-2f, single("IntStorage", (byte) -2, (byte) -1, (byte) -1, (byte) -1));
        assertEquals(-2f, single("ShortStorage", (byte) -2, (byte) -1));
        assertEquals(-2f, single("CharStorage", (byte) -2));
        assertEquals(254f, single("ByteStorage", (byte) -2));
        assertEquals(1f, single("BoolStorage", (byte) 1));
    }

    private float single(String type, byte... storage) {
        long[] one = {1};
        return ((float[]) read(new Bytes().tensor(type, 1, 0, one, one).end(), storage))[0];
    }

    @Test
    void tensorsThatDoNotFitTheirStorageAreRefused() {
        long[] two = {2};
        long[] one = {1};
        refuses(
                "does not fit",
                new Bytes().tensor("FloatStorage", 1, 0, two, one).end(),
                new byte[4]);
        refuses(
                "does not fit",
                new Bytes().tensor("FloatStorage", 2, 1, two, one).end(),
                new byte[8]);
        refuses(
                "does not fit",
                new Bytes().tensor("FloatStorage", 2, -1, two, one).end(),
                new byte[8]);
        refuses(
                "does not fit",
                new Bytes().tensor("FloatStorage", 2, 0, two, new long[] {-1}).end(),
                new byte[8]);
        refuses(
                "does not fit",
                new Bytes().tensor("FloatStorage", 2, 0, new long[] {-2}, one).end(),
                new byte[8]);
        // an expanded view: one number, as often as one likes
        refuses(
                "does not fit",
                new Bytes()
                        .tensor("FloatStorage", 1, 0, new long[] {1L << 40}, new long[] {0})
                        .end(),
                new byte[4]);
        long[] huge = {1L << 62, 1L << 62};
        refuses(
                "does not fit",
                new Bytes().tensor("FloatStorage", 1, 0, huge, huge).end(),
                new byte[4]);
        refuses(
                "sizes and",
                new Bytes().tensor("FloatStorage", 2, 0, new long[] {1, 2}, one).end(),
                new byte[8]);
        refuses(
                "short list",
                new Bytes()
                        .tensor("FloatStorage", 2, 0, new long[9], new long[9])
                        .end(),
                new byte[8]);
        refuses(
                "should hold",
                new Bytes().tensor("FloatStorage", 1L << 60, 0, two, one).end(),
                new byte[8]);
        refuses(
                "should hold",
                new Bytes().tensor("FloatStorage", 2, 0, two, one).end(),
                new byte[9]);
        refuses(
                "no storage",
                new Bytes().storage("FloatStorage", "../../etc/passwd", 1).end());
        refuses("no storage", new Bytes().storage("float32", "0", 1).end(), new byte[4]);
    }

    @Test
    void archivesThatTorchDoesNotWriteAreRefused() throws IOException {
        byte[] none = new Bytes().put("N").end();
        Map<String, byte[]> members = new LinkedHashMap<>();
        members.put("a/data.pkl", none);
        members.put("a/byteorder", "big".getBytes(StandardCharsets.US_ASCII));
        refusesFile("big-endian", file(members));
        members.put("b/data.pkl", none);
        members.remove("a/byteorder");
        refusesFile("2 members 'data.pkl'", file(members));
        refusesFile("0 members 'data.pkl'", file(Map.of("a/x", none)));
        refusesFile("at most", file(Map.of("a/data.pkl", new byte[5 << 20])));
        Path file = directory.resolve("deflated.pt");
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.putNextEntry(new ZipEntry("a/data.pkl"));
            zip.write(new byte[100 << 20]);
        }
        refusesFile("compressed", file);
        Files.write(file, new byte[] {(byte) 0x80, 2, 'N', '.'});
        refusesFile("not a zip archive", file);
        Files.write(file, new byte[0]);
        refusesFile("not a zip archive", file);
    }

    private static void refusesFile(String fragment, Path file) {
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> TorchFile.open(file, Set.of()).close())
                .getMessage();
        assertTrue(message.contains(fragment), message);
    }

    /** Whatever is changed in a sound file, it is read or refused with a sentence. */
    @Test
    void changedFilesEndInASentence() throws IOException {
        byte[] sound = Files.readAllBytes(Path.of("src/test/resources/pickled/graph.pt"));
        Path file = directory.resolve("changed.pt");
        var random = new Random(7);
        int pickle = 64; // the pickle and its names come first
        for (int i = 0; i < 1000; i++) {
            byte[] changed = sound.clone();
            for (int k = random.nextInt(4); k >= 0; k--) {
                changed[random.nextBoolean() ? pickle + random.nextInt(1400) : random.nextInt(sound.length)] =
                        (byte) random.nextInt();
            }
            Files.write(file, i % 7 == 0 ? java.util.Arrays.copyOf(changed, random.nextInt(sound.length)) : changed);
            try (TorchFile read =
                    TorchFile.open(file, Set.of("circuit_tracer.utils.tl_nnsight_mapping.UnifiedConfig"))) {
                assertEquals(file, read.path());
            } catch (HeadwaterException e) {
                assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
            }
        }
    }
}
