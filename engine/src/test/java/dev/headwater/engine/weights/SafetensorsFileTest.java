package dev.headwater.engine.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
    @TempDir
    Path directory;

    @Test
    void readsNamesShapesMetadataAndValues() throws IOException {
        Path path = RawSafetensors.write(
                directory.resolve("a.safetensors"), """
                {"__metadata__":{"format":"pt","note":"ü"},
                 "b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]},
                 "W":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},
                 "empty":{"dtype":"I64","shape":[0,7],"data_offsets":[16,16]},
                 "one":{"dtype":"F32","shape":[],"data_offsets":[24,28]}}\s\s\s""", RawSafetensors.floats(1, 2, 3, 4, 5, 6, 7));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(
                    List.of("W", "empty", "b", "one"),
                    List.copyOf(file.names()),
                    "names come in the order of the data");
            assertEquals(Map.of("format", "pt", "note", "ü"), file.metadata());
            assertEquals(path, file.path());
            TensorInfo w = file.info("W");
            assertEquals(DType.F32, w.dtype());
            assertArrayEquals(new long[] {2, 2}, w.shape());
            assertEquals(16, w.bytes());
            assertEquals(4, w.elements());
            assertArrayEquals(new float[] {1, 2, 3, 4}, file.floats("W"));
            assertArrayEquals(new float[] {5, 6}, file.floats("b"));
            assertArrayEquals(new float[] {7}, file.floats("one"));
            assertEquals(0, file.data("empty").byteSize());
            assertTrue(file.has("b"));
            assertFalse(file.has("c"));
        }
    }

    @Test
    void aShapeCannotBeChangedFromOutside() {
        long[] shape = {2, 3};
        TensorInfo info = TensorInfo.of("W", DType.F16, shape);
        shape[0] = 9;
        info.shape()[1] = 9;
        assertEquals(TensorInfo.of("W", DType.F16, 2, 3), info);
        assertEquals(12, info.bytes());
    }

    @Test
    void anAbsentTensorIsReportedWithTheNearestNames() throws IOException {
        Path path = RawSafetensors.vectors(
                directory.resolve("a.safetensors"),
                1,
                "W_enc",
                "W_dec",
                "b_enc",
                "b_dec",
                "threshold",
                "unrelated.name");
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            String message = assertThrows(HeadwaterException.class, () -> file.info("w_enc"))
                    .getMessage();
            assertTrue(
                    message.startsWith("There is no tensor 'w_enc' in " + path + "; the nearest names are W_enc, "),
                    message);
            assertFalse(message.contains("unrelated"), message);
            assertThrows(HeadwaterException.class, () -> file.data("w_enc"));
            assertThrows(HeadwaterException.class, () -> file.floats("w_enc"));
        }
    }

    @Test
    void dataIsReadOnlyAndGoneAfterClose() throws IOException {
        SafetensorsFile file = SafetensorsFile.open(RawSafetensors.vectors(directory.resolve("a.safetensors"), 3, "v"));
        MemorySegment data = file.data("v");
        assertTrue(data.isReadOnly() && data.isNative());
        file.close();
        assertThrows(IllegalStateException.class, () -> data.get(ValueLayout.JAVA_FLOAT, 0));
    }

    @Test
    void misalignedDataIsCopiedToAlignedMemory() throws IOException {
        Path path = RawSafetensors.write(
                directory.resolve("a.safetensors"),
                "{\"flag\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]},\"v\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}",
                ByteBuffer.allocate(9)
                        .put((byte) 1)
                        .put(RawSafetensors.floats(1.5f, -2))
                        .array());
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(0, file.data("v").address() % 4);
            assertTrue(file.data("v").isReadOnly());
            assertArrayEquals(new float[] {1.5f, -2}, file.floats("v"));
        }
    }

    @Test
    void convertsEveryFloatingPointTypeAndRefusesOthers() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(8 * 2 + 2 * 2 + 2 * 2 + 4 * 2).order(ByteOrder.LITTLE_ENDIAN);
        data.putDouble(1.5).putDouble(-3e-5);
        data.putShort(Float.floatToFloat16(1.5f)).putShort(Float.floatToFloat16(-0.25f));
        data.putShort((short) 0x3fc0).putShort((short) 0xbe80);
        data.putInt(1).putInt(2);
        Path path = RawSafetensors.write(directory.resolve("a.safetensors"), """
                {"f64":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"f16":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},
                 "bf16":{"dtype":"BF16","shape":[2],"data_offsets":[20,24]},"i32":{"dtype":"I32","shape":[2],"data_offsets":[24,32]}}
                """, data.array());
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertArrayEquals(new float[] {1.5f, -3e-5f}, file.finiteFloats("f64"));
            assertArrayEquals(new float[] {1.5f, -0.25f}, file.finiteFloats("f16"));
            assertArrayEquals(new float[] {1.5f, -0.25f}, file.finiteFloats("bf16"));
            String message = assertThrows(HeadwaterException.class, () -> file.floats("i32"))
                    .getMessage();
            assertTrue(message.contains("holds I32, but floating-point numbers are needed"), message);
        }
    }

    @Test
    void countsNaNsAndInfinities() throws IOException {
        Path path = RawSafetensors.write(
                directory.resolve("a.safetensors"),
                "{\"v\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}",
                RawSafetensors.floats(0, Float.NaN, 1, Float.NEGATIVE_INFINITY, Float.NaN));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(5, file.floats("v").length);
            String message = assertThrows(HeadwaterException.class, () -> file.requireFinite("v"))
                    .getMessage();
            assertTrue(
                    message.contains("'v' in " + path
                            + " holds 3 values of 5 that are NaN or infinite (the first at element 1)"),
                    message);
            assertThrows(HeadwaterException.class, () -> file.finiteFloats("v"));
        }
    }

    @Test
    void typesThatAreNotReadAreListedAndCanBePassedOver() throws IOException {
        Path path = RawSafetensors.write(directory.resolve("a.safetensors"), """
                {"f8":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]},"f4":{"dtype":"F4","shape":[2,4],"data_offsets":[4,8]},
                 "v":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", new byte[12]);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(3, file.names().size());
            assertEquals("F8_E4M3", file.info("f8").type());
            assertEquals(8, file.info("f4").elements());
            assertArrayEquals(new float[1], file.floats("v"));
            String message = assertThrows(HeadwaterException.class, () -> file.data("f8"))
                    .getMessage();
            assertTrue(
                    message.contains(path.toString())
                            && message.contains("'f8' has element type F8_E4M3, which Headwater does not read"),
                    message);
        }
    }

    @Test
    void filesBeyondTwoGibibytesAreMapped() throws IOException {
        Path path = directory.resolve("sparse.safetensors");
        long rows = 700_000;
        long columns = 1024;
        byte[] header = "{\"W\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}       "
                .formatted(rows, columns, rows * columns * 4)
                .getBytes(StandardCharsets.UTF_8);
        int length = header.length / 8 * 8;
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.writeLong(Long.reverseBytes(length));
            file.write(header, 0, length);
            file.setLength(8 + length + rows * columns * 4);
            file.seek(file.length() - 4);
            file.writeInt(Integer.reverseBytes(Float.floatToIntBits(42)));
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            MemorySegment data = file.data("W");
            assertEquals(rows * columns * 4, data.byteSize());
            assertEquals(42, data.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, rows * columns - 1));
            String message = assertThrows(HeadwaterException.class, () -> file.floats("W"))
                    .getMessage();
            assertTrue(message.contains("too large to be copied"), message);
        }
    }
}
