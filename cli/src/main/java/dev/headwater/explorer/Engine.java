package dev.headwater.explorer;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Rank;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.features.FeatureEvidence;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.intervention.HeadEdit;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the explorer asks of a live model. {@link #models()} may be called from any thread at any time and returns fast; the
 * explorer calls the other methods one at a time. They throw a {@link dev.headwater.engine.HeadwaterException} whose message
 * the user will read, and a {@link java.util.concurrent.CancellationException} when {@link Progress#cancelled()}.
 */
public interface Engine extends AttentionEngine, CircuitEngine {
    /** No live model: graph files can be seen and annotated, nothing new can be computed. */
    Engine NONE = new Engine() {
        @Override
        public List<Model> models() {
            return List.of();
        }

        @Override
        public List<String> tokens(String model, Prompt prompt) {
            throw new UsageException(
                    "This explorer runs without a live model: start it with one to tokenize a prompt.");
        }

        @Override
        public Outlook outlook(String model, String transcoders, Prompt prompt, int maxFeatureNodes) {
            throw new UsageException("This explorer runs without a live model: start it with one to look at a prompt.");
        }

        @Override
        public void attribute(GraphRequest request, Path target, Progress progress) {
            throw new UsageException("This explorer runs without a live model: start it with one to trace a prompt.");
        }

        @Override
        public SteerResult intervene(SteerRequest request, Progress progress) {
            throw new UsageException("This explorer runs without a live model: start it with one to steer.");
        }

        @Override
        public AttentionResult attention(AttentionRequest request, Progress progress) {
            throw new UsageException(
                    "This explorer runs without a live model: start it with one to explain attention.");
        }

        @Override
        public Timed<Explanation> explain(Subject subject, Explanation.Options options, Progress progress) {
            throw new UsageException("This explorer runs without a live model: start it with one to explain a graph.");
        }

        @Override
        public Timed<Judgement> judge(
                Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
            throw new UsageException("This explorer runs without a live model: start it with one to judge a circuit.");
        }

        @Override
        public Timed<Card> card(
                Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
            throw new UsageException("This explorer runs without a live model: start it with one to judge a circuit.");
        }

        @Override
        public Timed<WhyNot> whyNot(Subject subject, String token, int size, Progress progress) {
            throw new UsageException("This explorer runs without a live model: start it with one to explain a graph.");
        }
    };

    /** The models that can be traced, the one to offer first in front. */
    List<Model> models();

    /** The prompt's tokens as the model reads them, the leading special token included. */
    List<String> tokens(String model, Prompt prompt);

    /** What a prompt leads to, before it is traced: one forward pass. */
    Outlook outlook(String model, String transcoders, Prompt prompt, int maxFeatureNodes);

    /** Traces the prompt and writes the front-end graph file (JSON) to {@code target}, a file that does not exist yet. */
    void attribute(GraphRequest request, Path target, Progress progress);

    /** What comes with the transcoders that have this scan. May be called from any thread; empty if nothing does. */
    default Optional<FeatureEvidence> evidence(String scan) {
        return Optional.empty();
    }

    /** Runs the prompt of a graph twice, as it is and with the edits. */
    SteerResult intervene(SteerRequest request, Progress progress);

    /**
     * A model with the transcoders that go with it.
     *
     * @param id          what {@link GraphRequest#model()} repeats
     * @param label       for people
     * @param transcoders sets of transcoders by their reference, the one to offer first in front
     * @param scans       values of a graph file's {@code metadata.scan} that this model made: those graphs can be steered
     * @param layers      of the model
     * @param heads       of attention in each layer
     * @param maxTokens   longest prompt in tokens
     * @param chat        whether the model has a chat template
     * @param prompts     prompts worth trying, or none
     */
    record Model(
            String id,
            String label,
            List<String> transcoders,
            List<String> scans,
            int layers,
            int heads,
            int maxTokens,
            boolean chat,
            List<String> prompts) {}

    /** Plain text, or a conversation that the model's chat template turns into text. */
    @JsonTypeInfo(use = JsonTypeInfo.Id.DEDUCTION)
    @JsonSubTypes({@JsonSubTypes.Type(Prompt.Text.class), @JsonSubTypes.Type(Prompt.Chat.class)})
    sealed interface Prompt {
        private static void requireUnicode(String text) {
            if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
                throw new UsageException(
                        "The prompt is not valid Unicode: it has half a surrogate pair, cut off from its other half.");
            }
        }

        record Text(String text) implements Prompt {
            public Text {
                if (text == null || text.isEmpty()) {
                    throw new UsageException("The prompt is empty: give it some text.");
                }
                requireUnicode(text);
            }
        }

        /**
         * @param thinking whether the template asks the model to think first; null to leave that to the template
         * @param options  further variables of the template
         */
        record Chat(List<Turn> turns, Boolean thinking, Map<String, Object> options) implements Prompt {
            public Chat {
                options = options == null ? Map.of() : Map.copyOf(options);
                if (turns == null || turns.isEmpty()) {
                    throw new UsageException("The conversation is empty: give it at least one turn.");
                }
                turns = List.copyOf(turns);
            }
        }

        /** @param role {@code user}, {@code assistant} or {@code system} */
        record Turn(String role, String content) {
            public Turn {
                if (role == null
                        || content == null
                        || !List.of("user", "assistant", "system").contains(role)) {
                    throw new UsageException(
                            "A turn of a conversation has a content and a role: user, assistant or system.");
                }
                requireUnicode(content);
            }
        }
    }

    /**
     * @param tokens  as {@link #tokens} gives them
     * @param next    the most probable next tokens, the first in front
     * @param seconds that tracing it will take, roughly
     */
    record Outlook(List<String> tokens, List<TokenProbability> next, double seconds) {}

    /** What a graph is to explain; tokens are texts, or {@code #ID}. */
    @JsonTypeInfo(use = JsonTypeInfo.Id.DEDUCTION)
    @JsonSubTypes({
        @JsonSubTypes.Type(Targets.Tokens.class),
        @JsonSubTypes.Type(Targets.Difference.class),
        @JsonSubTypes.Type(Targets.Concept.class),
        @JsonSubTypes.Type(Targets.Features.class)
    })
    sealed interface Targets {
        record Tokens(List<String> tokens) implements Targets {
            public Tokens {
                tokens = some(tokens, "token");
            }
        }

        /** Why the first of two tokens rather than the second. */
        record Difference(List<String> difference) implements Targets {
            public Difference {
                difference = some(difference, "token");
                if (difference.size() != 2) {
                    throw new UsageException("A difference is of two tokens; here are " + difference.size() + ".");
                }
            }
        }

        /**
         * What some tokens have and others lack.
         *
         * @param minus may be left out: the whole vocabulary
         */
        record Concept(List<String> concept, List<String> minus) implements Targets {
            public Concept {
                concept = some(concept, "token");
                minus = minus == null || minus.isEmpty() ? List.of() : some(minus, "token");
            }
        }

        /** @param features each {@code layer/position/number} */
        record Features(List<String> features) implements Targets {
            public Features {
                features = some(features, "feature");
            }
        }

        private static List<String> some(List<String> names, String what) {
            if (names == null || names.isEmpty() || names.size() > 1000) {
                throw new UsageException("Name at least one " + what + " to explain, and at most 1000.");
            }
            return List.copyOf(names);
        }
    }

    /**
     * @param name             name of the graph to make (the file's name without {@code .json}, and its slug)
     * @param maxLogits        most output tokens to attribute from
     * @param logitProbability stop adding output tokens at this cumulative probability
     * @param maxFeatureNodes  most features to keep
     * @param nodeThreshold    share of the influence that kept nodes cover
     * @param edgeThreshold    share of the influence that kept edges cover
     * @param targets          what to explain instead of the most probable next tokens, or null
     * @param rank             how features are chosen: {@code influence}, {@code total}, or null for what is usual
     * @param contrast         prompts whose mean activations a model's neurons count from; none or null for 0
     */
    record GraphRequest(
            String name,
            String model,
            String transcoders,
            Prompt prompt,
            int maxLogits,
            double logitProbability,
            int maxFeatureNodes,
            double nodeThreshold,
            double edgeThreshold,
            Targets targets,
            String rank,
            List<Prompt> contrast) {
        private static final int MOST_CONTRAST = 10_000;

        public GraphRequest {
            if (name == null || model == null || transcoders == null || prompt == null) {
                throw new UsageException("A new graph needs name, model, transcoders and prompt.");
            }
            within("maxLogits", maxLogits, 1, 1000);
            within("logitProbability", logitProbability, 0, 1);
            within("maxFeatureNodes", maxFeatureNodes, 1, 200_000);
            within("nodeThreshold", nodeThreshold, 0, 1);
            within("edgeThreshold", edgeThreshold, 0, 1);
            if (rank != null) {
                Rank.of(rank, "rank");
            }
            contrast = contrast == null ? List.of() : contrast;
            within("the number of prompts in contrast", contrast.size(), 0, MOST_CONTRAST);
            if (contrast.stream().anyMatch(Objects::isNull)) {
                throw new UsageException("A prompt of the contrast is null: give each some text or turns.");
            }
            contrast = List.copyOf(contrast);
        }

        private static void within(String name, double value, double least, double most) {
            if (!(value >= least && value <= most)) {
                throw new UsageException(
                        name + " is " + value + ", but must be between " + least + " and " + most + ".");
            }
        }
    }

    /**
     * Sets an activation to a value, or to what it is elsewhere; to one of both.
     *
     * @param onward also at every later position, generated tokens included
     */
    record Edit(
            FeatureRef site,
            @Nullable Double value,
            boolean onward,
            @Nullable Taken from) {
        public Edit {
            boolean finite = value != null && Double.isFinite(value);
            if (site == null || site.position() < 0 || (from == null ? !finite : value != null)) {
                throw new UsageException(
                        "An edit needs a site, at a position counted from 0, and a finite value or where to take it from.");
            }
        }
    }

    /**
     * Takes a head out, or has it look somewhere: with query, key and probability.
     *
     * @param query position that the head looks from; null to take it out
     * @param key   position that it is to look at
     */
    record HeadChange(int layer, int head, Integer query, Integer key, Double probability) {
        public HeadChange {
            boolean whole = query != null && key != null && probability != null;
            if (!whole && (query != null || key != null || probability != null)) {
                throw new UsageException(
                        "A head is taken out with layer and head alone, or forced with query, key and probability.");
            }
            if (whole && !(probability >= 0 && probability <= 1)) {
                throw new UsageException("Attention is a probability from 0 to 1, not " + probability + ".");
            }
        }

        /** As the engine has it. */
        public HeadEdit edit() {
            return query == null
                    ? new HeadEdit.KnockOut(layer, head)
                    : new HeadEdit.Force(layer, head, query, key, probability.floatValue());
        }
    }

    /**
     * @param scan            the graph's {@code metadata.scan}
     * @param prompt          the graph's {@code metadata.prompt}
     * @param tokens          the graph's token ids, exactly as they were traced
     * @param edits           features to change
     * @param heads           attention heads to change
     * @param watch           features whose activations to return
     * @param freezeAttention keep the attention patterns of the unchanged run
     * @param newTokens       how many tokens to generate after the prompt, 0 for none
     * @param temperature     0 is greedy
     * @param samples         how many texts to draw of each run, with seeds one after the other
     */
    record SteerRequest(
            String scan,
            String prompt,
            List<Integer> tokens,
            List<Edit> edits,
            List<HeadChange> heads,
            List<FeatureRef> watch,
            boolean freezeAttention,
            int newTokens,
            double temperature,
            long seed,
            int samples) {}

    /** @param set what the edits really set, in the prompt */
    record SteerResult(Outcome original, Outcome steered, List<Applied> set) {}

    /** An activation in the unchanged run, and what it was set to. */
    record Applied(FeatureRef site, double before, double after) {}

    /**
     * @param next        the most probable next tokens of either run, in the same order in both outcomes
     * @param activations aligned with {@link SteerRequest#watch()}
     * @param texts       the generated ones, without the prompt; none if none was asked for
     */
    record Outcome(List<TokenProbability> next, List<Double> activations, List<String> texts) {}

    record TokenProbability(int id, String token, double probability) {}
}
