package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.Device;
import dev.headwater.cli.option.ContrastOptions;
import dev.headwater.cli.option.ModelOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Estimate;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.KnownModels;
import dev.headwater.engine.hub.KnownModels.Pair;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.hub.SetFiles;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.transcoder.Residency;
import dev.headwater.engine.transcoder.SetOutline;
import dev.headwater.engine.transcoder.TranscoderConfig;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater plan}: what a graph would cost. */
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description =
                "Say, before anything is loaded, roughly how much disk, memory and time a graph takes. Of what is not on this machine only "
                        + "the configuration is fetched.",
        footer = {
            "",
            "Examples:",
            "  headwater plan --tokens 100",
            "  headwater plan -m google/gemma-2-2b -t gemma --tokens 64 --max-features 5000 --device cuda"
        })
public final class PlanCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    private ModelOptions model;

    @Mixin
    private ContrastOptions contrast;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            defaultValue = "64",
            description = "Length of the prompt (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            defaultValue = "7500",
            description = "Features in the graph; 0 means all (default: ${DEFAULT-VALUE}).")
    private int maxFeatures;

    @Option(
            names = "--outputs",
            paramLabel = "N",
            defaultValue = "10",
            description =
                    "Outputs that the graph explains, such as positions of attribute --targets-at (default: ${DEFAULT-VALUE}).")
    private int outputs;

    @Option(
            names = "--memory",
            paramLabel = "GB",
            defaultValue = "0",
            description =
                    "Memory for gradients and decoder vectors, as attribute --memory has it (default: a quarter of the machine's).")
    private double memory;

    @Option(
            names = "--active-per-token",
            paramLabel = "N",
            description =
                    "Features active at one token over all layers, as a graph of the same transcoders has them (default: guessed, with a range).")
    private @Nullable Integer activePerToken;

    @Option(names = "--json", description = "Print JSON; bytes and seconds.")
    private boolean json;

    /** Of the set's files; 0 if that is not known. */
    private long storedBytes;

    public PlanCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        model.check();
        contrast.check(model);
        check("--tokens", tokens, 1, 1_000_000);
        check("--max-features", maxFeatures, 0, Integer.MAX_VALUE);
        if (!(memory >= 0 && memory < 1e6)) {
            throw new UsageException("--memory is " + memory + "; it is a number of gigabytes");
        }
        check("--outputs", outputs, 1, 1_000_000);
        if (activePerToken != null) {
            check("--active-per-token", activePerToken, 1, Integer.MAX_VALUE);
        }
        ObjectNode plan = BoundedJson.mapper().createObjectNode();
        if (model.neurons()) {
            planNeurons(plan);
            return 0;
        }
        Reference setReference = Reference.parse(model.transcoders());
        try (Hub hub = Hub.open()) {
            StringBuilder unknown = new StringBuilder();
            Hub.Outline set = find(setReference, hub::transcodersOutline, unknown);
            Reference modelReference =
                    Reference.parse(set == null && model.transcodersAlone() ? knownModel(setReference) : model.model());
            Hub.Outline weights = find(modelReference, hub::modelOutline, unknown);
            long modelBytes = disk(plan, "model", modelReference, weights);
            long setBytes = disk(plan, "transcoders", setReference, set);
            long free = hub.cache().root().toAbsolutePath().getRoot().toFile().getUsableSpace();
            plan.put("free_disk", free);
            say("disk         %s to fetch, %s free"
                    .formatted(
                            modelBytes < 0 || setBytes < 0 ? "something" : Text.bytes(modelBytes + setBytes),
                            Text.bytes(free)));
            if (set != null && weights != null) {
                ModelConfig config = ModelConfig.read(weights.directory());
                if (tokens > config.maxPositions()) {
                    throw new UsageException(
                            "--tokens is " + tokens + "; the model takes at most " + config.maxPositions());
                }
                storedBytes = set.bytes();
                estimate(plan, config, features(hub, setReference, set, config));
            } else {
                plan.put("unknown", unknown.toString());
                say("Memory and time are not known: " + unknown);
            }
        }
        if (json) {
            console.out().println(plan.toPrettyString());
        }
        return 0;
    }

    /** Without transcoders there is nothing else to fetch, and the features that a graph can have are known. */
    private void planNeurons(ObjectNode plan) {
        try (Hub hub = Hub.open()) {
            Reference reference = Reference.parse(model.model());
            Hub.Outline weights = hub.modelOutline(reference);
            long bytes = disk(plan, "model", reference, weights);
            long free = hub.cache().root().toAbsolutePath().getRoot().toFile().getUsableSpace();
            plan.put("free_disk", free);
            say("disk         %s to fetch, %s free"
                    .formatted(bytes < 0 ? "something" : Text.bytes(bytes), Text.bytes(free)));
            ModelConfig config = ModelConfig.read(weights.directory());
            if (tokens > config.maxPositions()) {
                throw new UsageException(
                        "--tokens is " + tokens + "; the model takes at most " + config.maxPositions());
            }
            int width = switch (config.mlp()) {
                case ModelConfig.Gated gated -> gated.width();
                case ModelConfig.Plain plain -> plain.width();
                case ModelConfig.Experts experts ->
                    throw new UsageException(
                            reference + " is a mixture of experts, whose neurons cannot be features; use transcoders");
            };
            estimate(plan, config, new SetOutline(TranscoderConfig.Kind.PER_LAYER, width, OptionalInt.empty()));
        }
        if (json) {
            console.out().println(plan.toPrettyString());
        }
    }

    private static void check(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new UsageException("%s is %s; it can be %s"
                    .formatted(
                            option,
                            value,
                            most == Integer.MAX_VALUE
                                    ? "%d or more".formatted(least)
                                    : "%s to %s".formatted(Text.count(least), Text.count(most))));
        }
    }

    /** Null, and the reason, if it can't be looked up but the list of known models tells at least its size. */
    private static Hub.@Nullable Outline find(
            Reference reference, Function<Reference, Hub.Outline> outline, StringBuilder unknown) {
        try {
            return outline.apply(reference);
        } catch (HeadwaterException e) {
            if (KnownModels.bytes(reference.toString()).isEmpty()) {
                throw e;
            }
            unknown.append(unknown.isEmpty() ? e.getMessage() : "");
            return null;
        }
    }

    private static String knownModel(Reference transcoders) {
        return KnownModels.ALL.stream()
                .filter(pair -> pair.transcoders().equals(transcoders.toString()))
                .map(Pair::model)
                .findFirst()
                .orElseThrow(() -> new UsageException(
                        "The model that " + transcoders + " belongs to is not known here; name it with --model"));
    }

    /** Bytes to fetch, -1 if that is unknown. */
    private long disk(ObjectNode plan, String what, Reference reference, Hub.@Nullable Outline outline) {
        long bytes = outline != null
                ? outline.bytes()
                : KnownModels.bytes(reference.toString()).orElseThrow();
        long missing = outline != null ? outline.missing() : bytes;
        ObjectNode node =
                plan.putObject(what).put("reference", reference.toString()).put("here", missing == 0);
        if (bytes >= 0) {
            node.put("bytes", bytes).put("to_fetch", missing);
        }
        say("%-12s %s, %s, %s"
                .formatted(
                        what,
                        reference,
                        bytes < 0 ? "size unknown" : Text.bytes(bytes),
                        missing == 0
                                ? "here"
                                : missing == bytes ? "to be fetched" : Text.bytes(missing) + " of it to be fetched"));
        return missing;
    }

    private static SetOutline features(Hub hub, Reference reference, Hub.Outline set, ModelConfig config) {
        if (set.missing() > 0 && reference instanceof Reference.Remote remote) {
            Reference.Remote file = SetFiles.first(remote, set.directory());
            return SetOutline.of(
                    set.directory(),
                    file.toString(),
                    hub.head(file, SetOutline.HEAD_BYTES),
                    hub.size(file),
                    config.width());
        }
        try (TranscoderSet transcoders = TranscoderSet.open(set.directory(), Device.CPU, hub.files(Progress.NONE))) {
            transcoders.requireMatches(config.layers(), config.width());
            return SetOutline.of(transcoders);
        }
    }

    private void estimate(ObjectNode plan, ModelConfig config, SetOutline set) {
        PlanDevice device = PlanDevice.of(model.device());
        // Of neurons, those of the graph are chosen before anything is made of them.
        double neurons = maxFeatures == 0 ? (double) config.layers() * set.features() : (double) maxFeatures / tokens;
        double expected = model.neurons()
                ? neurons
                : activePerToken != null
                        ? activePerToken
                        : set.k().isPresent()
                                ? (double) set.k().getAsInt() * config.layers()
                                : Estimate.activePerToken(config.layers(), set.features());
        double off = model.neurons() || activePerToken != null || set.k().isPresent() ? 1 : Estimate.UNCERTAINTY;
        DoubleFunction<Estimate> at = active -> {
            Estimate estimate = Estimate.of(
                    config,
                    set.features(),
                    set.kind() == TranscoderConfig.Kind.CROSS_LAYER,
                    tokens,
                    active,
                    maxFeatures,
                    outputs,
                    model.type(),
                    memory > 0 ? (long) (memory * 1e9) : device.working());
            return contrast.isGiven() ? estimate.against(config, set.features(), tokens, contrast.prompts()) : estimate;
        };
        Estimate estimate = at.apply(expected);
        Estimate least = at.apply(expected / off);
        Estimate most = at.apply(expected * off);
        double seconds = estimate.seconds(device.rate());
        say("features     %s expected to be active%s, of %s a layer"
                .formatted(
                        Text.count(estimate.activeFeatures()),
                        range(off, Text.count(least.activeFeatures()), Text.count(most.activeFeatures())),
                        Text.count(set.features())));
        say("memory       %s%s %s: weights %s, decoder vectors %s, gradients %s, edges %s, forward pass %s%s"
                .formatted(
                        Text.bytes(estimate.memory()),
                        range(off, Text.bytes(least.memory()), Text.bytes(most.memory())),
                        device.memoryText(),
                        Text.bytes(estimate.weights()),
                        Text.bytes(estimate.sources()),
                        Text.bytes(estimate.gradients()),
                        Text.bytes(estimate.edges()),
                        Text.bytes(estimate.forward()),
                        contrast.isGiven() ? ", means over the contrast " + Text.bytes(estimate.means()) : ""));
        if (!device.cpu() && !model.neurons()) {
            stays(plan, config, set, device, estimate.weights());
        }
        if (!contrast.isGiven()) {
            long heads = Estimate.headLoadings(config, tokens, memory > 0 ? (long) (memory * 1e9) : device.working());
            say(
                    "heads        up to %s in place of the gradients, where the heads of a pruned graph's edges are found (attribute --heads, attention)"
                            .formatted(Text.bytes(heads)));
            plan.put("head_loadings", heads);
        }
        say("time         about %s%s: %s GFLOP; %s"
                .formatted(
                        Text.seconds(seconds),
                        range(
                                off,
                                Text.seconds(least.seconds(device.rate())),
                                Text.seconds(most.seconds(device.rate()))),
                        Text.count(Math.round(estimate.operations() / 1e9)),
                        device.rateText()));
        plan.put("memory", estimate.memory())
                .put("seconds", seconds)
                .put("operations", estimate.operations())
                .put("active_features", estimate.activeFeatures())
                .put("rate", device.rate())
                .put("rate_measured", device.measured());
        if (device.memory() >= 0) {
            plan.put("device_memory", device.memory());
        }
        plan.putArray("memory_range").add(least.memory()).add(most.memory());
        plan.putArray("seconds_range").add(least.seconds(device.rate())).add(most.seconds(device.rate()));
        plan.putArray("active_features_range").add(least.activeFeatures()).add(most.activeFeatures());
        plan.putObject("memory_parts")
                .put("weights", estimate.weights())
                .put("decoder_vectors", estimate.sources())
                .put("gradients", estimate.gradients())
                .put("edges", estimate.edges())
                .put("forward", estimate.forward())
                .put("means", estimate.means());
    }

    /** What of the transcoders a GPU would keep between prompts. */
    private void stays(ObjectNode plan, ModelConfig config, SetOutline set, PlanDevice device, long weights) {
        Residency all = Residency.of(Long.MAX_VALUE, set, config.layers(), config.width(), storedBytes);
        if (device.memory() < 0) {
            say(
                    "stays        all of the transcoders (%s) on a GPU with %s or more; on a smaller one as many layers as fit"
                            .formatted(Text.bytes(all.bytes()), Text.bytes(all.wholeFrom(weights))));
            plan.put("transcoders_whole_from", all.wholeFrom(weights));
            return;
        }
        Residency residency =
                Residency.of(device.memory() * 3 / 4 - weights, set, config.layers(), config.width(), storedBytes);
        say("stays        " + residency.describe());
        plan.put("resident", residency.bytes()).put("streamed", residency.streamedBytes());
    }

    private static String range(double off, String least, String most) {
        return off == 1 || least.equals(most) ? "" : " (" + least + " to " + most + ")";
    }

    private void say(String line) {
        if (!json) {
            console.out().println(line);
        }
    }
}
