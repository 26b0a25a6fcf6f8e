package dev.headwater.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import java.util.List;
import java.util.stream.Collectors;

/** An architecture: how its configuration reads, and what its tensors are called. The defaults are what most share. */
interface Family {
    List<Family> ALL = List.of(
            new LlamaFamily(),
            new MistralFamily(),
            new MixtralFamily(),
            new Qwen2Family(),
            new Qwen3Family(),
            new Qwen3MoeFamily(),
            new GemmaFamily(),
            new Gemma2Family(),
            new Gemma3Family(),
            new Phi3Family(),
            new Olmo2Family(),
            new SmolLm3Family(),
            new GraniteFamily(),
            new GptNeoxFamily(),
            new Gpt2Family(),
            new GptOssFamily());

    /** As {@code architectures} in config.json has them. */
    List<String> architectures();

    /** As {@code model_type} in config.json has it, which counts where no architecture of the list is known. */
    List<String> modelTypes();

    /** As {@code general.architecture} of GGUF files has it. */
    default String ggufArchitecture() {
        return modelTypes().getFirst();
    }

    /** Reads a configuration under the keys of config.json. */
    ModelConfig describe(ConfigFile file);

    /** Of Hugging Face checkpoints. */
    default Layout layout() {
        return Layout.HUGGING_FACE;
    }

    /** Of GGUF files. */
    default Layout ggufLayout() {
        return Layout.GGUF;
    }

    /** Adds what this family's GGUF files leave out, under the keys of config.json. */
    default void complete(GgufConfig config) {}

    /** @throws HeadwaterException if no family reads this architecture */
    static Family of(ConfigFile file) {
        JsonNode listed = file.root().path("architectures");
        boolean typed = file.has("model_type");
        if (listed.isEmpty() && !typed) {
            throw file.error("architectures", "is missing");
        }
        for (Family family : ALL) {
            if (family.architectures().contains(listed.path(0).asText())) {
                return family;
            }
        }
        // A model without its head, or a user's own class around a known one; missing tensors will speak for
        // themselves.
        for (Family family : ALL) {
            if (typed && family.modelTypes().contains(file.text("model_type"))) {
                return family;
            }
        }
        String name =
                listed.isEmpty() ? file.text("model_type") : listed.path(0).asText();
        throw new HeadwaterException("%s: Headwater does not know the architecture '%s'; it knows %s"
                .formatted(
                        file.path(),
                        ErrorText.of(name),
                        ALL.stream()
                                .flatMap(family -> family.architectures().stream())
                                .collect(Collectors.joining(", "))));
    }
}
