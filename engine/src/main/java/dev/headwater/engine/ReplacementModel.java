package dev.headwater.engine;

import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchReduce;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.model.LanguageModel;
import dev.headwater.engine.model.ModelConfig;
import dev.headwater.engine.model.Trace;
import dev.headwater.engine.model.TraceRequest;
import dev.headwater.engine.product.Products;
import dev.headwater.engine.tokens.ChatTemplate;
import dev.headwater.engine.tokens.Tokenizer;
import dev.headwater.engine.tokens.ZeroPositions;
import dev.headwater.engine.transcoder.TranscoderConfig;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A language model together with transcoders that stand in for its MLPs, ready for attribution and interventions. Not
 * thread-safe. Closing it frees all native memory and unmaps the files.
 */
public final class ReplacementModel implements AutoCloseable {
    /**
     * How a model is loaded.
     *
     * @param device   null for the first CUDA device if there is one, else the CPU
     * @param dtype    type of the weights in matrix products: F32 (the parity mode) or BF16
     * @param products how attribution multiplies by the weights; null for the fastest way that is as exact as {@code
     *      dtype}
     */
    public record Options(Device device, DType dtype, Products products) {
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

        public Options withDevice(Device value) {
            return new Options(value, dtype, products);
        }

        public Options withDtype(DType value) {
            return new Options(device, value, products);
        }

        public Options withProducts(Products value) {
            return new Options(device, dtype, value);
        }
    }

    private final String modelReference;
    private final String transcoderReference;
    private final LanguageModel model;
    private final TranscoderSet transcoders;
    private final Tokenizer tokenizer;
    private final DType dtype;
    private final Products products;
    private final ZeroPositions zeroPositions;
    private Tensor meanUnembedding;

    private ReplacementModel(
            String modelReference,
            String transcoderReference,
            LanguageModel model,
            TranscoderSet transcoders,
            Tokenizer tokenizer,
            DType dtype,
            Products products) {
        this.modelReference = modelReference;
        this.transcoderReference = transcoderReference;
        this.model = model;
        this.transcoders = transcoders;
        this.tokenizer = tokenizer;
        this.dtype = dtype;
        this.products = products;
        zeroPositions = ZeroPositions.of(transcoders.config().modelName().orElse(unpinned(modelReference)));
    }

    /** As {@link #load(String, String, Options, Progress)}, with nobody listening. */
    public static ReplacementModel load(String model, String transcoders, Options options) {
        return load(model, transcoders, options, Progress.NONE);
    }

    /**
     * Loads a model and transcoders by {@link Reference}, fetching what is not on this machine.
     *
     * @param progress hears the bytes of what is fetched
     * @throws HeadwaterException if something is missing or the two do not fit each other
     */
    public static ReplacementModel load(String model, String transcoders, Options options, Progress progress) {
        try (Hub hub = Hub.open()) {
            Hub.Resolved set = hub.transcoders(Reference.parse(transcoders), progress);
            Hub.Resolved weights = hub.model(Reference.parse(model), progress);
            return open(
                    pinned(model, weights),
                    weights.directory(),
                    pinned(transcoders, set),
                    set.directory(),
                    hub.files(progress),
                    options);
        }
    }

    /** As {@link #load}, from two local directories. */
    public static ReplacementModel open(Path model, Path transcoders, Options options) {
        try (Hub hub = Hub.open()) {
            return open(
                    model.toString(), model, transcoders.toString(), transcoders, hub.files(Progress.NONE), options);
        }
    }

    /** The reference with the commit that was read, so that provenance tells which it was. */
    private static String pinned(String reference, Hub.Resolved resolved) {
        return Reference.parse(reference) instanceof Reference.Remote remote
                ? remote.pinned(resolved.commit()).toString()
                : reference;
    }

    /** A directory with the files of these names, where there are any: for questions that need no weights. */
    private static Path directory(String reference, String... files) {
        try (Hub hub = Hub.open()) {
            return hub.resolve(Reference.parse(reference), List.of(files), Progress.NONE)
                    .directory();
        }
    }

