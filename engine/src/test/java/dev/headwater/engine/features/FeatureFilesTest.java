package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.Arrays;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FeatureFilesTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsRecordsWithAndWithoutZlibHeader(boolean raw) throws IOException {
        byte[] first = packed("{\"index\":0}", raw);
        byte[] third = packed("{\"index\":2,\"top_logits\":[\" a\"]}", raw);
        write(
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[0,%d,%d,%d]}]"
                        .formatted(first.length, first.length, first.length + third.length),
                ByteBuffer.allocate(first.length + third.length)
                        .put(first)
                        .put(third)
                        .array());
        FeatureFiles files = FeatureFiles.open(directory);
        assertEquals(1, files.layers());
        assertEquals(3, files.features(0));
        assertEquals(0, files.record(0, 0).orElseThrow().get("index").intValue());
        assertEquals(" a", files.record(0, 2).orElseThrow().at("/top_logits/0").textValue());
        assertEquals(
                new FeatureFiles.Range(directory.resolve("layer_0.bin"), first.length, third.length),
                files.range(0, 2).orElseThrow());
        for (int[] absent : new int[][] {{0, 1}, {0, 3}, {1, 0}, {-1, 0}, {0, -1}}) {
            assertTrue(files.record(absent[0], absent[1]).isEmpty(), Arrays.toString(absent));
        }
    }

    @Test
    void writesWhatItReads() {
        try (LayerFile layer = LayerFile.create(directory, 0)) {
            for (int i = 0; i < 3; i++) {
                int feature = i;
                layer.add(json -> json.writeNumber(feature));
            }
            layer.commit();
        }
        LayerFile.writeIndex(directory, 1);
        FeatureFiles files = FeatureFiles.open(directory);
        assertEquals(3, files.features(0));
        assertEquals(2, files.record(0, 2).orElseThrow().intValue());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[1]",
                "[",
                "",
                "[{\"offsets\":[0,8]}]",
                "[{\"filename\":\"../../etc/passwd\",\"offsets\":[0,8]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[8,0]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[-8,0]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[0,\"x\"]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":7}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[0,3]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[0,99999]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[0,99999999999]}]",
                "[{\"filename\":\"layer_1.bin\",\"offsets\":[0,10]}]",
                "[{\"filename\":\"layer_0.bin\",\"offsets\":[9223372036854775800,9223372036854775807]}]"
            })
    void lyingIndexesAreRefused(String index) throws IOException {
        write(index, packed("{}", false));
        String message = assertThrows(
                        HeadwaterException.class,
                        () -> FeatureFiles.open(directory).record(0, 0))
                .getMessage();
        assertTrue(message.contains(directory.toString()), message);
    }

    @Test
    void lyingRecordsAreRefused() throws IOException {
        byte[] negative = packed("{}", false);
        ByteBuffer.wrap(negative).order(ByteOrder.LITTLE_ENDIAN).putInt(0, -5);
        byte[] long_ = packed("{}", false);
        ByteBuffer.wrap(long_).order(ByteOrder.LITTLE_ENDIAN).putInt(0, Integer.MAX_VALUE);
        byte[] noise = packed("{\"a\":1}", false);
        Arrays.fill(noise, 4, noise.length, (byte) 0x5a);
        byte[] bomb = packed(" ".repeat(FeatureFiles.LONGEST_RECORD + 1), false);
        for (byte[] bad :
                List.of(negative, long_, noise, bomb, packed("[".repeat(200), false), packed("{\"a\":", false))) {
            write("[{\"filename\":\"layer_0.bin\",\"offsets\":[0," + bad.length + "]}]", bad);
            assertThrows(
                    HeadwaterException.class, () -> FeatureFiles.open(directory).record(0, 0));
        }
        Files.write(directory.resolve(FeatureFiles.INDEX), new byte[] {1, 2, 3});
        assertThrows(HeadwaterException.class, () -> FeatureFiles.open(directory));
        assertThrows(HeadwaterException.class, () -> FeatureFiles.open(directory.resolve("nowhere")));
    }

    private void write(String index, byte[] records) throws IOException {
        try (var out = new GZIPOutputStream(Files.newOutputStream(directory.resolve(FeatureFiles.INDEX)))) {
            out.write(index.getBytes(StandardCharsets.UTF_8));
        }
        Files.write(directory.resolve("layer_0.bin"), records);
    }

    private static byte[] packed(String json, boolean raw) throws IOException {
        var packed = new ByteArrayOutputStream();
        Deflater deflater = new Deflater(6, raw);
        try (var out = new DeflaterOutputStream(packed, deflater)) {
            out.write(json.getBytes(StandardCharsets.UTF_8));
        } finally {
            deflater.end();
        }
        return ByteBuffer.allocate(4 + packed.size())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(packed.size())
                .put(packed.toByteArray())
                .array();
    }
}
