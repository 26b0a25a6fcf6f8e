package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.RegularFile;
import dev.headwater.engine.gguf.GgufFile;
import dev.headwater.engine.jinja.Template;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The text that a model was trained to see for a conversation, as its files describe it. */
public final class ChatTemplate {
    /** What stands at the end of an answer that the model goes on with, until it is cut off there (as in transformers). */
    private static final String TAG = "CONTINUE_FINAL_MESSAGE_TAG ";

    /** Qwen's and GLM's name for the switch, and the one of DeepSeek and Granite. */
    private static final Set<String> THINKING = Set.of("enable_thinking", "thinking");

    private final String source;
    private final @Nullable String sourceWithTools;
    private final Map<String, String> specialText;

    private ChatTemplate(String source, @Nullable String sourceWithTools, SpecialTokens special) {
        this.source = source;
        this.sourceWithTools = sourceWithTools;
        specialText = special.text();
        Template.parse(source);
    }

    /**
     * One turn of a conversation.
     *
     * @param role {@code system}, {@code user} or {@code assistant}; templates know which they accept
     */
    public record Message(String role, String content) {}

    /**
     * Reads {@code chat_template.jinja}, else {@code chat_template} of {@code tokenizer_config.json} (a text, or a list of named
     * ones of which {@code default} counts, and {@code tool_use} where tools are given), else {@code chat_template.json}.
     *
     * @throws HeadwaterException if the model has no template or it isn't valid
     */
    static ChatTemplate read(Path modelDirectory, SpecialTokens special) {
        try {
            return find(modelDirectory, special);
        } catch (IOException e) {
            throw new HeadwaterException(
                    "Cannot read the chat template in " + modelDirectory + ": " + e.getMessage(), e);
        }
    }

    /** @throws HeadwaterException if the template isn't valid */
    static ChatTemplate of(String source, SpecialTokens special) {
        return new ChatTemplate(source, null, special);
    }

    /** {@return the options that tell templates whether the model is to think first} */
    public static Map<String, Object> thinking(boolean on) {
        return THINKING.stream().collect(Collectors.toMap(name -> name, _ -> on));
    }

    /**
     * Refuses options that the template does not read.
     *
     * @param thinking whether those of {@link #thinking} are among them, of which templates read one
     * @throws UsageException if it reads one of them, or no switch for thinking, not
     */
    public void check(Conversation conversation, boolean thinking) {
        if (thinking && THINKING.stream().noneMatch(option -> reads(conversation, option))) {
            throw new UsageException("The model's chat template has no switch for thinking; leave that out");
        }
        for (String option : conversation.options().keySet()) {
            if (!(thinking && THINKING.contains(option)) && !reads(conversation, option)) {
                throw new UsageException("The model's chat template does not read '" + option + "'");
            }
        }
    }

    /** Whether the model has a template, valid or not. */
    public static boolean exists(Path modelDirectory) {
        if (GgufFile.isGguf(modelDirectory)) {
            try (GgufFile file = GgufFile.open(modelDirectory)) {
                return file.metadata().has("tokenizer.chat_template");
            }
        }
        return Files.exists(modelDirectory.resolve("chat_template.jinja"))
                || SpecialTokens.readConfig(modelDirectory.resolve("tokenizer_config.json"))
                        .has("chat_template")
                || SpecialTokens.readConfig(modelDirectory.resolve("chat_template.json"))
                        .has("chat_template");
    }

    private static ChatTemplate find(Path directory, SpecialTokens special) throws IOException {
        Path file = directory.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            RegularFile.require(file);
            if (Files.size(file) > SpecialTokens.MOST_CONFIG_BYTES) {
                throw new HeadwaterException(
                        file + " has " + Files.size(file) + " bytes, too many for a chat template.");
            }
            return new ChatTemplate(Files.readString(file), null, special);
        }
        for (String config : List.of("tokenizer_config.json", "chat_template.json")) {
            JsonNode template =
                    SpecialTokens.readConfig(directory.resolve(config)).path("chat_template");
            Map<String, String> sources = new HashMap<>();
            if (template.isTextual()) {
                sources.put("default", template.textValue());
            }
            for (JsonNode named : template.isArray() ? template : List.<JsonNode>of()) {
                if (named.path("template").isTextual()) {
                    sources.put(
                            named.path("name").asText(), named.path("template").textValue());
                }
            }
            String source = sources.get("default");
            if (source != null) {
                return new ChatTemplate(source, sources.get("tool_use"), special);
            }
        }
        throw new HeadwaterException("The model in " + directory + " has no chat template: it is a base model, "
                + "or its tokenizer_config.json is incomplete. Give the prompt as plain text.");
    }

    private String source(Conversation conversation) {
        return sourceWithTools != null && conversation.options().get("tools") != null ? sourceWithTools : source;
    }

    /** Whether the template for this conversation names a variable: an option that it doesn't name changes nothing. */
    public boolean reads(Conversation conversation, String option) {
        return Pattern.compile("\\b" + Pattern.quote(option) + "\\b")
                .matcher(source(conversation))
                .find();
    }

    /**
     * The conversation as text, special tokens included: encode it without adding more of them. It ends with the opening of the
     * assistant's turn, or with the beginning of the answer that the conversation ends with.
     *
     * @throws HeadwaterException if the template refuses these messages
     */
    public String render(Conversation conversation) {
        return render(conversation, Clock.system(ZoneId.systemDefault()));
    }

    String render(Conversation conversation, Clock clock) {
        Template template = Template.parse(source(conversation));
        if (!conversation.isContinued()) {
            return template.render(variables(conversation.messages(), conversation.options(), true), clock);
        }
        List<Map<String, Object>> messages = new ArrayList<>(conversation.messages());
        Map<String, Object> last = new LinkedHashMap<>(messages.removeLast());
        String beginning = tag(last);
        messages.add(last);
        String text = template.render(variables(messages, conversation.options(), false), clock);
        int end = text.lastIndexOf(TAG.strip());
        if (end < 0 || !text.contains(beginning.strip())) {
            throw new HeadwaterException("The chat template leaves out the beginning of the answer, or changes it, "
                    + "so that the model cannot go on with it; write the conversation as plain text.");
        }
        // A template that trims what is said would leave blanks that it never shows.
        return text.startsWith(TAG, end)
                ? text.substring(0, end)
                : text.substring(0, end).stripTrailing();
    }

    /** Puts the tag behind the message's text, the last one of several; gives the text. */
    private static String tag(Map<String, Object> message) {
        if (message.get("content") instanceof String text) {
            message.put("content", text + TAG);
            return text;
        }
        List<Object> parts = new ArrayList<>(message.get("content") instanceof List<?> list ? list : List.of());
        for (int i = parts.size() - 1; i >= 0; i--) {
            if (parts.get(i) instanceof Map<?, ?> part && part.get("text") instanceof String text) {
                Map<Object, Object> tagged = new LinkedHashMap<>(part);
                tagged.put("text", text + TAG);
                parts.set(i, tagged);
                message.put("content", parts);
                return text;
            }
        }
        throw new UsageException("the last turn is the assistant's, but has no text that the model could go on with");
    }

    private Map<String, Object> variables(
            List<Map<String, Object>> messages, Map<String, Object> options, boolean addGenerationPrompt) {
        Map<String, Object> variables = new HashMap<>(specialText);
        variables.put("tools", null);
        variables.put("documents", null);
        variables.putAll(options);
        variables.put("messages", messages);
        variables.put("add_generation_prompt", addGenerationPrompt);
        return variables;
    }
}
