package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

class FeatureSourceTest {
    @TempDir
    Path directory;

    @Test
    void readsRecordsFromPackedFiles() throws IOException {
        for (boolean raw : new boolean[] {false, true}) {
            Path set = Files.createDirectories(directory.resolve(raw ? "raw/clt" : "zlib/clt/features"));
            pack(set, raw, "{\"index\":0}", null, "{\"index\":2,\"top_logits\":[\" a\"]}");
            FeatureDirectory source = new FeatureDirectory(directory);
            String scan = raw ? "raw/clt" : "zlib/clt";
            assertEquals(
                    0, source.feature(scan, 0, 0).orElseThrow().get("index").intValue());
            assertEquals(
                    " a",
                    source.feature(scan, 0, 2).orElseThrow().at("/top_logits/0").textValue());
            assertTrue(source.feature(scan, 0, 1).isEmpty(), "no record");
            assertTrue(source.feature(scan, 0, 3).isEmpty(), "beyond the last");
            assertTrue(source.feature(scan, 1, 0).isEmpty(), "no such layer");
            assertTrue(source.feature("other", 0, 0).isEmpty());
        }
    }

    @Test
    void findsSetsInFoldersOfRepositoriesAndTheDirectoryItself() throws IOException {
        String scan = "org/sets-2-270m-pt//transcoder_all/width_16k/small";
        pack(Files.createDirectories(directory.resolve("a").resolve(scan).resolve("features")), false, "{\"index\":0}");
        assertTrue(
                new FeatureDirectory(directory.resolve("a")).feature(scan, 0, 0).isPresent());
        pack(Files.createDirectories(directory.resolve("set/features")), false, "{\"index\":0}");
        for (String place : List.of("set", "set/features")) {
            assertTrue(
                    new FeatureDirectory(directory.resolve(place))
                            .feature("org/any", 0, 0)
                            .isPresent(),
                    place);
        }
        Files.writeString(
                directory.resolve("set/config.yaml"),
                "model_kind: transcoder_set\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\nscan: org/mine\n");
        for (String place : List.of("set", "set/features")) {
            FeatureDirectory own = new FeatureDirectory(directory.resolve(place));
            assertTrue(own.feature("org/mine", 0, 0).isPresent(), place);
            assertTrue(own.feature("org/other", 0, 0).isEmpty(), "evidence about other transcoders: " + place);
        }
    }

    @Test
    void readsSingleFilesByTheirNumber() throws IOException {
        Files.createDirectories(directory.resolve("set"));
        Files.writeString(directory.resolve("set/" + FeatureSource.pair(3, 4) + ".json"), "{\"index\":32}");
        assertEquals(
                32,
                new FeatureDirectory(directory)
                        .feature("set", 3, 4)
                        .orElseThrow()
                        .get("index")
                        .intValue());
        assertEquals(32, FeatureSource.pair(3, 4));
    }

    @Test
    void damagedFilesAreRefusedInOneSentence() throws IOException {
        Path set = Files.createDirectories(directory.resolve("set"));
        write(set, "[{\"filename\":\"../../etc/passwd\",\"offsets\":[0,8]}]", record("{}", false));
        try (var server = ExplorerServer.start(
                        ExplorerConfig.local(directory.resolve("graphs")).withFeatures(List.of(directory)));
                var client = new Client(server.port())) {
            var reply = client.get("/api/features/0/0?scan=set");
            assertEquals(500, reply.status());
            assertTrue(reply.error().contains("not named layer_<number>.bin"), reply.error());
        }
        Files.writeString(set.resolve("0.json"), "{");
        assertThrows(Refusal.class, () -> new FeatureDirectory(directory).feature("set", 0, 0));
    }

    @Test
    void anIndexThatIsReplacedIsReadAnew() throws IOException {
        Path set = Files.createDirectories(directory.resolve("set"));
        pack(set, false, "{\"index\":0}");
        FeatureDirectory source = new FeatureDirectory(directory);
        assertTrue(source.feature("set", 0, 1).isEmpty());
        pack(set, false, "{\"index\":0}", "{\"index\":1}");
        assertEquals(1, source.feature("set", 0, 1).orElseThrow().get("index").intValue());
    }

    @Test
    void givesByteRangesOfTheFiles() throws IOException {
        Path set = Files.createDirectories(directory.resolve("features/set"));
        pack(set, false, "{\"index\":0}");
        byte[] file = Files.readAllBytes(set.resolve("layer_0.bin"));
        try (var server = ExplorerServer.start(ExplorerConfig.local(directory.resolve("graphs"))
                        .withFeatures(List.of(directory.resolve("features"))));
                var client = new Client(server.port())) {
            assertArrayEquals(
                    file, client.get("/features/set/layer_0.bin").response().body());
            assertEquals(200, client.get("/features/set/index.json.gz").status());
            // Browsers of the reference ask for one byte too many, up to the offset of the next record.
            var part = client.get("/features/set/layer_0.bin", "Range", "bytes=2-" + file.length);
            assertEquals(206, part.status());
            assertArrayEquals(
                    Arrays.copyOfRange(file, 2, file.length), part.response().body());
            assertEquals(
                    "bytes 2-" + (file.length - 1) + "/" + file.length,
                    part.response().headers().firstValue("Content-Range").orElseThrow());
            assertArrayEquals(
                    Arrays.copyOfRange(file, file.length - 3, file.length),
                    client.get("/features/set/layer_0.bin", "Range", "bytes=-3")
                            .response()
                            .body());
            assertArrayEquals(
                    Arrays.copyOfRange(file, 1, file.length),
                    client.get("/features/set/layer_0.bin", "Range", "bytes=1-")
                            .response()
                            .body());
            for (String range : List.of("bytes=" + file.length + "-", "bytes=5-2", "bytes=999999999999999999-")) {
                assertEquals(
                        416,
                        client.get("/features/set/layer_0.bin", "Range", range).status(),
                        range);
            }
            assertEquals(
                    200,
                    client.get("/features/set/layer_0.bin", "Range", "lines=1-2")
                            .status(),
                    "a unit that we don't know is ignored");
            assertEquals(
                    0,
                    client.get("/api/features/0/0?scan=set").json().get("index").intValue());
        }
    }

    private static void pack(Path set, boolean raw, String... records) throws IOException {
        var bytes = new ByteArrayOutputStream();
        StringBuilder offsets = new StringBuilder("0");
        for (String record : records) {
            if (record != null) {
                bytes.writeBytes(record(record, raw));
            }
            offsets.append(',').append(bytes.size());
        }
        write(set, "[{\"filename\":\"layer_0.bin\",\"offsets\":[" + offsets + "]}]", bytes.toByteArray());
    }

    private static void write(Path set, String index, byte[] records) throws IOException {
        try (var out = new GZIPOutputStream(Files.newOutputStream(set.resolve("index.json.gz")))) {
            out.write(index.getBytes(StandardCharsets.UTF_8));
        }
        Files.write(set.resolve("layer_0.bin"), records);
    }

    private static byte[] record(String json, boolean raw) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var out = new DeflaterOutputStream(packed, new Deflater(6, raw))) {
            out.write(json.getBytes(StandardCharsets.UTF_8));
        }
        return ByteBuffer.allocate(4 + packed.size())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(packed.size())
                .put(packed.toByteArray())
                .array();
    }
}
