package dev.headwater.engine;

import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.catalog.ModelCard;
import dev.headwater.engine.catalog.TranscoderCard;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.linear.LinearModel;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.product.Products;
import dev.headwater.engine.tokens.Conversation;
import dev.headwater.engine.tokens.Tokenizer;
import dev.headwater.engine.tokens.ZeroPositions;
import dev.headwater.engine.transcoder.FeatureBasis;
import dev.headwater.engine.transcoder.Residency;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A language model together with transcoders that stand in for its MLPs, ready for attribution and interventions. Safe
 * to use from several threads; {@link #close} waits for work that has begun.
 */
public final class ReplacementModel implements AutoCloseable {
    /**
     * How a model is loaded.
     *
     * @param device   null for the first CUDA device if there is one, else the CPU
     * @param dtype    type of the weights in matrix products: F32 (the parity mode) or BF16
     * @param products how attribution multiplies by the weights; null for the fastest that are as exact as {@code dtype}
     */
    public record Options(
            @Nullable Device device, DType dtype, @Nullable Products products) {
        /** Any device, float32, any products. */
        public static final Options DEFAULT = new Options(null, DType.F32, null);

        public Options {
            if (dtype != DType.F32 && dtype != DType.BF16) {
                throw new UsageException("dtype must be float32 or bfloat16, not " + dtype);
            }
            if (products != null && (products == Products.BFLOAT16) != (dtype == DType.BF16)) {
                throw new UsageException("products in " + products + " need dtype "
                        + (dtype == DType.F32 ? "bfloat16" : "float32") + "; leave out one of the two");
            }
        }

        /** {@return these options with another device} */
        public Options withDevice(@Nullable Device value) {
            return new Options(value, dtype, products);
        }

        /** {@return these options with weights in another dtype} */
        public Options withDtype(DType value) {
            return new Options(device, value, products);
        }

        /** {@return these options with matrix products of another kind} */
        public Options withProducts(@Nullable Products value) {
            return new Options(device, dtype, value);
        }
    }

    private final String modelReference;
    private final String transcoderReference;
    private final LanguageModel model;
    private final FeatureBasis basis;
    private final Tokenizer tokenizer;
    private final DType dtype;
    private final Products products;
    private final ZeroPositions zeroPositions;
    private final MemoryBudget memory;
    private final Residency residency;
    private final Lifetime lifetime;
    private @Nullable LinearModel linear;

    private ReplacementModel(
            String modelReference,
            String transcoderReference,
            LanguageModel model,
            FeatureBasis basis,
            Tokenizer tokenizer,
            DType dtype,
            Products products) {
        this.modelReference = modelReference;
        this.transcoderReference = transcoderReference;
        this.model = model;
        this.basis = basis;
        this.tokenizer = tokenizer;
        this.dtype = dtype;
        this.products = products;
        String name = Reference.unpinned(modelReference);
        zeroPositions = ZeroPositions.of(
                basis instanceof TranscoderSet set ? set.config().modelName().orElse(name) : name);
        memory = MemoryBudget.of(model.device());
        residency = Residency.settle(basis, model.device(), memory);
        lifetime = new Lifetime("The model " + modelReference);
    }

    /** As {@link #load(String, String, Options, Progress)}, with nobody listening. */
    public static ReplacementModel load(String model, String transcoders, Options options) {
        return load(model, transcoders, options, Progress.NONE);
    }

    /**
     * Loads a model and transcoders by {@link Reference}, fetching what is not on this machine.
     *
     * @param transcoders or {@link Neurons#REFERENCE}, for the model's own neurons as features
     * @param progress hears the bytes of what is fetched
     * @throws HeadwaterException if something is missing or the two do not fit each other
     */
    public static ReplacementModel load(String model, String transcoders, Options options, Progress progress) {
        try (Hub hub = Hub.open()) {
            if (transcoders.equals(Neurons.REFERENCE)) {
                Hub.Resolved weights = hub.model(Reference.parse(model), progress);
                return open(
                        weights.pinned(model),
                        weights.directory(),
                        transcoders,
                        (device, of) -> new Neurons(of),
                        options);
            }
            Hub.Resolved set = hub.transcoders(Reference.parse(transcoders), progress);
            Hub.Resolved weights = hub.model(Reference.parse(model), progress);
            return open(
                    weights.pinned(model),
                    weights.directory(),
                    set.pinned(transcoders),
                    opened(set.directory(), hub.files(progress)),
                    options);
        }
    }

    /** A model from a local directory or GGUF file, with its own MLPs' neurons as features. */
    public static ReplacementModel ofNeurons(Path model, Options options) {
        return open(model.toString(), model, Neurons.REFERENCE, (device, of) -> new Neurons(of), options);
    }

    /** As {@link #load}, from two local directories. */
    public static ReplacementModel open(Path model, Path transcoders, Options options) {
        try (Hub hub = Hub.open()) {
            return open(
                    model.toString(),
                    model,
                    transcoders.toString(),
                    opened(transcoders, hub.files(Progress.NONE)),
                    options);
        }
    }

    private static BiFunction<Device, LanguageModel, FeatureBasis> opened(Path set, Function<String, Path> fetched) {
        return (device, model) -> {
            TranscoderSet transcoders = TranscoderSet.open(set, device, fetched);
            try {
                transcoders.requireMatches(
                        model.config().layers(), model.config().width());
                return transcoders;
            } catch (RuntimeException | Error e) {
                transcoders.close();
                throw e;
            }
        };
    }

    private static ReplacementModel open(
            String modelReference,
            Path modelDirectory,
            String transcoderReference,
            BiFunction<Device, LanguageModel, FeatureBasis> features,
            Options options) {
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            Tokenizer tokenizer = Tokenizer.open(modelDirectory);
            Device device = options.device() != null ? options.device() : Cuda.device("auto");
            Products products = Products.choose(options.products(), options.dtype(), device);
            LanguageModel model = LanguageModel.load(modelDirectory, options.dtype(), device);
            opened.add(model);
            FeatureBasis basis = features.apply(device, model);
            opened.add(basis);
            return new ReplacementModel(
                    modelReference, transcoderReference, model, basis, tokenizer, options.dtype(), products);
        } catch (RuntimeException | Error e) {
            for (AutoCloseable part : opened.reversed()) {
                try {
                    part.close();
                } catch (Exception closing) {
                    e.addSuppressed(closing);
                }
            }
            throw e;
        }
    }

    /**
     * The prompt as tokens. A special token is put in front unless the text begins with one: the first that the
     * tokenizer has of BOS, PAD, EOS and others (reference section 2.2).
     */
    public Prompt prompt(String text) {
        if (text.isEmpty()) {
            throw new UsageException("the prompt is empty; give at least one token of text");
        }
        try (var _ = use()) {
            return prompt(tokenizer.withLeadingSpecial(tokenizer.encode(text, false)));
        }
    }

    /** The prompt with exactly these tokens. */
    public Prompt prompt(int[] tokens) {
        try (var _ = use()) {
            if (tokens.length == 0) {
                throw new UsageException("the prompt is empty; give at least one token");
            }
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < tokens.length; i++) {
                if (tokens[i] < 0 || tokens[i] >= vocabularySize()) {
                    throw new UsageException("token " + tokens[i] + " at position " + i + " is not one of the model's "
                            + vocabularySize() + " tokens (0 to " + (vocabularySize() - 1) + ")");
                }
                texts.add(tokenizer.token(tokens[i]));
            }
            zeroPositions.check(tokens);
            return new Prompt(tokenizer.decode(tokens), tokens, texts);
        }
    }

    /** The clean forward pass with all that attribution needs. */
    public Trace trace(int[] tokens) {
        return trace(List.of(tokens)).getFirst();
    }

    /** As above, of several prompts, which share the products with the weights. */
    public List<Trace> trace(List<int[]> prompts) {
        try (var _ = use()) {
            return model.forward(prompts, TraceRequest.attribution(basis.input(), basis.output()));
        }
    }

    /** How many positions at the start have no features and errors (reference section 2.2): one, of instruction-tuned Gemma 3 four. */
    public int zeroPositions(int[] tokens) {
        return Math.min(tokens.length, zeroPositions.count());
    }

    /**
     * A conversation as the model's chat template writes it, up to where the model goes on: the tokens that
     * {@code apply_chat_template} of Hugging Face's library gives, with a BOS token only where the template writes one.
     *
     * @throws HeadwaterException if the model has no template, or its template refuses the conversation
     */
    public Prompt chat(Conversation conversation) {
        try (var _ = use()) {
            return prompt(tokenizer.encode(tokenizer.chatTemplate().render(conversation), false));
        }
    }

    /** As above, led by a special token as any other prompt is, which is what the reference implementation does. */
    public Prompt chatWithLeadingSpecial(Conversation conversation) {
        try (var _ = use()) {
            return prompt(tokenizer.chatTemplate().render(conversation));
        }
    }

    /** {@return the underlying model, borrowed: it closes with this} */
    public LanguageModel model() {
        return model;
    }

    /**
     * @return the transcoders, borrowed
     * @throws dev.headwater.engine.UsageException if the features are the model's own neurons
     */
    public TranscoderSet transcoders() {
        if (basis instanceof TranscoderSet transcoders) {
            return transcoders;
        }
        throw new UsageException("this is done with transcoders only, not with a model's own neurons");
    }

    /** What the MLPs are taken apart into: transcoders' features, or the MLPs' own neurons. */
    public FeatureBasis basis() {
        return basis;
    }

    /**
     * How many positions at the start show no features to interventions: those of {@link #zeroPositions}, but none of a model's
     * own neurons, which have their true activations everywhere.
     */
    public int silentPositions(int[] tokens) {
        return basis.dense() ? 0 : zeroPositions(tokens);
    }

    /** {@return the tokenizer that prompts are read with} */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** {@return layers of the model} */
    public int layers() {
        return model.config().layers();
    }

    /** {@return rows of the unembedding: tokens that the model may answer with} */
    public int vocabularySize() {
        return model.config().vocab();
    }

    /** {@return where the weights lie} */
    public Device device() {
        return model.device();
    }

    /** {@return the dtype that weights are held and multiplied in} */
    public DType dtype() {
        return dtype;
    }

    /** How attribution multiplies by the weights. */
    public Products products() {
        return products;
    }

    /** {@return the model as it was asked for: a bundled name, a hub id, or a path} */
    public String modelReference() {
        return modelReference;
    }

    /** {@return the transcoders as they were asked for} */
    public String transcoderReference() {
        return transcoderReference;
    }

    /** The name under which front ends look up this set's features. */
    public String scan() {
        return basis instanceof TranscoderSet set
                ? new TranscoderCard(transcoderReference, set.config()).scan()
                : ModelCard.neuronScan(modelReference);
    }

    /** What the linearised model is on every prompt; made when it is first asked for, and closed with this. For the engine. */
    @SuppressWarnings("exports")
    public synchronized LinearModel linear() {
        lifetime.requireOpen();
        if (linear == null) {
            linear = LinearModel.of(model, basis, products, memory);
        }
        return linear;
    }

    /** What of the transcoders stays on the GPU between prompts. */
    public Residency residency() {
        return residency;
    }

    /** What work with this model may take of the machine's and the device's memory. */
    public MemoryBudget memory() {
        return memory;
    }

    /** Work with the model, which {@link ReplacementModel#close} waits for. */
    @FunctionalInterface
    public interface Use extends AutoCloseable {
        /** Ends the work; on the thread that began it. */
        @Override
        void close();
    }

    /**
     * Begins some work with the model: until it ends, the model stays open. Works nest.
     *
     * @throws HeadwaterException if the model is closed
     */
    public Use use() {
        return lifetime.begin()::run;
    }

    /**
     * Frees all native memory and unmaps the files, as soon as other threads have ended their work with the model.
     *
     * @throws IllegalStateException if this thread itself is at work with it
     */
    @Override
    public void close() {
        lifetime.end(() -> {
            if (linear != null) {
                linear.close();
            }
            model.close();
            basis.close();
        });
    }
}
