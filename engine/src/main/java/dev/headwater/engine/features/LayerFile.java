package dev.headwater.engine.features;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.MappedFile;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.LongStream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

/** Writes a layer's records in the form that {@link FeatureFiles} describes; the file appears whole or not at all. */
final class LayerFile implements AutoCloseable {
    private final AtomicFile file;
    private final OutputStream out;

    private LayerFile(AtomicFile file) {
        this.file = file;
        out = new BufferedOutputStream(Channels.newOutputStream(file.channel()), 1 << 20);
    }

    static LayerFile create(Path directory, int layer) {
        return new LayerFile(AtomicFile.create(path(directory, layer)));
    }

    static Path path(Path directory, int layer) {
        return directory.resolve("layer_" + layer + ".bin");
    }

    /** Writes a JSON object. */
    @FunctionalInterface
    interface Content {
        void write(JsonGenerator json) throws IOException;
    }

    /** A record as the file has it; may be made by several threads at once. */
    static byte[] packed(Content record) {
        var packed = new ByteArrayOutputStream(4096);
        packed.writeBytes(new byte[Integer.BYTES]);
        Deflater deflater = new Deflater();
        try (JsonGenerator json = BoundedJson.factory().createGenerator(new DeflaterOutputStream(packed, deflater))) {
            record.write(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            deflater.end();
        }
        byte[] bytes = packed.toByteArray();
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length - Integer.BYTES);
        return bytes;
    }

    /** Appends the next feature's record. */
    void add(Content record) {
        add(packed(record));
    }

    /** Appends the next feature's record, which is {@link #packed}. */
    void add(byte[] record) {
        try {
            out.write(record);
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
    }

    void commit() {
        MappedFile.requireWhole();
        try {
            out.flush();
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
        file.commit();
    }

    @Override
    public void close() {
        file.close();
    }

    /** Writes the index of finished layers, whose offsets the records' lengths give. */
    static void writeIndex(Path directory, int layers) {
        Path index = directory.resolve(FeatureFiles.INDEX);
        try (AtomicFile file = AtomicFile.create(index)) {
            var gzip = new GZIPOutputStream(Channels.newOutputStream(file.channel()), 1 << 16);
            JsonGenerator json =
                    BoundedJson.factory().createGenerator(gzip).disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.writeStartArray();
            for (int layer = 0; layer < layers; layer++) {
                json.writeStartObject();
                json.writeStringField(
                        "filename", path(directory, layer).getFileName().toString());
                long[] offsets = offsets(path(directory, layer));
                json.writeFieldName("offsets");
                json.writeArray(offsets, 0, offsets.length);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.close();
            gzip.finish();
            file.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(index, e);
        }
    }

    private static long[] offsets(Path layer) throws IOException {
        LongStream.Builder offsets = LongStream.builder().add(0);
        try (FileChannel channel = FileChannel.open(layer, StandardOpenOption.READ)) {
            ByteBuffer length = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (long at = 0; at < channel.size(); ) {
                int read = channel.read(length.clear(), at);
                long next = at + Integer.BYTES + (read < Integer.BYTES ? -1 : length.getInt(0));
                if (next < at + Integer.BYTES || next > channel.size()) {
                    throw new HeadwaterException("%s is damaged; delete its directory to begin anew".formatted(layer));
                }
                offsets.add(next);
                at = next;
            }
        }
        return offsets.build().toArray();
    }

    /** Layers that have their file, from the first on without a gap. */
    static int finished(Path directory, int layers) {
        int finished = 0;
        while (finished < layers && Files.isRegularFile(path(directory, finished))) {
            finished++;
        }
        return finished;
    }
}
