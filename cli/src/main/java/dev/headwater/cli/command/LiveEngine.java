package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.option.PromptOptions;
import dev.headwater.cli.option.TargetOptions;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.attribution.Estimate;
import dev.headwater.engine.attribution.OutputTargets;
import dev.headwater.engine.attribution.Rank;
import dev.headwater.engine.catalog.ModelCard;
import dev.headwater.engine.catalog.TranscoderCard;
import dev.headwater.engine.contrast.Contrast;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.features.FeatureEvidence;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.MappedFile;
import dev.headwater.engine.graph.AttributionGraph;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.hub.BundledModel;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Run;
import dev.headwater.engine.intervention.TokenChange;
import dev.headwater.engine.sharing.SiteSet;
import dev.headwater.engine.tokens.ChatTemplate;
import dev.headwater.engine.tokens.Conversation;
import dev.headwater.explorer.Engine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The explorer's live model: loads a model when it is first asked of, keeps it, and traces and steers with it. One computation
 * runs at a time.
 */
final class LiveEngine implements Engine, AutoCloseable {
    static final int NEXT_TOKENS = 8;

    private final String model;
    private final Map<String, ReplacementModel> loaded = new HashMap<>();
    private final ModelOptions options;
    /** Transcoder references by the scan that their graphs carry, the one to offer first in front. */
    private final List<String> transcoders;

    private final Map<String, Optional<FeatureEvidence>> evidence = new ConcurrentHashMap<>();
    private volatile @Nullable List<Model> models;

    private final LiveAttention attention = new LiveAttention();
    /** Measured when it is first asked for. */
    private @Nullable PlanDevice device;

    LiveEngine(ModelOptions options) {
        this.options = options;
        model = options.model();
        // The bundled model has two sets, and trying one against the other is half of the fun.
        transcoders = options.isBundled() ? List.of("atlas-plt", "atlas-clt") : List.of(options.transcoders());
    }

    /** Also while a computation runs, so without its lock; made twice it is the same. */
    @Override
    public List<Model> models() {
        if (models == null) {
            List<String> scans = transcoders.stream()
                    .map(set -> options.neurons()
                            ? ModelCard.neuronScan(model)
                            : TranscoderCard.of(set).scan())
                    .toList();
            int[] shape = new ModelCard(model).layersAndHeads();
            models = List.of(new Model(
                    model,
                    model,
                    transcoders,
                    scans,
                    shape[0],
                    shape[1],
                    new ModelCard(model).maxPositions(),
                    new ModelCard(model).hasChatTemplate(),
                    options.isBundled() ? bundledPrompts() : List.of()));
        }
        return models;
    }

