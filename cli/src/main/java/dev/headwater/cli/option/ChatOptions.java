package dev.headwater.cli.option;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.tokens.ChatTemplate;
import dev.headwater.engine.tokens.Conversation;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a prompt becomes a conversation in the model's chat template. */
public final class ChatOptions {
    @Option(names = "--chat", description = "Put the prompt into the model's chat template, as what the user says.")
    private boolean chat;

    @Option(
            names = "--chat-file",
            paramLabel = "FILE",
            description =
                    "A conversation in JSON: a list of messages with role and content, or an object with messages, and if wanted tools and chat_template_kwargs. A prompt is said after it.")
    private @Nullable Path file;

    @Option(names = "--system", paramLabel = "TEXT", description = "What the system says first; means --chat.")
    private @Nullable String system;

    @Option(
            names = "--assistant",
            paramLabel = "TEXT",
            description = "The beginning of the assistant's answer, which the model goes on with; means --chat.")
    private @Nullable String assistant;

    @Option(
            names = "--thinking",
            paramLabel = "on|off",
            description = "Whether the template asks the model to think first, where it has a switch for it.")
    private @Nullable String thinking;

    @Option(
            names = "--template-option",
            paramLabel = "NAME=VALUE",
            description = "A further variable of the chat template; the value is JSON, or else a text.")
    private Map<String, String> variables = new LinkedHashMap<>();

    @Option(
            names = "--chat-bos",
            description =
                    "Put a special token in front also where the template writes none, as circuit-tracer does (default: the tokens of apply_chat_template).")
    private boolean bos;

    boolean given() {
        return chat || file != null || system != null || assistant != null;
    }

    boolean hasFile() {
        return file != null;
    }

    void check() {
        if (!given() && (thinking != null || !variables.isEmpty() || bos)) {
            throw new UsageException("--thinking, --template-option and --chat-bos need a conversation; add --chat");
        }
        if (thinking != null && !thinking.equals("on") && !thinking.equals("off")) {
            throw new UsageException("--thinking is '" + thinking + "'; it can be on or off");
        }
    }

    /** @param prompt what the user says after the conversation of a file, or null if that is all */
    PromptOptions.Chat read(@Nullable String prompt) {
        Conversation conversation = file == null ? null : conversation(file);
        if (prompt != null) {
            conversation = conversation == null
                    ? Conversation.of(List.of(new ChatTemplate.Message("user", prompt)))
                    : conversation.withTurn("user", prompt);
        }
        if (conversation == null) {
            throw new UsageException("No prompt is given; write it in quotes after the command");
        }
        conversation = system == null ? conversation : conversation.withSystem(system);
        conversation = assistant == null ? conversation : conversation.withTurn("assistant", assistant);
        return new PromptOptions.Chat(conversation.withOptions(options()), thinking != null, bos);
    }

    private static Conversation conversation(Path file) {
        try {
            return Conversation.read(BoundedJson.mapper().readTree(PromptOptions.content(file)));
        } catch (JsonProcessingException e) {
            throw new HeadwaterException(file + " is not JSON" + BoundedJson.where(e), e);
        } catch (UsageException e) {
            throw new UsageException(file + ": " + e.getMessage());
        }
    }

    private Map<String, Object> options() {
        Map<String, Object> options = new LinkedHashMap<>();
        if (thinking != null) {
            options.putAll(ChatTemplate.thinking(thinking.equals("on")));
        }
        variables.forEach((name, value) -> options.put(name, value(value)));
        return options;
    }

    private static Object value(String text) {
        try {
            return BoundedJson.mapper().readValue(text, Object.class);
        } catch (JsonProcessingException e) {
            return text;
        }
    }
}
