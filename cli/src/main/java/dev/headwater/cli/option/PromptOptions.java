package dev.headwater.cli.option;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.tokens.Conversation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The prompt, in one of the ways to give it. */
public final class PromptOptions {
    private static final long LARGEST_FILE = 16 << 20;

    @Parameters(arity = "0..*", paramLabel = "PROMPT", description = "The prompt; quote it.")
    private List<String> words = new ArrayList<>();

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            description = "The prompt, for scripts and for prompts that begin with a dash.")
    private @Nullable String text;

    @Option(
            names = "--prompt-file",
            paramLabel = "FILE",
            description = "Read the prompt from a UTF-8 file; one line end at its end is left out.")
    private @Nullable Path file;

    @Option(
            names = "--token-ids",
            paramLabel = "IDS",
            description = "The prompt as token ids: 1,2,3 or @FILE. Nothing is put in front.")
    private @Nullable String ids;

    @Mixin
    private ChatOptions chat;

    /** Whether there is one, in any way. */
    public boolean isGiven() {
        return !words.isEmpty() || text != null || file != null || ids != null;
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public Source read() {
        if (words.size() > 1) {
            throw new UsageException("The prompt came as " + words.size() + " arguments; put it in quotes");
        }
        String positional = words.isEmpty() ? null : words.getFirst();
        long given = Stream.of(
                        Optional.ofNullable(positional),
                        Optional.ofNullable(text),
                        Optional.ofNullable(file),
                        Optional.ofNullable(ids))
                .filter(Optional::isPresent)
                .count();
        chat.check();
        if (given == 0 && chat.hasFile()) {
            return chat.read(null);
        }
        if (given != 1) {
            throw new UsageException(
                    given == 0
                            ? "No prompt is given; write it in quotes after the command"
                            : "The prompt is given more than once; use one of PROMPT, --prompt, --prompt-file, --token-ids");
        }
        if (ids != null && chat.given()) {
            throw new UsageException("A conversation needs a prompt in words, not --token-ids");
        }
        if (ids != null) {
            return new Ids(parse(ids.startsWith("@") ? content(Path.of(ids.substring(1))) : ids));
        }
        String prompt = positional != null ? positional : text;
        if (prompt == null && file != null) {
            prompt = content(file).replaceFirst("\\R\\z", "");
        }
        if (prompt == null || prompt.isEmpty()) {
            throw new UsageException("The prompt is empty; give at least one character of text");
        }
        return chat.given() ? chat.read(prompt) : new Words(prompt);
    }

    /** A prompt that waits for the model's tokenizer. */
    public sealed interface Source {
        Prompt resolve(ReplacementModel model);

        /** Something short to name files after. */
        String title();

        /** The text that the next token follows; "" where there is none, or a template stands between. */
        default String ending() {
            return "";
        }
    }

    public record Words(String text) implements Source {
        @Override
        public Prompt resolve(ReplacementModel model) {
            return model.prompt(text);
        }

        @Override
        public String title() {
            return text;
        }

        @Override
        public String ending() {
            return text;
        }
    }

    /**
     * @param thinking whether the options that switch thinking are among the conversation's
     * @param bos      whether a special token leads in any case
     */
    public record Chat(Conversation conversation, boolean thinking, boolean bos) implements Source {
        @Override
        public Prompt resolve(ReplacementModel model) {
            model.tokenizer().chatTemplate().check(conversation, thinking);
            return bos ? model.chatWithLeadingSpecial(conversation) : model.chat(conversation);
        }

        @Override
        public String title() {
            return conversation.lastQuestion();
        }

        @Override
        public String ending() {
            return conversation.isContinued()
                    ? String.valueOf(conversation.messages().getLast().get("content"))
                    : "";
        }
    }

    public record Ids(int[] ids) implements Source {
        @Override
        public Prompt resolve(ReplacementModel model) {
            return model.prompt(ids);
        }

        @Override
        public String title() {
            return "tokens " + Arrays.toString(ids);
        }
    }

    private static int[] parse(String text) {
        String[] parts = text.strip().split("[,\\s]+");
        int[] ids = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            try {
                ids[i] = Integer.parseInt(parts[i]);
            } catch (NumberFormatException e) {
                ids[i] = -1;
            }
            if (ids[i] < 0) {
                throw new UsageException(
                        "'" + Text.cut(parts[i], 30) + "' in --token-ids is not a token id; write them as 1,2,3");
            }
        }
        return ids;
    }

    static String content(Path file) {
        return TextFile.read(file, LARGEST_FILE);
    }
}
