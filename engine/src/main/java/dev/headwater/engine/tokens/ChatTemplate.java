package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.jinja.Template;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The text that a model was trained to see for a conversation, as its files describe it. */
public final class ChatTemplate {
    private final Template template;
    private final Map<String, String> specialText;

    private ChatTemplate(Template template, Map<String, String> specialText) {
        this.template = template;
        this.specialText = specialText;
    }

    /**
     * One turn of a conversation.
     *
     * @param role {@code system}, {@code user} or {@code assistant}; templates know which they accept
     */
    public record Message(String role, String content) {}

    /**
     * Reads {@code chat_template.jinja}, else {@code chat_template} of {@code tokenizer_config.json} (a text, or a list of named
     * ones of which {@code default} counts), else {@code chat_template.json}.
     *
     * @throws HeadwaterException if the model has no template or it isn't valid
     */
    static ChatTemplate read(Path modelDirectory, SpecialTokens special) {
        try {
            return new ChatTemplate(Template.parse(source(modelDirectory)), special.text());
        } catch (IOException e) {
            throw new HeadwaterException(
                    "Cannot read the chat template in " + modelDirectory + ": " + e.getMessage(), e);
        }
    }

    /** @throws HeadwaterException if the template isn't valid */
    static ChatTemplate of(String source, SpecialTokens special) {
        return new ChatTemplate(Template.parse(source), special.text());
    }

    /** Whether the model has a template, valid or not. */
    public static boolean exists(Path modelDirectory) {
        return Files.exists(modelDirectory.resolve("chat_template.jinja"))
                || SpecialTokens.readConfig(modelDirectory.resolve("tokenizer_config.json"))
                        .has("chat_template")
                || SpecialTokens.readConfig(modelDirectory.resolve("chat_template.json"))
                        .has("chat_template");
    }

    private static String source(Path directory) throws IOException {
        Path file = directory.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            if (Files.size(file) > SpecialTokens.MOST_CONFIG_BYTES) {
                throw new HeadwaterException(
                        file + " has " + Files.size(file) + " bytes, too many for a chat template.");
            }
            return Files.readString(file);
        }
        for (String config : List.of("tokenizer_config.json", "chat_template.json")) {
            JsonNode template =
                    SpecialTokens.readConfig(directory.resolve(config)).path("chat_template");
            for (JsonNode named : template.isArray() ? template : List.<JsonNode>of()) {
                if (named.path("name").asText().equals("default")) {
                    template = named.path("template");
                }
            }
            if (template.isTextual()) {
                return template.textValue();
            }
        }
        throw new HeadwaterException("The model in " + directory + " has no chat template: it is a base model, "
                + "or its tokenizer_config.json is incomplete. Give the prompt as plain text.");
    }

    /**
     * The conversation as text, special tokens included: encode it without adding more of them.
     *
     * @param addGenerationPrompt ends with the opening of the assistant's next turn
     * @throws HeadwaterException if the template refuses these messages
     */
    public String render(List<Message> messages, boolean addGenerationPrompt) {
        return render(messages, addGenerationPrompt, Clock.system(ZoneId.systemDefault()));
    }

    /** In this order, which a template that writes messages out as they are shows. */
    private static Map<String, Object> asGiven(Message message) {
        Map<String, Object> given = new LinkedHashMap<>();
        given.put("role", message.role());
        given.put("content", message.content());
        return given;
    }

    String render(List<Message> messages, boolean addGenerationPrompt, Clock clock) {
        Map<String, Object> variables = new HashMap<>(specialText);
        variables.put("messages", messages.stream().map(ChatTemplate::asGiven).toList());
        variables.put("add_generation_prompt", addGenerationPrompt);
        variables.put("tools", null);
        variables.put("documents", null);
        return template.render(variables, clock);
    }
}
