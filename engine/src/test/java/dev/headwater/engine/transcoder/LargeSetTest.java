package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * A cross-layer set with the sizes of the largest published one (Gemma-2-2B, 26 layers of 98,304 features in bfloat16:
 * some 160 GiB) is used from a Java process with a heap of 256 MiB. The files are sparse: holes but for some planted
 * rows.
 */
class LargeSetTest {
    private static final int LAYERS = 26;
    private static final int FEATURES = 98_304;
    private static final int WIDTH = 2304;
    private static final int[] PLANTED = {0, 51_234, FEATURES - 1};
    private static final int POSITIONS = 16;
    /**
     * The rest is the mapped pages of an encoder (432 MiB), which the system takes back when it needs them, and
     * libtorch.
     */
    private static final long ANONYMOUS_MIB = 700;

    @Test
    @EnabledOnOs(OS.LINUX)
    void aSetLargerThanMemoryIsUsable() throws Exception {
        Path directory =
                Path.of("target", "large-set-" + ProcessHandle.current().pid()).toAbsolutePath();
        Files.createDirectories(directory);
        try {
            assumeTrue(
                    holdsSparseFiles(directory),
                    "the file system of target/ does not support sparse files, or is full");
            long bytes = write(directory);
            String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-Xmx256m",
                            "-cp",
                            classPath,
                            LargeSetTest.class.getName(),
                            directory.toString())
                    .redirectErrorStream(true)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(process.waitFor(5, TimeUnit.MINUTES), "the process does not end");
            assertEquals(0, process.exitValue(), output);
            System.out.printf("Cross-layer set of %,d MiB, heap 256 MiB: %s", bytes >> 20, output);
            long anonymous = Long.parseLong(output.replaceAll("(?s).*anonymous (\\d+) MiB.*", "$1"));
            assertTrue(anonymous < ANONYMOUS_MIB, output);
        } finally {
            try (var files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private static boolean holdsSparseFiles(Path directory) throws IOException {
        long free = directory.toFile().getUsableSpace();
        Path probe = directory.resolve("probe");
        long size = 8L << 30;
        try (var file = new RandomAccessFile(probe.toFile(), "rw")) {
            file.setLength(size);
            file.getFD().sync();
            return free > 1L << 30 && free - directory.toFile().getUsableSpace() < size / 2;
        } catch (IOException tooLarge) {
            return false;
        } finally {
            Files.delete(probe);
        }
    }

    /** @return bytes of all files */
    private static long write(Path directory) throws IOException {
        Files.writeString(directory.resolve("config.yaml"), TinySet.CROSS_LAYER);
        long bytes = 0;
        for (int layer = 0; layer < LAYERS; layer++) {
            long matrix = 2L * FEATURES * WIDTH;
            int run = (LAYERS - layer) * WIDTH;
            bytes += write(
                    directory.resolve("W_enc_%d.safetensors".formatted(layer)),
                    WIDTH,
                    feature -> encoderValue(feature),
                    "{\"W_enc_%1$d\":{\"dtype\":\"BF16\",\"shape\":[%2$d,%3$d],\"data_offsets\":[0,%4$d]},"
                                    .formatted(layer, FEATURES, WIDTH, matrix)
                            + "\"b_enc_%d\":{\"dtype\":\"BF16\",\"shape\":[%d],\"data_offsets\":[%d,%d]},"
                                    .formatted(layer, FEATURES, matrix, matrix + 2L * FEATURES)
                            + "\"b_dec_%d\":{\"dtype\":\"BF16\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}"
                                    .formatted(
                                            layer, WIDTH, matrix + 2L * FEATURES, matrix + 2L * FEATURES + 2L * WIDTH),
                    matrix + 2L * FEATURES + 2L * WIDTH);
            int first = layer;
            bytes += write(
                    directory.resolve("W_dec_%d.safetensors".formatted(layer)),
                    run,
                    feature -> decoderValue(first, feature),
                    "{\"W_dec_%d\":{\"dtype\":\"BF16\",\"shape\":[%d,%d,%d],\"data_offsets\":[0,%d]}}"
                            .formatted(layer, FEATURES, LAYERS - layer, WIDTH, 2L * FEATURES * run),
                    2L * FEATURES * run);
        }
        return bytes;
    }

    private static float encoderValue(int feature) {
        return feature == 0 ? 0.5f : feature == FEATURES - 1 ? 2 : 1;
    }

    /** Exact in bfloat16. */
    private static float decoderValue(int layer, int feature) {
        return (layer + 1) * (feature == 0 ? 1 : 2);
    }

    /** A matrix of holes with planted rows of one value each, after its header. */
    private static long write(Path path, int run, Function<Integer, Float> value, String header, long data)
            throws IOException {
        String padded = header + " ".repeat((8 - header.length() % 8) % 8);
        long start = 8 + padded.length();
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(start + data);
            file.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(padded.length())
                    .array());
            file.write(padded.getBytes(StandardCharsets.US_ASCII));
            for (int feature : PLANTED) {
                ByteBuffer row = ByteBuffer.allocate(2 * run).order(ByteOrder.LITTLE_ENDIAN);
                while (row.hasRemaining()) {
                    row.putShort((short) (Float.floatToIntBits(value.apply(feature)) >>> 16));
                }
                file.seek(start + 2L * feature * run);
                file.write(row.array());
            }
            return file.length();
        }
    }

