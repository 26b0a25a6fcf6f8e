package dev.headwater.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.NativeException;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Estimate;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.HubSettings;
import dev.headwater.engine.hub.KnownModels;
import dev.headwater.engine.hub.KnownModels.Pair;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.transcoder.TranscoderConfig;
import dev.headwater.engine.transcoder.TranscoderSet;
import dev.headwater.engine.weights.BoundedJson;
import dev.headwater.engine.weights.Checkpoint;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headwater plan}: what a graph would cost. */
@Command(name = "plan", mixinStandardHelpOptions = true, versionProvider = Headwater.Version.class, sortOptions = false,
    description = "Say, before anything is fetched or loaded, roughly how much disk, memory and time a graph takes.",
    footer = {"", "Memory and time need the model and the transcoders on this machine (headwater fetch); disk does not.", "",
        "Examples:", "  headwater plan --tokens 100", "  headwater plan -m google/gemma-2-2b -t gemma --tokens 64 --max-features 5000 --device cuda"})
final class PlanCommand implements Callable<Integer> {
    /** What a present-day GPU does in float32, operations a second; used where there is none to measure. */
    private static final double GPU_RATE = 2e13;

    private final Console console;

    @Mixin
    private ModelOptions model;

    @Option(names = "--tokens", paramLabel = "N", defaultValue = "64", description = "Length of the prompt (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(names = "--max-features", paramLabel = "N", defaultValue = "7500",
        description = "Features in the graph; 0 means all (default: ${DEFAULT-VALUE}).")
    private int maxFeatures;

    @Option(names = "--json", description = "Print JSON; bytes and seconds.")
    private boolean json;

    PlanCommand(Console console) {
        this.console = console;
    }

    /** The rate of matrix products, and whether it was measured here. */
    private record Rate(double value, boolean measured) {}

    @Override
    public Integer call() {
        model.check();
        if (tokens < 1 || tokens > 1_000_000) {
            throw new UsageException("--tokens is " + tokens + "; it can be 1 to 1,000,000");
        }
        if (maxFeatures < 0) {
            throw new UsageException("--max-features is " + maxFeatures + "; it can't be negative (0 means all)");
        }
        ObjectNode plan = BoundedJson.mapper().createObjectNode();
        Reference setReference = Reference.parse(model.transcoders());
        try (Hub hub = new Hub(HubSettings.fromEnvironment().withoutNetwork())) {
            Path set = here(setReference, hub::transcoders);
            Reference modelReference = Reference.parse(set == null && model.transcodersAlone() ? knownModel(setReference) : model.model());
            Path weights = here(modelReference, hub::model);
            long modelBytes = disk(plan, "model", modelReference, weights, Pair::modelBytes);
            long setBytes = disk(plan, "transcoders", setReference, set, Pair::transcoderBytes);
            plan.put("free_disk", hub.cache().root().toAbsolutePath().getRoot().toFile().getUsableSpace());
            say("disk         %s to fetch".formatted(modelBytes < 0 || setBytes < 0 ? "something" : Text.bytes(modelBytes + setBytes)));
            if (weights != null && set != null) {
                estimate(plan, hub, weights, set);
            } else {
                say("Memory and time are known when both are on this machine: headwater fetch " + (weights == null ? modelReference : setReference));
            }
        }
        if (json) {
            console.out().println(plan.toPrettyString());
        }
        return 0;
    }

    /** Null if it would have to be fetched. */
    private static Path here(Reference reference, BiFunction<Reference, Progress, Hub.Resolved> find) {
        if (!(reference instanceof Reference.Remote)) {
            return find.apply(reference, Progress.NONE).directory();
        }
        try {
            return find.apply(reference, Progress.NONE).directory();
        } catch (HeadwaterException e) {
            return null;
        }
    }

    private static String knownModel(Reference transcoders) {
        return KnownModels.ALL.stream().filter(pair -> pair.transcoders().equals(transcoders.toString())).map(Pair::model).findFirst()
            .orElseThrow(() -> new UsageException("The model that " + transcoders + " belongs to is not known here; name it with --model"));
    }

