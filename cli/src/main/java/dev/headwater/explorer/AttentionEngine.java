package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.Progress;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import java.util.List;

/** What the explorer asks of a live model about attention; see {@link Engine} for threads and errors. */
public interface AttentionEngine {
    /** Explains the attention of a graph's prompt. */
    AttentionResult attention(AttentionRequest request, Progress progress);

    /** A score of a head, from a position to one that is not after it. */
    record Score(int layer, int head, int query, int key) {}

    /** Ends of an edge. */
    record Ends(Node source, Node target) {}

    /**
     * @param scan     the graph's {@code metadata.scan}
     * @param tokens   the graph's token ids, exactly as they were traced
     * @param features of the graph
     * @param edges    whose heads to find, all of every layer between their ends
     * @param briefly  edges whose strongest heads to find; those that no attention lies between are passed over
     * @param scores   to explain
     * @param patterns heads whose attention to return
     * @param top      how many sources and pairs of a score, 0 for all
     */
    record AttentionRequest(
            String scan,
            List<Integer> tokens,
            List<FeatureRef> features,
            List<Ends> edges,
            List<Ends> briefly,
            List<Score> scores,
            List<Head> patterns,
            int top) {}

    /**
     * What was asked for, in the order of the questions.
     *
     * @param edges     as {@code headwater attention --json} writes them
     * @param scores    as {@code headwater attention --json} writes them
     * @param strongest heads of the edges that were asked for briefly
     * @param patterns  of the heads
     */
    record AttentionResult(
            JsonNode edges, JsonNode scores, List<AttentionBlock.Edge> strongest, List<Pattern> patterns) {}

    /**
     * Where a head looks.
     *
     * @param attention from each position, at those up to it
     */
    record Pattern(int layer, int head, List<float[]> attention) {}
}
