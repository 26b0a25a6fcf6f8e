package dev.headwater.engine.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that become shorter while native code reads them: no signal ends the process, and no result gets out. */
class MappedFileTest {
    private static final int COUNT = 1 << 18;

    @TempDir
    private Path directory;

    private Path ones() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(COUNT * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.putFloat(1);
        }
        return Files.write(directory.resolve("ones"), bytes.array());
    }

    private static void shorten(Path file, long to) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(to);
        }
    }

    @Test
    void nativeCodeReadsZerosAndNothingIsGivenOut() throws IOException {
        Path file = ones();
        long faults = MappedFile.faults();
        try (MappedFile mapped = MappedFile.open(file);
                Tensor tensor = Tensor.borrow(mapped.bytes(), DType.F32, COUNT)) {
            MappedFile.requireWhole();
            shorten(file, 4096);
            try (Tensor doubled = Torch.add(tensor, tensor)) {
                float[] values = doubled.toFloats();
                assertEquals(2, values[0]);
                assertEquals(0, values[COUNT - 1]);
            }
            assertTrue(MappedFile.faults() > faults);
            assertTrue(assertThrows(HeadwaterException.class, MappedFile::requireWhole)
                    .getMessage()
                    .contains(file + " has become shorter"));
            assertTrue(assertThrows(HeadwaterException.class, mapped::bytes)
                    .getMessage()
                    .contains("from 1048576 bytes to 4096"));
        }
        MappedFile.requireWhole();
    }

    @Test
    void otherFilesAreNoneOfItsBusiness() throws IOException {
        Path file = ones();
        try (MappedFile mapped = MappedFile.open(file);
                Tensor tensor = Tensor.borrow(mapped.bytes(), DType.F32, COUNT);
                Tensor doubled = Torch.add(tensor, tensor)) {
            Files.move(
                    Files.write(directory.resolve("other"), new byte[8]),
                    file,
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            assertEquals(2, doubled.toFloats()[COUNT - 1]);
            MappedFile.requireWhole();
        }
    }
}
