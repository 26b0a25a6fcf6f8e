package dev.headwater.engine.attribution;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.graph.ActiveFeatures;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.engine.graph.Prompt;

/**
 * Everything that edges of a prompt can come from, by number: active features, errors layer by layer, tokens.
 *
 * @param layers of the model
 */
public record PromptSources(int layers, Prompt prompt, ActiveFeatures active) {
    /** {@return sources in all: active features, errors and tokens} */
    public int count() {
        return active.count() + (layers + 1) * prompt.length();
    }

    /** What a source is. */
    public Node node(int number) {
        int features = active.count();
        int positions = prompt.length();
        if (number < features) {
            FeatureRef ref =
                    new FeatureRef(active.layer()[number], active.position()[number], active.feature()[number]);
            return new Node.Feature(ref, active.activation()[number]);
        }
        int rest = number - features;
        int position = rest % positions;
        return rest < layers * positions
                ? new Node.Error(rest / positions, position)
                : new Node.Token(
                        position, prompt.tokens()[position], prompt.texts().get(position));
    }

    /** The layer of a source; -1 for a token. */
    int layer(int number) {
        return switch (node(number)) {
            case Node.Feature feature -> feature.layer();
            case Node.Error error -> error.layer();
            case Node _ -> -1;
        };
    }

    /**
     * The number of a source, as {@link LinearPrompt#source} counts.
     *
     * @throws HeadwaterException if it is none of this model and prompt
     */
    public int number(Node node) {
        int all = active.count();
        int positions = prompt.length();
        boolean here = node.position() >= 0 && node.position() < positions;
        switch (node) {
            case Node.Error error
            when here && error.layer() < layers -> {
                return all + error.layer() * positions + error.position();
            }
            case Node.Token token
            when here && token.token() == prompt.tokens()[token.position()] -> {
                return all + layers * positions + token.position();
            }
            case Node.Feature feature -> {
                int low = 0;
                int high = all - 1;
                while (low <= high) {
                    int middle = (low + high) >>> 1;
                    int order = ((Node.Feature) node(middle)).ref().compareTo(feature.ref());
                    if (order == 0) {
                        return middle;
                    }
                    low = order < 0 ? middle + 1 : low;
                    high = order < 0 ? high : middle - 1;
                }
            }
            default -> {}
        }
        throw new HeadwaterException(
                switch (node) {
                    case Node.Feature feature ->
                        "the feature %d/%d/%d (layer/position/number) does not fire on this prompt in this model"
                                .formatted(feature.layer(), feature.position(), feature.feature());
                    case Node.Error error ->
                        "there is no error at layer %d and position %d in this model and prompt"
                                .formatted(error.layer(), error.position());
                    case Node.Token token ->
                        "token %d is not at position %d of this prompt".formatted(token.token(), token.position());
                    case Node.Logit logit ->
                        "the output \"%s\" is no source of an edge"
                                .formatted(logit.target().text());
                });
    }
}
