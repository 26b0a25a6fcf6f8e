package dev.headwater.engine.document;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.HubSettings;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.tokens.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/** Graphs that are not pruned, in either of the formats that are read: our own, and the public Python library's. */
public final class WholeGraph {
    private static final List<String> TOKENIZER =
            List.of("tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "config.json");

    private WholeGraph() {}

    /** Whether a file's name says that it is one. */
    public static boolean isNamed(Path file) {
        return file.toString().endsWith(".safetensors") || PickledGraph.isNamed(file);
    }

    /**
     * Reads a graph. Tokens of the Python library's files read as the model's tokenizer has them if it is on this machine,
     * else {@code #id}; nothing is fetched.
     *
     * @param remark told in one sentence if tokens are read as numbers
     * @return the graph, to be closed by the caller
     * @throws HeadwaterException if the file is missing or not sound
     */
    public static AttributionGraph read(Path file, Consumer<String> remark) {
        return PickledGraph.isNamed(file)
                ? PickledGraph.read(file, model -> texts(model, remark))
                : GraphFile.read(file);
    }

    /** The same, without a word about tokens whose texts are not known. */
    public static AttributionGraph read(Path file) {
        return read(file, _ -> {});
    }

    /** What a graph's file says of attention; the Python library's say nothing. */
    public static Optional<AttentionBlock> attention(Path file) {
        return PickledGraph.isNamed(file) ? Optional.empty() : GraphFile.attention(file);
    }

    private static IntFunction<String> texts(String model, Consumer<String> remark) {
        String cure = "";
        try (Hub hub = new Hub(HubSettings.fromEnvironment().withoutNetwork())) {
            // A path in somebody's file is not one of this machine: only names of the hub and of bundled models count.
            Reference reference = Reference.parse(model);
            if (!(reference instanceof Reference.Local)) {
                cure = "; headwater fetch " + ErrorText.of(model) + " brings it";
                return Tokenizer.open(
                        hub.resolve(reference, TOKENIZER, Progress.NONE).directory())::token;
            }
        } catch (HeadwaterException e) {
            // Without its tokenizer a graph is still a graph.
        }
        remark.accept("The tokenizer of the graph's model, " + ErrorText.of(model)
                + ", is not on this machine, so tokens are shown as #ID" + cure + ".");
        return id -> "#" + id;
    }
}
