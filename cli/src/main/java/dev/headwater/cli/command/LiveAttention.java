package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.util.TokenBuffer;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attention.AttentionJson;
import dev.headwater.engine.attention.EdgeHeads;
import dev.headwater.engine.attention.GraphHeads;
import dev.headwater.engine.attention.Head;
import dev.headwater.engine.attention.ScoreSources;
import dev.headwater.engine.attribution.LinearPrompt;
import dev.headwater.engine.document.AttentionBlock;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Node;
import dev.headwater.explorer.AttentionEngine.AttentionRequest;
import dev.headwater.explorer.AttentionEngine.AttentionResult;
import dev.headwater.explorer.AttentionEngine.Ends;
import dev.headwater.explorer.AttentionEngine.Pattern;
import dev.headwater.explorer.AttentionEngine.Score;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Explains attention in the explorer. It keeps the prompt that was asked about last, since questions come in rows. */
final class LiveAttention implements AutoCloseable {
    /** Of an edge's loadings that its strongest heads reach. */
    private static final double SHARE = 0.99;

    /** Steps that a probability is told in: patterns of long prompts are large. */
    private static final float STEPS = 1e5f;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private @Nullable LinearPrompt kept;
    private @Nullable List<FeatureRef> known;

    AttentionResult answer(ReplacementModel live, AttentionRequest request, Progress progress) {
        LinearPrompt prompt = prompt(live, request.tokens(), request.features(), progress);
        stopIfCancelled(progress);
        List<AttentionBlock.Edge> strongest = request.briefly().isEmpty()
                ? List.of()
                : GraphHeads.strongest(prompt, targets(request.briefly()), sources(request.briefly()), SHARE, progress);
        List<EdgeHeads> edges = request.edges().isEmpty()
                ? List.of()
                : EdgeHeads.of(prompt, targets(request.edges()), sources(request.edges()), null, progress);
        List<ScoreSources> scores = new ArrayList<>();
        for (Score score : request.scores()) {
            stopIfCancelled(progress);
            progress.phase("explain a score", 1);
            scores.add(ScoreSources.of(
                    prompt, new Head(score.layer(), score.head()), score.query(), score.key(), request.top()));
        }
        List<Pattern> patterns = new ArrayList<>();
        for (Head head : request.patterns()) {
            stopIfCancelled(progress);
            head.check(live.model().config());
            patterns.add(pattern(prompt, head));
        }
        JsonNode explained = explained(prompt, request.top(), edges, scores);
        return new AttentionResult(explained.get("edges"), explained.get("scores"), strongest, patterns);
    }

    private LinearPrompt prompt(
            ReplacementModel live, List<Integer> tokens, List<FeatureRef> features, Progress progress) {
        int[] ids = tokens.stream().mapToInt(Integer::intValue).toArray();
        if (kept == null
                || kept.model() != live
                || !Arrays.equals(kept.prompt().tokens(), ids)
                || !features.equals(known)) {
            close();
            kept = LinearPrompt.of(live, live.prompt(ids), features, 0, progress);
            known = features;
        }
        return kept;
    }

    private static List<Node> sources(List<Ends> edges) {
        return edges.stream().map(Ends::source).toList();
    }

    private static List<Node> targets(List<Ends> edges) {
        return edges.stream().map(Ends::target).toList();
    }

    private static void stopIfCancelled(Progress progress) {
        if (progress.cancelled()) {
            throw new CancellationException("explaining attention was cancelled");
        }
    }

    private static Pattern pattern(LinearPrompt prompt, Head head) {
        int positions = prompt.prompt().length();
        float[] all;
        try (var _ = TensorScope.open()) {
            all = TorchShape.select(prompt.attention(head.layer()), 0, head.head())
                    .toFloats();
        }
        List<float[]> rows = IntStream.range(0, positions)
                .mapToObj(query -> Arrays.copyOfRange(all, query * positions, query * positions + query + 1))
                .toList();
        for (float[] row : rows) {
            for (int key = 0; key < row.length; key++) {
                row[key] = Math.round(row[key] * STEPS) / STEPS;
            }
        }
        return new Pattern(head.layer(), head.head(), rows);
    }

    private static JsonNode explained(LinearPrompt prompt, int top, List<EdgeHeads> edges, List<ScoreSources> scores) {
        try (TokenBuffer buffer = new TokenBuffer(MAPPER, false)) {
            new AttentionJson(prompt, top).write(buffer, edges, scores);
            return MAPPER.readTree(buffer.asParser());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Lets go of the prompt; the next question reads it again. */
    @Override
    public void close() {
        if (kept != null) {
            kept.close();
            kept = null;
        }
    }
}
