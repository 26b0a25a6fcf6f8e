package dev.headwater.engine.model;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.gguf.GgufFile;
import dev.headwater.engine.weights.Checkpoint;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model as it lies on the disk: a Hugging Face directory, or a GGUF file.
 *
 * @param tensors null if only the configuration was asked for
 */
record ModelFiles(ModelConfig config, Layout layout, TensorSource tensors) implements AutoCloseable {
    /** The configuration alone, of a directory whose weights need not be there. */
    static ModelConfig configuration(Path path) {
        if (GgufFile.isGguf(path)) {
            try (ModelFiles files = openGguf(path)) {
                return files.config;
            }
        }
        ConfigFile file = ConfigFile.read(path);
        return understood(file).describe(file);
    }

    /** @throws HeadwaterException if something is missing, unknown or unsound */
    static ModelFiles open(Path path) {
        if (GgufFile.isGguf(path)) {
            return openGguf(path);
        }
        if (!Files.isDirectory(path)) {
            throw new HeadwaterException(
                    Files.exists(path)
                            ? path + " is neither a model directory nor a GGUF file"
                            : "There is no model directory " + path);
        }
        ConfigFile file = ConfigFile.read(path);
        Family family = understood(file);
        return new ModelFiles(family.describe(file), family.layout(), new CheckpointSource(Checkpoint.open(path)));
    }

    /** The family of a configuration that says nothing unknown. */
    private static Family understood(ConfigFile file) {
        Family family = Family.of(file);
        requireUnderstood(file);
        if (file.has("text_config")) {
            requireUnderstood(file.within("text_config"));
        }
        return family;
    }

    private static void requireUnderstood(ConfigFile file) {
        if (file.has("quantization_config")) {
            ConfigFile quantization = file.within("quantization_config");
            if (!quantization.text("quant_method").equals("mxfp4")) {
                throw quantization.error(
                        "quant_method",
                        "is '" + ErrorText.of(quantization.text("quant_method"))
                                + "'; of quantised checkpoints only mxfp4 is read, so take the one that is not quantised");
            }
        }
        ConfigKeys.requireKnown(file);
    }

    private static ModelFiles openGguf(Path path) {
        GgufFile file = GgufFile.open(path);
        try {
            GgufConfig.Read read = GgufConfig.read(file);
            return new ModelFiles(
                    read.family().describe(read.config()), read.family().ggufLayout(), new GgufSource(file));
        } catch (Throwable failure) {
            file.close();
            throw failure;
        }
    }

    @Override
    public void close() {
        tensors.close();
    }
}
