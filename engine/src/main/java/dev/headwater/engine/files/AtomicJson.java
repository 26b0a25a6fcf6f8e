package dev.headwater.engine.files;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/** JSON files that appear whole or not at all. */
public final class AtomicJson {
    private AtomicJson() {}

    /** Writes JSON; also past the generator, after flushing it, to the channel that it writes to. */
    @FunctionalInterface
    public interface Content {
        /** Writes the whole file. */
        void write(JsonGenerator json, WritableByteChannel channel) throws IOException;
    }

    /** @throws dev.headwater.engine.HeadwaterException if the file cannot be written; the old one is there then */
    public static void write(Path file, Content content) {
        try (AtomicFile target = AtomicFile.create(file)) {
            var out = new BufferedOutputStream(Channels.newOutputStream(target.channel()), 1 << 16);
            JsonGenerator json = BoundedJson.mapper().createGenerator(out, JsonEncoding.UTF8);
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            try (json) {
                content.write(json, target.channel());
            }
            out.flush();
            target.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }
}
