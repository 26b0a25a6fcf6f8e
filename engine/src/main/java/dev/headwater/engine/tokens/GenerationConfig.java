package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;

/**
 * What a model's {@code generation_config.json} says that holds whoever generates: the tokens that end a text. All its
 * other keys are another program's defaults for sampling, in place of which stand the options of whoever asks here.
 *
 * @param stop ids of the tokens after which a text is at its end; empty if the file names none, or there is no file
 */
public record GenerationConfig(SequencedSet<Integer> stop) {
    private static final String FILE = "generation_config.json";
    private static final String STOP = "eos_token_id";

    /**
     * @param modelDirectory where the file lies beside {@code config.json}, if there is one
     * @throws HeadwaterException if the file is no JSON object, or names as an end what is no token's id
     */
    public static GenerationConfig read(Path modelDirectory) {
        Path file = modelDirectory.resolve(FILE);
        JsonNode ends = SpecialTokens.readConfig(file).path(STOP);
        SequencedSet<Integer> stop = new LinkedHashSet<>();
        for (JsonNode id : ends.isArray() ? ends : List.of(ends)) {
            if (id.isInt() && id.intValue() >= 0) {
                stop.add(id.intValue());
            } else if (!id.isMissingNode() && !id.isNull()) {
                throw new HeadwaterException("%s: %s is %s, and should be a token's id or a list of them"
                        .formatted(file, STOP, ErrorText.of(ends.toString())));
            }
        }
        return new GenerationConfig(stop);
    }
}
