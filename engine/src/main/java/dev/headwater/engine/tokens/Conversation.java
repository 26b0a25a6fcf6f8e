package dev.headwater.engine.tokens;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A conversation, and what its template is told besides. Where its last turn is the assistant's, that turn is a beginning which the
 * model goes on with; otherwise the model's answer begins after it.
 *
 * @param messages turns as the template sees them: keys in the order given, {@code role} and {@code content} among them
 * @param options  further variables of the template, such as {@code tools} or {@code enable_thinking}
 */
public record Conversation(List<Map<String, Object>> messages, Map<String, Object> options) {
    private static final Set<String> TAKEN = Set.of("messages", "add_generation_prompt");
    private static final Set<String> KEYS = Set.of("messages", "tools", "documents", "chat_template_kwargs");

    public Conversation {
        if (messages.isEmpty()) {
            throw new UsageException("the conversation is empty; give it at least one turn");
        }
        for (String option : options.keySet()) {
            if (TAKEN.contains(option)) {
                throw new UsageException(
                        "'" + option + "' is no option of a chat template: it follows from the conversation");
            }
        }
        messages = List.copyOf(messages);
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    }

    /** {@return a conversation of plain turns, without template options} */
    public static Conversation of(List<ChatTemplate.Message> turns) {
        return new Conversation(
                turns.stream().map(turn -> turn(turn.role(), turn.content())).toList(), Map.of());
    }

    /**
     * A list of messages, or an object with {@code messages} and if wanted {@code tools}, {@code documents} and
     * {@code chat_template_kwargs}, as Hugging Face's library takes them.
     *
     * @throws UsageException if it is something else
     */
    public static Conversation read(JsonNode json) {
        JsonNode list = json.isArray() ? json : json.path("messages");
        if (!list.isArray() || list.isEmpty()) {
            throw new UsageException("a conversation is a list of messages, or an object with a list 'messages'");
        }
        List<Map<String, Object>> messages = new ArrayList<>();
        for (JsonNode message : list) {
            String place = "message " + (messages.size() + 1);
            if (!message.isObject() || !message.path("role").isTextual()) {
                throw new UsageException(place + " is not an object with a role and a content");
            }
            JsonNode content = message.path("content");
            if (!content.isTextual() && !content.isArray() && !message.has("tool_calls")) {
                throw new UsageException(place + " has no content that is a text or a list of parts");
            }
            messages.add(map(message));
        }
        Map<String, Object> options = new LinkedHashMap<>();
        for (String key : List.of("tools", "documents")) {
            if (json.hasNonNull(key)) {
                options.put(key, BoundedJson.mapper().convertValue(json.get(key), Object.class));
            }
        }
        JsonNode further = json.path("chat_template_kwargs");
        if (further.isObject()) {
            options.putAll(map(further));
        } else if (!further.isMissingNode() && !further.isNull()) {
            throw new UsageException("'chat_template_kwargs' is not an object");
        }
        return new Conversation(messages, options);
    }

    /** Keys that {@link #read} knows in an object. */
    public static Set<String> keys() {
        return KEYS;
    }

    private static Map<String, Object> map(JsonNode object) {
        return BoundedJson.mapper().convertValue(object, new TypeReference<LinkedHashMap<String, Object>>() {});
    }

    private static Map<String, Object> turn(String role, String content) {
        Map<String, Object> turn = new LinkedHashMap<>();
        turn.put("role", role);
        turn.put("content", content);
        return turn;
    }

    /** This conversation after a system's turn. */
    public Conversation withSystem(String content) {
        if ("system".equals(messages.getFirst().get("role"))) {
            throw new UsageException("the conversation begins with a system turn already");
        }
        List<Map<String, Object>> longer = new ArrayList<>(messages);
        longer.addFirst(turn("system", content));
        return new Conversation(longer, options);
    }

    /** This conversation with one more turn. */
    public Conversation withTurn(String role, String content) {
        if (isContinued()) {
            throw new UsageException(
                    "the conversation ends with a turn of the assistant, which the model goes on with; "
                            + "no turn can follow");
        }
        List<Map<String, Object>> longer = new ArrayList<>(messages);
        longer.add(turn(role, content));
        return new Conversation(longer, options);
    }

    /** {@return this conversation with more options for the template} */
    public Conversation withOptions(Map<String, Object> more) {
        Map<String, Object> all = new LinkedHashMap<>(options);
        all.putAll(more);
        return new Conversation(messages, all);
    }

    /** Whether the last turn is the assistant's, for the model to go on with. */
    public boolean isContinued() {
        return "assistant".equals(messages.getLast().get("role"));
    }

    /** What the last turn of the user says, or of anybody if there is none. */
    public String lastQuestion() {
        return messages.reversed().stream()
                .filter(message -> "user".equals(message.get("role")))
                .findFirst()
                .map(message -> String.valueOf(message.get("content")))
                .orElseGet(() -> String.valueOf(messages.getLast().get("content")));
    }
}