    private static ReplacementModel open(
            String modelReference,
            Path modelDirectory,
            String transcoderReference,
            Path transcoderDirectory,
            Function<String, Path> fetched,
            Options options) {
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            Tokenizer tokenizer = Tokenizer.open(modelDirectory);
            Device device = options.device() != null ? options.device() : Cuda.device("auto");
            TranscoderSet transcoders = TranscoderSet.open(transcoderDirectory, device, fetched);
            opened.add(transcoders);
            Products products = Products.choose(options.products(), options.dtype(), device, transcoders.width());
            LanguageModel model = LanguageModel.load(modelDirectory, options.dtype(), device);
            opened.add(model);
            transcoders.requireMatches(model.config().layers(), model.config().width());
            return new ReplacementModel(
                    modelReference, transcoderReference, model, transcoders, tokenizer, options.dtype(), products);
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
     * tokenizer has of
     * BOS, PAD, EOS and others (reference section 2.2).
     */
    public Prompt prompt(String text) {
        if (text.isEmpty()) {
            throw new UsageException("the prompt is empty; give at least one token of text");
        }
        return prompt(tokenizer.withLeadingSpecial(tokenizer.encode(text, false)));
    }

    /** The prompt with exactly these tokens. */
    public Prompt prompt(int[] tokens) {
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

    /** The clean forward pass with all that attribution needs. */
    public Trace trace(int[] tokens) {
        return trace(List.of(tokens)).getFirst();
    }

    /** As above, of several prompts, which share the products with the weights. */
    public List<Trace> trace(List<int[]> prompts) {
        return model.forward(prompts, TraceRequest.attribution(transcoders.input(), transcoders.output()));
    }

    /**
     * How many positions at the start count as zero: their features and errors are left out. One, but for
     * instruction-tuned
     * Gemma 3, whose prompts begin with four fixed tokens (reference section 2.2).
     */
    public int zeroPositions(int[] tokens) {
        return Math.min(tokens.length, zeroPositions.count());
    }

    /**
     * A conversation as the model's chat template writes it, with the start of the model's answer.
     *
     * @throws HeadwaterException if the model has no template, or its template refuses the conversation
     */
    public Prompt chat(List<ChatTemplate.Message> messages) {
        return prompt(tokenizer.chatTemplate().render(messages, true));
    }

    public LanguageModel model() {
        return model;
    }

    public TranscoderSet transcoders() {
        return transcoders;
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    public int layers() {
        return model.config().layers();
    }

    public int vocabularySize() {
        return model.config().vocab();
    }

    public Device device() {
        return model.device();
    }

    public DType dtype() {
        return dtype;
    }

    /** How attribution multiplies by the weights. */
    public Products products() {
        return products;
    }

    public String modelReference() {
        return modelReference;
    }

    public String transcoderReference() {
        return transcoderReference;
    }

    /** The name under which front ends look up this set's features. */
    public String scan() {
        return scan(transcoders.config(), transcoderReference);
    }

    /** The same of a set that is not loaded. */
    public static String scan(String transcoders) {
        return scan(TranscoderConfig.read(directory(transcoders, "config.yaml")), transcoders);
    }

    /**
     * The model that a set, which is not loaded, was trained on.
     *
     * @throws UsageException if its configuration names none
     */
    public static String modelOf(String transcoders) {
        return TranscoderConfig.read(directory(transcoders, "config.yaml"))
                .modelName()
                .orElseThrow(() -> new UsageException(
                        "the transcoders " + transcoders + " do not say which model they belong to; name it"));
    }

    private static String unpinned(String reference) {
        return reference.replaceFirst("@[^/@]*$", "");
    }

    private static String scan(TranscoderConfig config, String reference) {
        return config.scan().orElseGet(() -> {
            Path name = Path.of(unpinned(reference)).getFileName();
            return name == null ? "transcoders" : name.toString().replaceAll("[^a-zA-Z0-9_.-]", "-");
        });
    }

    /** The longest prompt of a model that is not loaded, in tokens. */
    public static int maxPositions(String model) {
        return ModelConfig.read(directory(model, "config.json")).maxPositions();
    }

    /** Whether a model that is not loaded has a chat template. */
    public static boolean hasChatTemplate(String model) {
        return ChatTemplate.exists(directory(model, "tokenizer_config.json", "chat_template.j*"));
    }

    /** F32 [1, d]: mean of the unembedding's rows, which is taken off a token's direction. */
    public Tensor meanUnembedding() {
        if (meanUnembedding == null) {
            try (var scope = TensorScope.open()) {
                meanUnembedding =
                        TensorScope.release(TorchReduce.mean(Torch.to(model.unembedding(), DType.F32), 0, true));
            }
        }
        return meanUnembedding;
    }

    /** [d]: the direction in the final residual stream, after the last norm, that raises a token's logit. */
    public float[] unembedding(int token) {
        try (var scope = TensorScope.open()) {
            return Torch.to(TorchShape.select(model.unembedding(), 0, token), DType.F32)
                    .toFloats();
        }
    }

    /** Software and its versions, for provenance. */
    public static Map<String, String> versions() {
        Map<String, String> versions = new LinkedHashMap<>();
        String own = ReplacementModel.class.getPackage().getImplementationVersion();
        versions.put("headwater", own == null ? "development" : own);
        NativeLibraries.load().stream()
                .filter(library -> library.name().equals("libtorch"))
                .forEach(library -> versions.put("libtorch", library.version()));
        versions.put("java", System.getProperty("java.version"));
        return versions;
    }

    @Override
    public void close() {
        if (meanUnembedding != null) {
            meanUnembedding.close();
        }
        model.close();
        transcoders.close();
    }
}
