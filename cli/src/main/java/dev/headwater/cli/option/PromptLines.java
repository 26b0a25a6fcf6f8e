package dev.headwater.cli.option;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.tokens.Conversation;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Files with a prompt a line: JSON objects with {@code prompt}, {@code token_ids} or {@code messages}, and whatever else a command
 * looks for; in a file {@code *.txt} a line is a prompt. Either may be packed ({@code *.gz}) or come from standard input
 * ({@code -}), which holds JSON if it begins with a brace.
 */
public final class PromptLines {
    /** Where the prompt is, in one of these. */
    public static final List<String> KEYS = List.of("prompt", "token_ids", "messages");

    private static final long LARGEST_FILE = 256 << 20;

    private PromptLines() {}

    /**
     * A line that is not blank.
     *
     * @param number from 1, blank lines counted
     * @param fields what it says; missing if it is not JSON
     * @param fault  why it is not JSON, or null
     */
    public record Line(
            int number, JsonNode fields, @Nullable String fault) {}

    /** @throws HeadwaterException if the file cannot be read, or has no lines in it */
    public static List<Line> read(Path file) {
        String content = TextFile.read(file, LARGEST_FILE);
        boolean plain = TextFile.isStandardInput(file)
                ? !content.stripLeading().startsWith("{")
                : TextFile.kind(file).endsWith(".txt");
        List<Line> lines = new ArrayList<>();
        int number = 0;
        for (String text : content.lines().toList()) {
            number++;
            if (!text.isBlank()) {
                lines.add(
                        plain
                                ? new Line(
                                        number,
                                        BoundedJson.mapper().createObjectNode().put("prompt", text),
                                        null)
                                : parsed(number, text));
            }
        }
        if (lines.isEmpty()) {
            throw new HeadwaterException(file + " has no prompts in it");
        }
        return lines;
    }

    /**
     * Makes something of every line of a file.
     *
     * @throws HeadwaterException as {@link #read}
     * @throws UsageException that names the line, if it is not JSON or {@code sense} says that it makes none
     */
    public static <T> List<T> each(Path file, Function<Line, T> sense) {
        List<T> made = new ArrayList<>();
        for (Line line : read(file)) {
            try {
                if (line.fault() != null) {
                    throw new UsageException(line.fault());
                }
                made.add(sense.apply(line));
            } catch (UsageException e) {
                throw inLine(file, line.number(), e);
            }
        }
        return made;
    }

    /** What is wrong with a line, as a sentence about the file. */
    public static UsageException inLine(Path file, int number, UsageException e) {
        return new UsageException(file + ", line " + number + ": " + e.getMessage());
    }

    private static Line parsed(int number, String text) {
        try {
            return new Line(number, BoundedJson.mapper().readTree(text), null);
        } catch (JsonProcessingException e) {
            return new Line(number, MissingNode.getInstance(), "it is not JSON: " + BoundedJson.cause(e));
        }
    }

    /** @throws UsageException if there is no prompt, or more than one, or it makes no sense: what is wrong with "it" */
    public static PromptOptions.Source prompt(JsonNode fields) {
        if (!fields.isObject()) {
            throw new UsageException("it is not a JSON object with a prompt, token_ids or messages");
        }
        List<String> given = KEYS.stream().filter(fields::has).toList();
        if (given.size() != 1) {
            throw new UsageException(
                    given.isEmpty()
                            ? "it has no prompt, no token_ids and no messages"
                            : "it has " + String.join(" and ", given) + "; one of them is enough");
        }
        refuseHalfPairs(fields);
        return switch (given.getFirst()) {
            case "prompt" -> new PromptOptions.Words(text(fields, "prompt"));
            case "messages" -> new PromptOptions.Chat(Conversation.read(fields), false, false);
            default -> new PromptOptions.Ids(ids(fields.get("token_ids")));
        };
    }

    /** Half a surrogate pair, which JSON can say, is no character: no tokenizer knows it and no file can hold it. */
    private static void refuseHalfPairs(JsonNode value) {
        if (value.isTextual() && !StandardCharsets.UTF_8.newEncoder().canEncode(value.textValue())) {
            throw new UsageException(
                    "it has a text that is not valid Unicode: half a surrogate pair, cut off from its other half");
        }
        value.forEach(PromptLines::refuseHalfPairs);
    }

    /** @throws UsageException if the key's value is not a text with something in it */
    public static String text(JsonNode fields, String key) {
        if (!fields.path(key).isTextual() || fields.get(key).textValue().isEmpty()) {
            throw new UsageException("its " + key + " is not a text with something in it");
        }
        return fields.get(key).textValue();
    }

    private static int[] ids(JsonNode list) {
        if (!list.isArray() || list.isEmpty()) {
            throw new UsageException("its token_ids are not a list of numbers");
        }
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            if (!list.get(i).isIntegralNumber()
                    || !list.get(i).canConvertToInt()
                    || list.get(i).intValue() < 0) {
                throw new UsageException(
                        "its token_ids hold " + Text.cut(list.get(i).toString(), 30) + ", which is not a token id");
            }
            ids[i] = list.get(i).intValue();
        }
        return ids;
    }
}
