package dev.headwater.engine.intervention;

import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.document.PlainGraph.Item;
import dev.headwater.engine.model.TraceRequest.Logits;
import dev.headwater.engine.tokens.Tokenizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The answer that a graph explains: at each position that has outputs the most probable of its tokens. Of a graph of directions or
 * features it is what the model says at the prompt's end.
 *
 * @param position ascending [n]
 * @param token    the next token there [n]
 */
record Outputs(int[] position, int[] token) {
    static Outputs of(PlainGraph graph, Baseline baseline) {
        int vocabulary = baseline.model().vocabularySize();
        int[] logits = IntStream.range(0, graph.size())
                .filter(i -> graph.nodes().get(i).kind() == Kind.LOGIT
                        && graph.nodes().get(i).number() >= 0
                        && graph.nodes().get(i).number() < vocabulary)
                .toArray();
        int[] position = Arrays.stream(logits)
                .map(i -> graph.nodes().get(i).position())
                .distinct()
                .sorted()
                .toArray();
        if (position.length == 0) {
            return new Outputs(
                    new int[] {baseline.run().positions() - 1},
                    new int[] {Sampling.greedy(baseline.run().logits(-1))});
        }
        int[] token = Arrays.stream(position)
                .map(at -> Arrays.stream(logits)
                        .filter(i -> graph.nodes().get(i).position() == at)
                        .boxed()
                        .max(Comparator.comparingDouble(i -> graph.weights()[i]))
                        .map(i -> graph.nodes().get(i))
                        .map(Item::number)
                        .orElseThrow()
                        .intValue())
                .toArray();
        return new Outputs(position, token);
    }

    /** Its tokens; where one does not follow the other in the text, " … " stands between. */
    String text(Tokenizer tokenizer) {
        var text = new StringBuilder(tokenizer.token(token[0]));
        for (int i = 1; i < token.length; i++) {
            text.append(position[i] == position[i - 1] + 1 ? "" : " … ").append(tokenizer.token(token[i]));
        }
        return text.toString();
    }

    /** The geometric mean of the tokens' probabilities, each after the text before it; of one token its probability. */
    double probability(Run run) {
        double product = 1;
        for (int i = 0; i < token.length; i++) {
            product *= Math.pow(run.probabilities(position[i])[token[i]], 1.0 / token.length);
        }
        return product;
    }

    /** What a run has to keep for {@link #probability}. */
    Logits needed(Baseline baseline) {
        return position[0] == baseline.run().positions() - 1 ? Logits.LAST : Logits.ALL;
    }
}
