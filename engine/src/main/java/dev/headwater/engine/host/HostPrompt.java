package dev.headwater.engine.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.tokens.ChatTemplate;
import dev.headwater.engine.tokens.Conversation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A prompt as tokens. */
final class HostPrompt extends Shared {
    private static final int THINKING_UNSAID = 0;
    private static final int THINKING_ON = 1;
    private static final int THINKING_OFF = 2;

    private final Prompt prompt;

    HostPrompt(Prompt prompt) {
        this.prompt = prompt;
    }

    /**
     * Reads {@code hw_prompt_input}: text, tokens, or a conversation.
     *
     * @param messages  JSON
     * @param system    what the system says first
     * @param assistant how the answer begins
     * @param chat      whether it is a conversation even if nothing but a text is given
     * @param special   whether a special token leads a conversation in any case
     * @param thinking  what the template is told, by number
     */
    static HostPrompt read(
            ReplacementModel model,
            byte @Nullable [] text,
            int @Nullable [] tokens,
            byte @Nullable [] messages,
            byte @Nullable [] system,
            byte @Nullable [] assistant,
            boolean chat,
            boolean special,
            int thinking) {
        if (thinking < THINKING_UNSAID || thinking > THINKING_OFF) {
            throw new UsageException("thinking is " + thinking + "; it can be HW_THINKING_UNSAID, _ON or _OFF");
        }
        boolean conversation = chat || messages != null || system != null || assistant != null;
        if (!conversation && (special || thinking != THINKING_UNSAID)) {
            throw new UsageException("thinking and leading_special are of conversations; set chat, or give messages");
        }
        if (conversation && tokens != null) {
            throw new UsageException("a conversation is of texts, not of tokens; leave one of them out");
        }
        if (conversation) {
            Conversation read = conversation(text, messages, system, assistant);
            if (thinking != THINKING_UNSAID) {
                read = read.withOptions(ChatTemplate.thinking(thinking == THINKING_ON));
            }
            model.tokenizer().chatTemplate().check(read, thinking != THINKING_UNSAID);
            return new HostPrompt(special ? model.chatWithLeadingSpecial(read) : model.chat(read));
        }
        if (text != null && tokens == null) {
            return new HostPrompt(model.prompt(HostText.read("The prompt", text)));
        }
        if (text == null && tokens != null) {
            return new HostPrompt(model.prompt(tokens));
        }
        throw new UsageException("a prompt is either text or tokens; give one of them");
    }

    private static Conversation conversation(
            byte @Nullable [] text, byte @Nullable [] messages, byte @Nullable [] system, byte @Nullable [] assistant) {
        Conversation said = messages == null ? null : messages(HostText.read("The list of messages", messages));
        if (text != null) {
            String last = HostText.read("The prompt", text);
            said = said == null
                    ? Conversation.of(List.of(new ChatTemplate.Message("user", last)))
                    : said.withTurn("user", last);
        }
        if (said == null) {
            throw new UsageException("nobody says anything in the conversation; give text or messages");
        }
        said = system == null ? said : said.withSystem(HostText.read("What the system says", system));
        return assistant == null
                ? said
                : said.withTurn("assistant", HostText.read("What the assistant says", assistant));
    }

    private static Conversation messages(String json) {
        try {
            return Conversation.read(BoundedJson.mapper().readTree(json));
        } catch (JsonProcessingException e) {
            throw new UsageException("the messages are not JSON: " + BoundedJson.cause(e));
        }
    }

    Prompt prompt() {
        return prompt;
    }

    @Override
    Array make(int what, int index) {
        return what == What.TOKENS ? copy(prompt.tokens()) : super.make(what, index);
    }

    @Override
    List<String> texts(int what) {
        return switch (what) {
            case What.TOKEN_TEXTS -> prompt.texts();
            case What.PROMPT_TEXT -> List.of(prompt.text());
            default -> throw none("texts", what);
        };
    }
}
