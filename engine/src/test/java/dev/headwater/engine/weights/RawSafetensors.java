package dev.headwater.engine.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Safetensors files with any header, sound or not. */
final class RawSafetensors {
    private RawSafetensors() {}

    static byte[] bytes(String header, byte... data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .put(data)
                .array();
    }

    static byte[] floats(float... values) {
        ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            data.putFloat(value);
        }
        return data.array();
    }

    static Path write(Path file, String header, byte... data) throws IOException {
        return Files.write(file, bytes(header, data));
    }

    /** One F32 vector per name, in order; value i of tensor t is 100 t + i. */
    static Path vectors(Path file, int length, String... names) throws IOException {
        StringBuilder header = new StringBuilder("{");
        float[] values = new float[length * names.length];
        for (int t = 0; t < names.length; t++) {
            header.append(t == 0 ? "" : ",")
                    .append("\"%s\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[%d,%d]}"
                            .formatted(names[t], length, 4 * t * length, 4 * (t + 1) * length));
            for (int i = 0; i < length; i++) {
                values[t * length + i] = 100 * t + i;
            }
        }
        header.append("}");
        header.append(" ".repeat((8 - header.length() % 8) % 8));
        return write(file, header.toString(), floats(values));
    }
}
