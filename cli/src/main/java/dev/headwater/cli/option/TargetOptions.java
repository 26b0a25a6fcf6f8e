package dev.headwater.cli.option;

import dev.headwater.bindings.DType;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.OutputTargets.Direction;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.weights.SafetensorsFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a graph is to explain instead of the most probable next tokens. */
public final class TargetOptions {
    @Option(
            names = "--target-token",
            paramLabel = "TOKEN",
            description = "Explain this next token, given as its text or as #ID; may be repeated.")
    private List<String> tokens = new ArrayList<>();

    @Option(names = "--target-difference", paramLabel = "A,B", description = "Explain why token A rather than token B.")
    private @Nullable String difference;

    @Option(
            names = "--target-concept",
            paramLabel = "A,B,…",
            description =
                    "Explain a concept: the mean of these tokens' unembeddings minus the mean of those of --minus.")
    private @Nullable String concept;

    @Option(
            names = "--minus",
            paramLabel = "C,D,…",
            description = "With --target-concept: the tokens that it is held against (default: the whole vocabulary).")
    private @Nullable String minus;

    @Option(
            names = "--target-direction",
            paramLabel = "FILE",
            description =
                    "Explain a direction of the final residual stream: a safetensors file with one float32 vector.")
    private @Nullable Path direction;

    @Option(
            names = "--target-feature",
            paramLabel = "FEATURE",
            description = "Explain why a feature fires: LAYER/POSITION/NUMBER; may be repeated.")
    private List<String> features = new ArrayList<>();

    /** {@return whether anything but the most probable next tokens is to be explained} */
    public boolean isGiven() {
        return !tokens.isEmpty() || difference != null || concept != null || direction != null || !features.isEmpty();
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        long kinds = Stream.of(
                        !tokens.isEmpty(), difference != null, concept != null, direction != null, !features.isEmpty())
                .filter(given -> given)
                .count();
        if (kinds > 1) {
            throw new UsageException(
                    "A graph has targets of one kind; give one of --target-token, --target-difference, --target-concept, --target-direction, --target-feature");
        }
        if (minus != null && concept == null) {
            throw new UsageException("--minus is given without --target-concept");
        }
        if (difference != null && difference.split(",", -1).length != 2) {
            throw new UsageException("--target-difference is '" + Text.cut(difference, 30)
                    + "'; write two tokens as A,B (a token with a comma as #ID)");
        }
        features.forEach(FeatureRef::parse);
    }

    /** @param otherwise what to explain if no target is given */
    public OutputTargets of(ReplacementModel model, int positions, OutputTargets otherwise) {
        if (!tokens.isEmpty()) {
            return tokens(model, tokens);
        }
        if (difference != null) {
            String[] pair = difference.split(",");
            return difference(model, pair[0], pair[1]);
        }
        if (concept != null) {
            return concept(model, listed(concept), minus == null ? List.of() : listed(minus));
        }
        if (direction != null) {
            return new OutputTargets.Directions(
                    List.of(new Direction(direction.getFileName().toString(), 1, vector(direction))));
        }
        if (!features.isEmpty()) {
            return features(features, positions);
        }
        return otherwise;
    }

    /** @param names texts of single tokens, or {@code #ID} */
    public static OutputTargets tokens(ReplacementModel model, List<String> names) {
        return new OutputTargets.Tokens(ids(model, names));
    }

    /** @param names as {@link FeatureRef} reads them */
    public static OutputTargets features(List<String> names, int positions) {
        return new OutputTargets.Features(names.stream()
                .map(feature -> FeatureRef.parse(feature).in(positions))
                .distinct()
                .toList());
    }

    /** Why the one token rather than the other. */
    public static OutputTargets difference(ReplacementModel model, String one, String other) {
        return concept(model, List.of(one), List.of(other));
    }

    /**
     * The mean of some tokens' unembeddings minus that of others.
     *
     * @param minus may be empty: the mean over the vocabulary
     */
    public static OutputTargets concept(ReplacementModel model, List<String> tokens, List<String> minus) {
        return new OutputTargets.Directions(List.of(Direction.between(model, ids(model, tokens), ids(model, minus))));
    }

    private static List<String> listed(String tokens) {
        return List.of(tokens.split(",", -1));
    }

    private static List<Integer> ids(ReplacementModel model, List<String> names) {
        return names.stream().map(token -> token(model, token)).distinct().toList();
    }

    /** @param token text of a single token, or {@code #ID} */
    public static int token(ReplacementModel model, String token) {
        int[] ids = token.matches("#\\d{1,9}")
                ? new int[] {Integer.parseInt(token.substring(1))}
                : model.tokenizer().encode(token, false);
        if (ids.length != 1) {
            throw new UsageException("'" + Text.cut(token, 30) + "' is " + ids.length
                    + " tokens, not one (mind the space before a word); a token's id is written #ID");
        }
        if (ids[0] >= model.vocabularySize()) {
            throw new UsageException(
                    "there is no token " + ids[0] + "; the model's are 0 to " + (model.vocabularySize() - 1));
        }
        return ids[0];
    }

    private static float[] vector(Path direction) {
        try (SafetensorsFile file = SafetensorsFile.open(direction)) {
            if (file.names().size() != 1) {
                throw new HeadwaterException(
                        direction + " holds " + file.names().size() + " tensors; a direction is one");
            }
            var info = file.info(file.names().iterator().next());
            if (info.dtype() != DType.F32 || info.rank() != 1) {
                throw new HeadwaterException(direction + " holds " + info + "; a direction is one vector of F32");
            }
            return file.floats(info.name());
        }
    }
}
