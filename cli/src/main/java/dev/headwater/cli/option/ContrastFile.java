package dev.headwater.cli.option;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.graph.Prompt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Prompts to hold a prompt against: the same ones for every prompt, or each prompt's own, which are pairs. */
public final class ContrastFile {
    private static final String CONTRAST = "contrast";

    private final Path file;
    private final List<Line> lines;
    private @Nullable ReplacementModel model;
    /** By tokens; under none of them what is the same for every prompt. */
    private Map<List<Integer>, Contrast> known = Map.of();

    /** @param contrast the prompt's own, null where the line is no pair */
    private record Line(
            int number,
            PromptOptions.Source prompt,
            @Nullable List<PromptOptions.Source> contrast) {}

    private ContrastFile(Path file, List<Line> lines) {
        this.file = file;
        this.lines = lines;
    }

    /**
     * Reads it as far as that goes without a model.
     *
     * @throws dev.headwater.engine.HeadwaterException if there is no such file, or nothing in it
     * @throws UsageException if a line makes no sense, or some lines are pairs and others are not
     */
    public static ContrastFile read(Path file) {
        List<Line> lines = PromptLines.each(
                file,
                line -> new Line(
                        line.number(),
                        PromptLines.prompt(line.fields()),
                        line.fields().has(CONTRAST) ? sources(line.fields().get(CONTRAST)) : null));
        boolean pairs = lines.getFirst().contrast != null;
        for (Line line : lines) {
            if (pairs != (line.contrast != null)) {
                throw new UsageException(
                        "%s, line %d: it has %s 'contrast', the first line has %s; give pairs or prompts"
                                .formatted(file, line.number, pairs ? "no" : "a", pairs ? "one" : "none"));
            }
        }
        return new ContrastFile(file, lines);
    }

    /** A text, an object with a prompt, or a list of such. */
    private static List<PromptOptions.Source> sources(JsonNode contrast) {
        if (contrast.isArray()) {
            if (contrast.isEmpty()) {
                throw new UsageException("its contrast is an empty list");
            }
            List<PromptOptions.Source> all = new ArrayList<>();
            contrast.forEach(one -> all.add(source(one)));
            return all;
        }
        return List.of(source(contrast));
    }

    private static PromptOptions.Source source(JsonNode one) {
        if (one.isTextual()) {
            return PromptLines.prompt(BoundedJson.mapper().createObjectNode().set("prompt", one));
        }
        if (one.isObject()) {
            return PromptLines.prompt(one);
        }
        throw new UsageException("its contrast is not a prompt or a list of prompts");
    }

    /** How many prompts a mean is taken of, at most. */
    public int prompts() {
        return lines.getFirst().contrast == null
                ? lines.size()
                : lines.stream()
                        .mapToInt(line -> line.contrast == null ? 0 : line.contrast.size())
                        .max()
                        .orElseThrow();
    }

    /**
     * What a prompt is held against.
     *
     * @throws UsageException if these are pairs and the prompt is in none of them, or a line's prompt does not fit the model
     */
    public Contrast of(ReplacementModel with, Prompt prompt) {
        if (model != with) {
            known = contrasts(with);
            model = with;
        }
        Contrast found = known.get(known.containsKey(List.<Integer>of()) ? List.<Integer>of() : key(prompt));
        if (found == null) {
            throw new UsageException(file + " holds pairs, and none is of the prompt \"" + prompt.text() + "\"");
        }
        return found;
    }

    private Map<List<Integer>, Contrast> contrasts(ReplacementModel with) {
        Map<List<Integer>, List<Prompt>> prompts = new HashMap<>();
        for (Line line : lines) {
            try {
                Prompt prompt = line.prompt.resolve(with);
                if (line.contrast == null) {
                    prompts.computeIfAbsent(List.of(), all -> new ArrayList<>()).add(prompt);
                } else {
                    line.contrast.forEach(other -> prompts.computeIfAbsent(key(prompt), all -> new ArrayList<>())
                            .add(other.resolve(with)));
                }
            } catch (UsageException e) {
                throw PromptLines.inLine(file, line.number, e);
            }
        }
        Map<List<Integer>, Contrast> contrasts = new HashMap<>();
        prompts.forEach((key, all) -> contrasts.put(key, new Contrast(all)));
        return contrasts;
    }

    private static List<Integer> key(Prompt prompt) {
        return Arrays.stream(prompt.tokens()).boxed().toList();
    }
}