    /** Bytes to fetch, -1 if that is unknown. */
    private long disk(ObjectNode plan, String what, Reference reference, Path directory, ToLongFunction<Pair> known) {
        ObjectNode node = plan.putObject(what).put("reference", reference.toString()).put("here", directory != null);
        long bytes = directory != null ? ConvertCommand.size(directory)
            : KnownModels.ALL.stream().filter(pair -> pair.model().equals(reference.toString()) && what.equals("model")
                || pair.transcoders().equals(reference.toString())).mapToLong(known).findFirst().orElse(-1);
        if (bytes >= 0) {
            node.put("bytes", bytes);
        }
        say("%-12s %s, %s, %s".formatted(what, reference, bytes < 0 ? "size unknown" : Text.bytes(bytes), directory != null ? "here" : "to be fetched"));
        return directory != null ? 0 : bytes;
    }

    private void estimate(ObjectNode plan, Hub hub, Path weights, Path set) {
        ModelConfig config = ModelConfig.read(weights);
        if (tokens > config.maxPositions()) {
            throw new UsageException("--tokens is " + tokens + "; the model takes at most " + config.maxPositions());
        }
        long machine = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        try (TranscoderSet transcoders = TranscoderSet.open(set, Device.CPU, hub.files(Progress.NONE))) {
            transcoders.requireMatches(config.layers(), config.width());
            Estimate estimate = Estimate.of(config, parameters(weights), transcoders.features(),
                transcoders.kind() == TranscoderConfig.Kind.CROSS_LAYER, tokens, maxFeatures, model.type(), machine / 4);
            Rate rate = rate();
            double seconds = estimate.seconds(rate.value);
            say("memory       %s of this machine's %s: weights %s, decoder vectors %s, gradients %s, edges %s, forward pass %s".formatted(
                Text.bytes(estimate.memory()), Text.bytes(machine), Text.bytes(estimate.weights()), Text.bytes(estimate.sources()),
                Text.bytes(estimate.gradients()), Text.bytes(estimate.edges()), Text.bytes(estimate.forward())));
            say("time         about %s: %s GFLOP, %s features expected to be active; products run at %s GFLOP/s (%s)".formatted(Text.seconds(seconds),
                Text.count(Math.round(estimate.operations() / 1e9)), Text.count(estimate.activeFeatures()), Text.count(Math.round(rate.value / 1e9)),
                rate.measured ? "measured now" : "assumed, there is no such device here"));
            plan.put("memory", estimate.memory()).put("seconds", seconds).put("operations", estimate.operations())
                .put("active_features", estimate.activeFeatures()).put("rate", rate.value).put("rate_measured", rate.measured);
            plan.putObject("memory_parts").put("weights", estimate.weights()).put("decoder_vectors", estimate.sources())
                .put("gradients", estimate.gradients()).put("edges", estimate.edges()).put("forward", estimate.forward());
        }
    }

    private static long parameters(Path weights) {
        try (Checkpoint checkpoint = Checkpoint.open(weights)) {
            return checkpoint.names().stream().mapToLong(name -> checkpoint.info(name).elements()).sum();
        }
    }

    /** Multiplies two matrices of 1,024 x 1,024 three times. */
    private Rate rate() {
        long size = 1024;
        double best = Double.MAX_VALUE;
        try (var scope = TensorScope.open()) {
            Tensor a = Tensor.full(1, DType.F32, Device.parse(model.device()), size, size);
            for (int i = 0; i < 3; i++) {
                Stopwatch watch = new Stopwatch();
                float unused = Torch.sum(Torch.mm(a, a), 0, false).toFloats()[0];
                best = Math.min(best, watch.lap());
            }
            return new Rate(2.0 * size * size * size / best, true);
        } catch (NativeException | HeadwaterException e) {
            if (model.device().startsWith("cuda")) {
                return new Rate(GPU_RATE, false);
            }
            throw e;
        }
    }

    private void say(String line) {
        if (!json) {
            console.out().println(line);
        }
    }
}
