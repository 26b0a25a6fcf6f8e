package dev.headwater.engine.weights;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.MappedFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a safetensors file piece by piece, so that tensors larger than memory can be written. All tensors are declared
 * first; their data may then come in any order. The same tensors and metadata always give the same bytes. The file
 * appears under its name only with {@link #commit}; closing without it leaves nothing behind.
 */
public final class SafetensorsWriter implements AutoCloseable {
    private static final int CHUNK = 1 << 22;

    /** Where the next bytes of a tensor go, and where the tensor ends. */
    private static final class Cursor {
        final TensorInfo info;
        final long end;
        long next;

        Cursor(TensorInfo info, long start) {
            this.info = info;
            this.next = start;
            this.end = start + info.bytes();
        }
    }

    private final AtomicFile file;
    private final Map<String, Cursor> cursors = new LinkedHashMap<>();

    private SafetensorsWriter(AtomicFile file) {
        this.file = file;
    }

    /**
     * Begins a file beside its target.
     *
     * @param tensors see {@link TensorInfo#of}; laid out by falling element size, so that all are aligned
     * @throws HeadwaterException if a name occurs twice or the file cannot be written
     */
    public static SafetensorsWriter create(Path target, List<TensorInfo> tensors, Map<String, String> metadata) {
        SafetensorsWriter writer = new SafetensorsWriter(AtomicFile.create(target));
        try {
            writer.begin(tensors, metadata);
            return writer;
        } catch (Throwable failure) {
            writer.close();
            throw failure;
        }
    }

    private void begin(List<TensorInfo> tensors, Map<String, String> metadata) {
        List<TensorInfo> layout = tensors.stream()
                .sorted(Comparator.comparingInt(
                                (TensorInfo info) -> info.dtype().bytes())
                        .reversed())
                .toList();
        byte[] header = header(layout, metadata);
        if (header.length > SafetensorsHeader.MAX_BYTES) {
            throw new HeadwaterException("Cannot write %s: its header would be %d bytes long, and safetensors allows %d"
                    .formatted(file.target(), header.length, SafetensorsHeader.MAX_BYTES));
        }
        ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .flip();
        long position = start.capacity();
        for (TensorInfo info : layout) {
            if (info.name().equals(SafetensorsHeader.METADATA)
                    || cursors.put(info.name(), new Cursor(info, position)) != null) {
                throw new HeadwaterException(
                        "Cannot write %s: the name '%s' is taken".formatted(file.target(), info.name()));
            }
            position = Math.addExact(position, info.bytes());
        }
        put(start, 0);
    }

    private byte[] header(List<TensorInfo> layout, Map<String, String> metadata) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator out = BoundedJson.factory().createGenerator(bytes)) {
            out.writeStartObject();
            if (!metadata.isEmpty()) {
                out.writePOJOField(SafetensorsHeader.METADATA, new TreeMap<>(metadata));
            }
            long offset = 0;
            for (TensorInfo info : layout) {
                out.writeObjectFieldStart(info.name());
                out.writeStringField("dtype", info.dtype().name());
                out.writeFieldName("shape");
                out.writeArray(info.shape(), 0, info.rank());
                out.writeFieldName("data_offsets");
                out.writeArray(new long[] {offset, offset + info.bytes()}, 0, 2);
                out.writeEndObject();
                offset += info.bytes();
            }
            out.writeEndObject();
        } catch (IOException failure) {
            throw AtomicFile.failure(file.target(), failure);
        }
        byte[] json = bytes.toByteArray();
        byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return padded;
    }

    /**
     * Appends row-major, little-endian elements to a tensor.
     *
     * @throws HeadwaterException if no such tensor was declared, or it would become too long, or the disk is full
     */
    public void write(String name, MemorySegment elements) {
        Cursor cursor = TensorNames.lookup(cursors, name, file.target());
        long size = elements.byteSize();
        if (size > cursor.end - cursor.next) {
            throw new HeadwaterException("Cannot write %s: %d bytes are too many for tensor '%s', which lacks %d"
                    .formatted(file.target(), size, name, cursor.end - cursor.next));
        }
        for (long done = 0; done < size; ) {
            MemorySegment chunk = elements.asSlice(done, Math.min(CHUNK, size - done));
            put(
                    elements.isNative() ? chunk.asByteBuffer() : ByteBuffer.wrap(chunk.toArray(ValueLayout.JAVA_BYTE)),
                    cursor.next);
            cursor.next += chunk.byteSize();
            done += chunk.byteSize();
        }
    }

    /** Appends to a tensor of type F32. */
    public void write(String name, float[] values) {
        requireType(name, DType.F32);
        write(name, MemorySegment.ofArray(values));
    }

    /** Appends to a tensor of type I64. */
    public void write(String name, long[] values) {
        requireType(name, DType.I64);
        write(name, MemorySegment.ofArray(values));
    }

    private void requireType(String name, DType type) {
        TensorInfo info = TensorNames.lookup(cursors, name, file.target()).info;
        if (info.dtype() != type) {
            throw new HeadwaterException("Cannot write %s: tensor '%s' was declared as %s, not %s"
                    .formatted(file.target(), name, info.dtype(), type));
        }
    }

    private void put(ByteBuffer bytes, long position) {
        FileChannel channel = file.channel();
        try {
            while (bytes.hasRemaining()) {
                position += channel.write(bytes, position);
            }
        } catch (IOException failure) {
            throw AtomicFile.failure(file.target(), failure);
        }
    }

    /**
     * Gives the file its name, replacing one that had it.
     *
     * @throws HeadwaterException if data of a tensor is missing
     */
    public void commit() {
        for (Cursor cursor : cursors.values()) {
            if (cursor.next != cursor.end) {
                throw new HeadwaterException("Cannot write %s: tensor '%s' lacks %d bytes"
                        .formatted(file.target(), cursor.info.name(), cursor.end - cursor.next));
            }
        }
        MappedFile.requireWhole();
        file.commit();
    }

    @Override
    public void close() {
        file.close();
    }
}
