package dev.headwater.fuzz;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.gguf.GgufFile;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.tokens.Tokenizer;
import dev.headwater.engine.weights.Checkpoint;
import dev.headwater.engine.weights.NpzFile;
import dev.headwater.engine.weights.SafetensorsFile;
import dev.headwater.engine.weights.WeightFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Files of tensors. */
final class WeightReaders {
    private WeightReaders() {}

    /** Reads tensors one by one: behind a damaged one the next may be sound. */
    private static void all(WeightFile file) {
        file.metadata();
        for (String name : file.names()) {
            try {
                file.finiteFloats(name);
            } catch (HeadwaterException refusal) {
                Rule.sentence(refusal);
            }
        }
    }

    abstract static class OfFile implements Reader {
        final Scratch scratch = new Scratch();

        abstract void open(Path file);

        @Override
        public void read(byte[] input) throws IOException {
            open(scratch.write("weights", input));
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    static final class Safetensors extends OfFile {
        @Override
        void open(Path path) {
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                all(file);
            }
        }
    }

    static final class Npz extends OfFile {
        @Override
        void open(Path path) {
            try (NpzFile file = NpzFile.open(path)) {
                all(file);
            }
        }
    }

    /** Header, metadata and the numbers of every tensor in every block type. */
    static final class Gguf extends OfFile {
        @Override
        void open(Path path) {
            GgufFile.isGguf(path);
            try (GgufFile file = GgufFile.open(path)) {
                for (String name : file.names()) {
                    file.shape(name);
                    try {
                        file.floats(name);
                    } catch (HeadwaterException refusal) {
                        Rule.sentence(refusal);
                    }
                }
            }
        }
    }

    /** What a GGUF file says about its model and tokenizer. */
    static final class GgufModel extends OfFile {
        @Override
        void open(Path path) {
            try {
                Tokenizer tokenizer = Tokenizer.open(path);
                tokenizer.decode(tokenizer.encode(TokenReaders.TEXT, true));
                tokenizer.chatTemplate();
            } catch (HeadwaterException refusal) {
                Rule.sentence(refusal);
            }
            ModelConfig.read(path).parameters();
        }
    }

    /** {@code model.safetensors.index.json} beside two shards. */
    static final class ShardIndex implements Reader {
        private final Scratch scratch = new Scratch();

        ShardIndex() throws IOException {
            scratch.write("model-1.safetensors", shard("a"));
            scratch.write("model-2.safetensors", shard("c"));
        }

        private static byte[] shard(String name) throws IOException {
            String header = "{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(header.length());
            out.writeBytes(new byte[7]);
            out.writeBytes(header.getBytes(StandardCharsets.US_ASCII));
            out.writeBytes(new byte[4]);
            return out.toByteArray();
        }

        @Override
        public void read(byte[] input) throws IOException {
            scratch.write("model.safetensors.index.json", input);
            try (Checkpoint checkpoint = Checkpoint.open(scratch.directory())) {
                all(checkpoint);
            }
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }
}
