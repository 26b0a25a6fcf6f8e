package dev.headwater.cli.option;

import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.NativeException;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.cli.report.Megabytes;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.catalog.TranscoderCard;
import dev.headwater.engine.graph.Provenance;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.product.Products;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model with which transcoders, where and in which precision. */
public final class ModelOptions {
    private static final String BUNDLED_MODEL = "atlas";
    private static final String BUNDLED_TRANSCODERS = "atlas-plt";
    private static final int MOST_THREADS = 1024;

    @Option(
            names = {"-m", "--model"},
            paramLabel = "REF",
            description =
                    "Model: a directory, a repository org/name[@revision], or the bundled atlas (default: the one that the "
                            + "transcoders name).")
    private @Nullable String model;

    @Option(
            names = {"-t", "--transcoders"},
            paramLabel = "REF",
            description =
                    "Transcoders: a directory, a repository org/name[/folder][@revision], or the bundled atlas-plt (the default) "
                            + "or atlas-clt.")
    private List<String> sets = List.of();

    @Option(
            names = "--neurons",
            description = "Take the neurons of the model's own MLPs as features, in place of transcoders.")
    private boolean neurons;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "float32",
            description = "Precision of the matrix products: float32 or bfloat16 (default: ${DEFAULT-VALUE}).")
    private String dtype;

    @Option(
            names = "--products",
            paramLabel = "HOW",
            defaultValue = "auto",
            description =
                    "How float32 products are computed: float32; bf16x6, on the processor's bf16 units, with every number in three parts "
                            + "and float32's accuracy; auto, float32 (default: ${DEFAULT-VALUE}).")
    private String products;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "auto",
            description = "auto, cpu, cuda or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of native code (default: one for each processor).")
    private @Nullable Integer threads;

    /** The set that was named; of several the last, as elsewhere of an option that is given twice; null for none. */
    private @Nullable String named() {
        return sets.isEmpty() ? null : sets.getLast();
    }

    /**
     * All sets that were named, for commands that take several; the bundled one for none.
     *
     * @throws UsageException if the model is to follow from them, and they name several
     */
    public List<String> allTranscoders() {
        if (model == null && sets.size() > 1) {
            List<String> models = sets.stream()
                    .map(set -> TranscoderCard.of(set).model())
                    .distinct()
                    .toList();
            if (models.size() > 1) {
                throw new UsageException("the sets are for different models (" + String.join(", ", models)
                        + "); name one with --model, and sets for it");
            }
        }
        return sets.size() > 1 ? List.copyOf(sets) : List.of(transcoders());
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        options();
        if (!device.matches("auto|cpu|pretended|cuda(:\\d{1,3})?")) {
            throw new UsageException("--device is '" + device + "'; it can be auto, cpu, cuda or cuda:N");
        }
        if (threads != null && (threads < 1 || threads > MOST_THREADS)) {
            throw new UsageException("--threads is " + threads + "; it can be 1 to " + MOST_THREADS);
        }
        if (neurons && named() != null) {
            throw new UsageException(
                    "features are the transcoders' or the model's own neurons: give --transcoders or --neurons");
        }
        if (model != null && named() == null && !neurons && !model.equals(BUNDLED_MODEL)) {
            throw new UsageException(
                    "--model is given without --transcoders; say which transcoders read and write this model, or take its own neurons with --neurons");
        }
    }

    public String transcoders() {
        return neurons ? Neurons.REFERENCE : named() == null ? BUNDLED_TRANSCODERS : sets.getLast();
    }

    /** Whether the model's own neurons are the features. */
    public boolean neurons() {
        return transcoders().equals(Neurons.REFERENCE);
    }

    /** If it is not named, the one that the transcoders name. */
    public String model() {
        return model != null
                ? model
                : named() == null || neurons()
                        ? BUNDLED_MODEL
                        : TranscoderCard.of(transcoders()).model();
    }

    /** Whether nothing was said of a model, so that all of the bundled one may be offered. */
    public boolean isBundled() {
        return transcoders().startsWith(BUNDLED_MODEL) && model().equals(BUNDLED_MODEL);
    }

    public ReplacementModel load(Progress progress) {
        return load(transcoders(), progress);
    }

    /** The model with other transcoders than the options name. */
    public ReplacementModel load(String set, Progress progress) {
        return load(model(), set, progress);
    }

    /** The model that a graph was made with, unless another one is given. */
    public ReplacementModel loadFor(String graphModel, String graphTranscoders, Progress progress) {
        return model == null && named() == null && !neurons && !graphModel.isEmpty() && !graphTranscoders.isEmpty()
                ? load(graphModel, graphTranscoders, progress)
                : load(progress);
    }

    /**
     * The model that a whole graph was made with, unless another one is given.
     *
     * @throws UsageException if neither says which
     */
    public ReplacementModel loadMadeWith(Path graph, Provenance from, Progress progress) {
        if (model == null
                && named() == null
                && !neurons
                && (from.model().isEmpty() || from.transcoders().isEmpty())) {
            throw new UsageException(
                    graph
                            + " does not say which model and transcoders it was made with; give them with --model and --transcoders");
        }
        return loadFor(from.model(), String.join(",", from.transcoders()), progress);
    }

    private ReplacementModel load(String modelReference, String set, Progress progress) {
        if (threads != null) {
            System.setProperty("headwater.threads", threads.toString());
        }
        // Libraries load while files are looked up and the tokenizer is read. A failure is kept for whoever needs them
        // next.
        Thread.ofPlatform().daemon().start(() -> {
            try {
                NativeLibraries.load();
            } catch (NativeException e) {
                // told to the main thread
            }
        });
        Device where = device.equals("auto") ? null : Cuda.device(device);
        return ReplacementModel.load(modelReference, set, options().withDevice(where), new Megabytes(progress));
    }

    /** Whether the model follows from the transcoders. */
    public boolean transcodersAlone() {
        return model == null && named() != null;
    }

    public String device() {
        return device;
    }

    private ReplacementModel.Options options() {
        return new ReplacementModel.Options(null, type(), products());
    }

    public DType type() {
        return switch (dtype.toLowerCase(Locale.ROOT)) {
            case "float32", "fp32", "f32" -> DType.F32;
            case "bfloat16", "bf16" -> DType.BF16;
            default -> throw new UsageException("--dtype is '" + dtype + "'; it can be float32 or bfloat16");
        };
    }

    /** Null where the engine is to choose. */
    public @Nullable Products products() {
        return switch (products.toLowerCase(Locale.ROOT)) {
            case "auto" -> null;
            case "float32" -> Products.FLOAT32;
            case "bf16x6" -> Products.BF16X6;
            default -> throw new UsageException("--products is '" + products + "'; it can be auto, float32 or bf16x6");
        };
    }
}
