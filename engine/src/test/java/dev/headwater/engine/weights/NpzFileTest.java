package dev.headwater.engine.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpzFileTest {
    private static final byte[] SIX = RawSafetensors.floats(1, 2, 3, 4, 5, 6);

    @TempDir
    Path directory;

    private NpzFile open(RawNpz npz) throws IOException {
        return NpzFile.open(Files.write(directory.resolve("params.npz"), npz.bytes()));
    }

    @Test
    void readsStoredAndDeflatedArrays() throws IOException {
        try (NpzFile file = open(new RawNpz()
                .stored("W_enc.npy", RawNpz.npy(RawNpz.float32("(2, 3)"), SIX), 0)
                .deflated("W_dec.npy", RawNpz.npy(RawNpz.float32("(3, 2)"), SIX))
                .deflated("b_dec.npy", RawNpz.npy(2, RawNpz.float32("(6,)"), SIX))
                .deflated("scalar.npy", RawNpz.npy(3, RawNpz.float32("()"), RawSafetensors.floats(9)))
                .deflated("none.npy", RawNpz.npy(RawNpz.float32("(0, 4)"))))) {
            assertEquals(Set.of("W_enc", "W_dec", "b_dec", "scalar", "none"), file.names());
            assertEquals(TensorInfo.of("W_enc", DType.F32, 2, 3), file.info("W_enc"));
            assertEquals(TensorInfo.of("W_dec", DType.F32, 3, 2), file.info("W_dec"));
            for (String name : new String[] {"W_enc", "W_dec", "b_dec"}) {
                assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, file.finiteFloats(name), name);
            }
            assertArrayEquals(new float[] {9}, file.floats("scalar"));
            assertArrayEquals(new float[0], file.floats("none"));
            assertThrows(HeadwaterException.class, () -> file.data("W"));
        }
    }

    @Test
    void misalignedArraysAreCopiedOnceAndAligned() throws IOException {
        try (NpzFile file = open(new RawNpz().stored("W.npy", RawNpz.npy(RawNpz.float32("(2, 3)"), SIX), 3))) {
            MemorySegment data = file.data("W");
            assertEquals(0, data.address() % 4);
            assertEquals(data.address(), file.data("W").address());
            assertTrue(data.isReadOnly());
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, file.floats("W"));
        }
    }

    @Test
    void bringsColumnMajorArraysIntoRowMajorOrder() throws IOException {
        byte[] array = RawNpz.npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", SIX);
        byte[] cube = RawNpz.npy(
                "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1, 3), }", new byte[] {1, 2, 3, 4, 5, 6});
        try (NpzFile file = open(new RawNpz()
                .deflated("deflated.npy", array)
                .stored("stored.npy", array, 0)
                .deflated("cube.npy", cube))) {
            assertArrayEquals(new float[] {1, 3, 5, 2, 4, 6}, file.floats("deflated"));
            assertArrayEquals(new float[] {1, 3, 5, 2, 4, 6}, file.floats("stored"));
            assertArrayEquals(new byte[] {1, 3, 5, 2, 4, 6}, file.data("cube").toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void objectArraysAreListedButNeverRead() throws IOException {
        try (NpzFile file = open(new RawNpz()
                .deflated(
                        "cfg.npy",
                        RawNpz.npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }", (byte) 0x80, (byte) 4))
                .deflated(
                        "k.npy",
                        RawNpz.npy("{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }", new byte[4])))) {
            assertTrue(file.has("cfg"));
            String message = assertThrows(HeadwaterException.class, () -> file.data("cfg"))
                    .getMessage();
            assertTrue(message.contains("'cfg' has element type |O, which Headwater does not read"), message);
            assertThrows(HeadwaterException.class, () -> file.data("k"));
        }
    }

    @Test
    void damageInCompressedDataIsFoundWhenItIsRead() throws IOException {
        byte[] random = new byte[40_000];
        new java.util.Random(1).nextBytes(random);
        byte[] npz = new RawNpz()
                .deflated("W.npy", RawNpz.npy("{'descr': '|u1', 'fortran_order': False, 'shape': (40000,), }", random))
                .bytes();
        npz[20_000] ^= 1;
        try (NpzFile file = NpzFile.open(Files.write(directory.resolve("params.npz"), npz))) {
            assertFalse(file.names().isEmpty());
            String message =
                    assertThrows(HeadwaterException.class, () -> file.data("W")).getMessage();
            assertTrue(message.contains("compressed data of 'W'") && message.contains("damaged"), message);
        }
    }
}
