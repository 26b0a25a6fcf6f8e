package dev.headwater.engine.features;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.MappedFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
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
    private final Deflater deflater = new Deflater();

    private LayerFile(AtomicFile file) {
        this.file = file;
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

    /** Appends the next feature's record. */
    void add(Content record) {
        try {
            var packed = new ByteArrayOutputStream(4096);
            deflater.reset();
            try (JsonGenerator json =
                    BoundedJson.factory().createGenerator(new DeflaterOutputStream(packed, deflater))) {
                record.write(json);
            }
            ByteBuffer bytes =
                    ByteBuffer.allocate(Integer.BYTES + packed.size()).order(ByteOrder.LITTLE_ENDIAN);
            bytes.putInt(packed.size()).put(packed.toByteArray()).flip();
            while (bytes.hasRemaining()) {
                file.channel().write(bytes);
            }
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
    }

    void commit() {
        MappedFile.requireWhole();
        file.commit();
    }

    @Override
    public void close() {
        deflater.end();
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