    /**
     * The process with little memory: opens the set, encodes a layer, gathers decoder rows of all layers, reconstructs.
     */
    public static void main(String... arguments) throws IOException {
        long begin = System.nanoTime();
        try (var set = TranscoderSet.open(Path.of(arguments[0]), Device.CPU);
                var scope = TensorScope.open()) {
            long opened = System.nanoTime();
            check(set.layers() == LAYERS && set.features() == FEATURES && set.width() == WIDTH, "sizes");
            Tensor x = Tensor.full(1.0 / WIDTH, DType.F32, Device.CPU, POSITIONS, WIDTH);
            SparseActivations active = set.encode(17, x, 1);
            long encoded = System.nanoTime();
            check(active.count() == PLANTED.length * (POSITIONS - 1), "active features: " + active.count());
            for (int i = 0; i < active.count(); i++) {
                check(
                        active.feature()[i] == PLANTED[i % 3] && active.position()[i] == 1 + i / 3,
                        "feature " + active.feature()[i]);
                check(
                        Math.abs(active.value()[i] - encoderValue(active.feature()[i])) < 1e-4,
                        "activation " + active.value()[i]);
            }
            for (int source = 0; source < LAYERS; source++) {
                for (int target = source; target < LAYERS; target++) {
                    Tensor rows = Tensor.empty(DType.F32, Device.CPU, PLANTED.length, WIDTH);
                    set.decoderRows(source, target, PLANTED, null, null, rows);
                    float[] values = rows.toFloats();
                    check(
                            values[0] == decoderValue(source, 0)
                                    && values[values.length - 1] == decoderValue(source, 1),
                            "decoder row");
                }
            }
            SparseActivations none = new SparseActivations(new int[0], new int[0], new float[0]);
            List<SparseActivations> layers = IntStream.range(0, LAYERS)
                    .mapToObj(layer -> layer == 17 ? active : none)
                    .toList();
            List<Tensor> outputs = set.reconstruct(
                    layers, IntStream.range(0, LAYERS).mapToObj(layer -> x).toList());
            double expected = 0.5 * decoderValue(17, 0) + 1 * decoderValue(17, 1) + 2 * decoderValue(17, 1);
            check(
                    Arrays.equals(outputs.get(16).toFloats(), new float[POSITIONS * WIDTH]),
                    "layer 16 gets nothing from layer 17");
            check(Math.abs(TorchShape.select(outputs.get(25), 0, 3).toFloats()[7] - expected) < 0.02, "reconstruction");
            long done = System.nanoTime();
            Map<String, Long> memory = memory();
            System.out.printf(
                    "opened in %d ms, one layer encoded at %d positions in %d ms, rows of all %d decoders and a reconstruction in %d ms; "
                            + "peak resident memory %d MiB, at the end %d MiB: anonymous %d MiB, mapped files %d MiB%n",
                    (opened - begin) / 1_000_000,
                    POSITIONS,
                    (encoded - opened) / 1_000_000,
                    LAYERS * (LAYERS + 1) / 2,
                    (done - encoded) / 1_000_000,
                    memory.get("VmHWM"),
                    memory.get("VmRSS"),
                    memory.get("RssAnon"),
                    memory.get("RssFile"));
        }
    }

    private static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    /** MiB by name. */
    private static Map<String, Long> memory() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .map(line -> line.split("\\s+"))
                .filter(words -> words.length == 3 && words[2].equals("kB"))
                .collect(Collectors.toMap(words -> words[0].replace(":", ""), words -> Long.parseLong(words[1]) >> 10));
    }
}
