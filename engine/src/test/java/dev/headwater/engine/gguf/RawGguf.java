package dev.headwater.engine.gguf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes GGUF files byte by byte, wrong ones too. */
public final class RawGguf {
    private record Tensor(String name, int type, long[] shape, byte[] data) {}

    private final ByteOrder order;
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private int version = 3;
    private long alignment = 32;

    public RawGguf() {
        this(ByteOrder.LITTLE_ENDIAN);
    }

    public RawGguf(ByteOrder order) {
        this.order = order;
    }

    RawGguf version(int value) {
        version = value;
        return this;
    }

    RawGguf alignment(long value) {
        alignment = value;
        return with("general.alignment", (int) value);
    }

    /** @param value String, Integer (unsigned), Long, Float, Boolean, String[], int[] or float[] */
    public RawGguf with(String key, Object value) {
        metadata.put(key, value);
        return this;
    }

    public RawGguf without(String key) {
        metadata.remove(key);
        return this;
    }

    public RawGguf withoutTensors() {
        tensors.clear();
        return this;
    }

    /** @param shape outermost first */
    public RawGguf tensor(String name, int type, byte[] data, long... shape) {
        tensors.add(new Tensor(name, type, shape, data));
        return this;
    }

    /** A float32 tensor, row by row. */
    public RawGguf floats(String name, float[] values, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(values.length * 4).order(order);
        for (float value : values) {
            data.putFloat(value);
        }
        return tensor(name, 0, data.array(), shape);
    }

    public byte[] bytes() {
        int size = 1 << 16;
        for (Tensor tensor : tensors) {
            size += tensor.data.length + (int) alignment + 200;
        }
        for (Object value : metadata.values()) {
            size += value instanceof String[] texts
                    ? texts.length * 64
                    : value instanceof int[] numbers ? numbers.length * 4 : 4096;
        }
        ByteBuffer out = ByteBuffer.allocate(size).order(order);
        out.put(GgufHeader.MAGIC).putInt(version).putLong(tensors.size()).putLong(metadata.size());
        metadata.forEach((key, value) -> {
            text(out, key);
            value(out, value);
        });
        long offset = 0;
        for (Tensor tensor : tensors) {
            text(out, tensor.name);
            out.putInt(tensor.shape.length);
            for (int d = tensor.shape.length - 1; d >= 0; d--) {
                out.putLong(tensor.shape[d]);
            }
            out.putInt(tensor.type).putLong(offset);
            offset = aligned(offset + tensor.data.length);
        }
        int start = (int) aligned(out.position());
        offset = 0;
        int end = out.position();
        for (Tensor tensor : tensors) {
            out.position(start + (int) offset).put(tensor.data);
            end = out.position();
            offset = aligned(offset + tensor.data.length);
        }
        byte[] bytes = new byte[end];
        out.get(0, bytes);
        return bytes;
    }

    private long aligned(long at) {
        return alignment < 1 ? at : Math.ceilDiv(at, alignment) * alignment;
    }

    private static void value(ByteBuffer out, Object value) {
        switch (value) {
            case String text -> text(out.putInt(8), text);
            case Integer number -> out.putInt(4).putInt(number);
            case Long number -> out.putInt(10).putLong(number);
            case Float number -> out.putInt(6).putFloat(number);
            case Boolean flag -> out.putInt(7).put((byte) (flag ? 1 : 0));
            case String[] texts -> {
                out.putInt(9).putInt(8).putLong(texts.length);
                for (String text : texts) {
                    text(out, text);
                }
            }
            case int[] numbers -> {
                out.putInt(9).putInt(5).putLong(numbers.length);
                for (int number : numbers) {
                    out.putInt(number);
                }
            }
            case float[] numbers -> {
                out.putInt(9).putInt(6).putLong(numbers.length);
                for (float number : numbers) {
                    out.putFloat(number);
                }
            }
            default -> throw new IllegalArgumentException(value.toString());
        }
    }

    private static void text(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.putLong(bytes.length).put(bytes);
    }

    public Path write(Path path) {
        try {
            return Files.write(path, bytes());
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