    private static List<String> bundledPrompts() {
        List<String> prompts = new ArrayList<>();
        try (var reader =
                new BufferedReader(new InputStreamReader(BundledModel.open("prompts.jsonl"), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                JsonNode prompt = BoundedJson.mapper().readTree(line);
                prompts.add(prompt.get("prompt").asText());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return prompts;
    }

    /** Looked up once for each set: to ask the hub takes its time. */
    @Override
    public Optional<FeatureEvidence> evidence(String scan) {
        int set = models().getFirst().scans().indexOf(scan);
        return set < 0 ? Optional.empty() : evidence.computeIfAbsent(transcoders.get(set), SetEvidence::of);
    }

    private synchronized ReplacementModel open(String reference) {
        if (!transcoders.contains(reference)) {
            throw new UsageException("The transcoders '" + reference + "' are not among those of this explorer: "
                    + String.join(", ", transcoders));
        }
        try {
            MappedFile.requireWhole();
        } catch (HeadwaterException torn) {
            // What was read from a file that has become shorter is worth nothing; as it is now, it may be whole again.
            close();
        }
        return loaded.computeIfAbsent(reference, set -> options.load(set, Progress.NONE));
    }

    static dev.headwater.engine.graph.Prompt read(ReplacementModel model, Prompt prompt) {
        return switch (prompt) {
            case Prompt.Text text -> model.prompt(text.text());
            case Prompt.Chat chat -> {
                Map<String, Object> options = new HashMap<>(chat.options());
                if (chat.thinking() != null) {
                    options.putAll(ChatTemplate.thinking(chat.thinking()));
                }
                Conversation conversation = Conversation.of(chat.turns().stream()
                        .map(turn -> new ChatTemplate.Message(turn.role(), turn.content()))
                        .toList());
                yield new PromptOptions.Chat(conversation.withOptions(options), chat.thinking() != null, false)
                        .resolve(model);
            }
        };
    }

    @Override
    public synchronized List<String> tokens(String name, Prompt prompt) {
        return read(open(transcoders.getFirst()), prompt).texts();
    }

    @Override
    public synchronized Outlook outlook(String name, String reference, Prompt prompt, int maxFeatureNodes) {
        ReplacementModel live = open(reference);
        var read = read(live, prompt);
        if (device == null) {
            device = PlanDevice.of(options.device());
        }
        try (Baseline baseline = Baseline.of(live, read)) {
            Run run = baseline.run();
            int positions = run.positions();
            long active = 0;
            for (int layer = 0; layer < live.layers(); layer++) {
                active += run.activations(layer).count();
            }
            // Of neurons only those that are chosen take part.
            active = live.basis().dense() ? Math.min(active, maxFeatureNodes) : active;
            Estimate estimate = Estimate.of(
                    live.model().config(),
                    live.basis().features(),
                    live.basis().crossLayer(),
                    positions,
                    (double) active / positions,
                    maxFeatureNodes,
                    live.dtype(),
                    device.working());
            List<TokenProbability> next = TokenChange.between(run, run, -1, NEXT_TOKENS, live.tokenizer()).stream()
                    .map(token -> new TokenProbability(token.token(), token.text(), token.before()))
                    .toList();
            return new Outlook(read.texts(), next, estimate.seconds(device.rate()));
        }
    }

    /** Of what a request or a line of a batch asks for. */
    static OutputTargets targets(Targets targets, ReplacementModel model, int positions) {
        return switch (targets) {
            case Targets.Tokens tokens -> TargetOptions.tokens(model, tokens.tokens());
            case Targets.Difference pair ->
                TargetOptions.difference(
                        model, pair.difference().getFirst(), pair.difference().getLast());
            case Targets.Concept concept -> TargetOptions.concept(model, concept.concept(), concept.minus());
            case Targets.Features features -> TargetOptions.features(features.features(), positions);
        };
    }

    @Override
    public synchronized void attribute(GraphRequest request, Path target, Progress progress) {
        attention.close(); // its memory is needed now
        ReplacementModel live = open(request.transcoders());
        var prompt = read(live, request.prompt());
        AttributionOptions how = AttributionOptions.DEFAULT
                .withMaxFeatures(request.maxFeatureNodes())
                .withRank(request.rank() == null ? Rank.INFLUENCE : Rank.of(request.rank(), "rank"))
                .withTargets(
                        request.targets() == null
                                ? new OutputTargets.Salient(request.maxLogits(), request.logitProbability())
                                : targets(
                                        request.targets(), live, prompt.texts().size()));
        if (!request.contrast().isEmpty()) {
            how = how.withContrast(new Contrast(
                    request.contrast().stream().map(other -> read(live, other)).toList()));
        }
        try (AttributionGraph graph = Attribution.of(live, prompt, how, progress)) {
            Pruning pruning = Pruning.of(graph, request.nodeThreshold(), request.edgeThreshold());
            var labels = SetEvidence.labels(live, graph, pruning);
            GraphJson.writeFile(
                    graph,
                    pruning,
                    new GraphJson.Options(
                            request.name(),
                            labels,
                            SiteSet.featureDetails(graph.provenance().scan())),
                    target);
        }
    }

    @Override
    public synchronized SteerResult intervene(SteerRequest request, Progress progress) {
        return new LiveSteering(ofScan(request.scan()), request, progress).result();
    }

    private ReplacementModel ofScan(String scan) {
        int set = models().getFirst().scans().indexOf(scan);
        if (set < 0) {
            throw new UsageException("The graph was made with '" + scan + "', this explorer runs "
                    + String.join(", ", models().getFirst().scans()) + "; start it with the graph's model");
        }
        return open(transcoders.get(set));
    }

    @Override
    public synchronized AttentionResult attention(AttentionRequest request, Progress progress) {
        return attention.answer(ofScan(request.scan()), request, progress);
    }

    @Override
    public synchronized Timed<Explanation> explain(Subject subject, Explanation.Options options, Progress progress) {
        return circuits(subject, progress).explained(options);
    }

    @Override
    public synchronized Timed<Judgement> judge(
            Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
        return circuits(subject, progress).judged(circuit, options);
    }

    @Override
    public synchronized Timed<Card> card(
            Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
        return circuits(subject, progress).card(circuit, options);
    }

    @Override
    public synchronized Timed<WhyNot> whyNot(Subject subject, String token, int size, Progress progress) {
        return circuits(subject, progress).heldDown(token, size);
    }

    private LiveCircuits circuits(Subject subject, Progress progress) {
        attention.close(); // its memory is needed now
        progress.phase("load the model", -1);
        return new LiveCircuits(
                ofScan(subject.document().metadata().path("scan").asText()), subject, progress);
    }

    @Override
    public synchronized void close() {
        attention.close();
        loaded.values().forEach(ReplacementModel::close);
        loaded.clear();
    }
}
