package dev.headwater.engine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** Expected tensors of one file under the test resources' {@code golden/}, and graphs made of them. */
final class Golden {
    private final String name;
    private final JsonNode header;
    private final ByteBuffer data;

    Golden(String path) {
        name = path;
        ByteBuffer all = ByteBuffer.wrap(bytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        int size = Math.toIntExact(all.getLong(0));
        byte[] json = new byte[size];
        all.get(8, json);
        try {
            header = new ObjectMapper().readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        data = all.slice(8 + size, all.capacity() - 8 - size).order(ByteOrder.LITTLE_ENDIAN);
    }

    static byte[] bytes(String path) {
        try (InputStream in = Golden.class.getResourceAsStream("/golden/" + path)) {
            if (in == null) throw new IllegalArgumentException("no test resource golden/" + path);
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonNode json(String path) {
        try {
            return new ObjectMapper().readTree(bytes(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean has(String tensor) {
        return header.has(tensor);
    }

    int[] shape(String tensor) {
        return IntStream.range(0, header.get(tensor).get("shape").size())
                .map(i -> header.get(tensor).get("shape").get(i).asInt())
                .toArray();
    }

    double[] doubles(String tensor) {
        JsonNode entry = header.get(tensor);
        if (entry == null) throw new IllegalArgumentException(name + " has no tensor " + tensor);
        int start = entry.get("data_offsets").get(0).asInt();
        int end = entry.get("data_offsets").get(1).asInt();
        return switch (entry.get("dtype").asText()) {
            case "F64" ->
                IntStream.range(0, (end - start) / 8)
                        .mapToDouble(i -> data.getDouble(start + 8 * i))
                        .toArray();
            case "F32" ->
                IntStream.range(0, (end - start) / 4)
                        .mapToDouble(i -> data.getFloat(start + 4 * i))
                        .toArray();
            case "I32" ->
                IntStream.range(0, (end - start) / 4)
                        .mapToDouble(i -> data.getInt(start + 4 * i))
                        .toArray();
            default ->
                throw new IllegalArgumentException(
                        tensor + " is " + entry.get("dtype").asText());
        };
    }

    float[] floats(String tensor) {
        double[] values = doubles(tensor);
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) floats[i] = (float) values[i];
        return floats;
    }

    int[] ints(String tensor) {
        return DoubleStream.of(doubles(tensor)).mapToInt(x -> (int) x).toArray();
    }

    /** Pairs of a [m, 2] tensor as "target<-source", sorted. */
    TreeSet<String> pairs(String tensor) {
        var pairs = new TreeSet<String>();
        double[] values = doubles(tensor);
        for (int i = 0; i < values.length; i += 2) pairs.add((int) values[i] + "<-" + (int) values[i + 1]);
        return pairs;
    }

    void assertClose(String tensor, double[] actual, double atol, double rtol) {
        double[] expected = doubles(tensor);
        assertEquals(expected.length, actual.length, name + " " + tensor + ": length");
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= atol + rtol * Math.abs(expected[i]))) {
                fail("%s %s[%d]: expected %s but was %s".formatted(name, tensor, i, expected[i], actual[i]));
            }
        }
    }

    void assertPruning(String prefix, Pruning pruning) {
        assertEquals(
                IntStream.of(ints(prefix + ".nodes")).boxed().toList(),
                IntStream.of(pruning.nodes()).boxed().toList(),
                name + " " + prefix + ".nodes");
        var edges = new TreeSet<String>();
        pruning.forEachEdge((target, source, weight) -> edges.add(target + "<-" + source));
        assertEquals(pairs(prefix + ".edges"), edges, name + " " + prefix + ".edges");
        assertEquals(edges.size(), pruning.edgeCount(), name + " " + prefix + ".edges: count");
    }

    /** A graph over a given matrix whose features have made-up names; targets are tokens 0, 1, ... */
    static AttributionGraph graph(int features, int layers, int positions, EdgeRows edges, double... probabilities) {
        int[] zeros = new int[features];
        int[] numbers = IntStream.range(0, features).toArray();
        var active = new ActiveFeatures(zeros, zeros, numbers, new float[features]);
        var texts = new ArrayList<String>();
        for (int p = 0; p < positions; p++) texts.add("t" + p);
        List<LogitTarget> targets = IntStream.range(0, probabilities.length)
                .mapToObj(k -> new LogitTarget(k, "out" + k, (float) probabilities[k], positions - 1))
                .toList();
        return new AttributionGraph(
                new Prompt("text", new int[positions], texts),
                layers,
                100,
                active,
                numbers,
                targets,
                edges,
                Provenance.UNKNOWN);
    }
}
