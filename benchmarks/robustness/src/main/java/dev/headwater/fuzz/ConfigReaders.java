package dev.headwater.fuzz;

import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.files.BoundedYaml;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.transcoder.TranscoderConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Configurations, and texts to learn from. */
final class ConfigReaders {
    private ConfigReaders() {}

    static final class Yaml implements Reader {
        @Override
        public void read(byte[] input) {
            BoundedYaml.parse(new String(input, StandardCharsets.UTF_8), "config.yaml");
        }
    }

    abstract static class InDirectory implements Reader {
        final Scratch scratch = new Scratch();

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    static final class Transcoders extends InDirectory {
        @Override
        public void read(byte[] input) throws IOException {
            scratch.write("config.yaml", input);
            TranscoderConfig.read(scratch.directory());
        }
    }

    static final class Model extends InDirectory {
        @Override
        public void read(byte[] input) throws IOException {
            scratch.write("config.json", input);
            ModelConfig.read(scratch.directory()).parameters();
        }
    }

    static final class JsonLines extends InDirectory {
        @Override
        public void read(byte[] input) throws IOException {
            scratch.write("text.jsonl", input);
            new Corpus(List.of(scratch.directory().resolve("text.jsonl"))).read(document -> true);
        }
    }
}
