package dev.headwater.engine.hub;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Models with published transcoders, as the field's tools list them: what {@code headwater models} shows. Sizes are
 * those of the files on the hub, rounded, some of them estimates; {@link Hub#list} knows exactly.
 */
public final class KnownModels {
    /** How the transcoders of a set relate to layers. */
    public enum Kind {
        PER_LAYER,
        CROSS_LAYER
    }

    /**
     * A set of transcoders and the model that it is for.
     *
     * @param model         reference of the model
     * @param modelBytes    its files on disk, or -1 if unknown
     * @param transcoders   reference of the set; {@code <...>} stands for a choice within the repository
     * @param transcoderBytes the set's files on disk, or -1 if unknown
     * @param kind          per layer or cross-layer
     * @param activation    of the features; empty if only the files say
     * @param shape         layers x features of a layer, or what is known of it
     */
    public record Pair(
            String model,
            long modelBytes,
            String transcoders,
            long transcoderBytes,
            Kind kind,
            String activation,
            String shape) {}

    private static final long MB = 1_000_000L;
    private static final long GB = 1_000 * MB;

    /** All known pairs, the bundled ones first. */
    public static final List<Pair> ALL = List.of(
            new Pair(
                    "atlas",
                    BundledModel.size("atlas"),
                    "atlas-plt",
                    BundledModel.size("atlas-plt"),
                    Kind.PER_LAYER,
                    "JumpReLU",
                    "6 x 2048"),
            new Pair(
                    "atlas",
                    BundledModel.size("atlas"),
                    "atlas-clt",
                    BundledModel.size("atlas-clt"),
                    Kind.CROSS_LAYER,
                    "JumpReLU",
                    "6 x 1024"),
            new Pair(
                    "google/gemma-2-2b",
                    5_230 * MB,
                    "mwhanna/gemma-scope-transcoders",
                    8 * GB,
                    Kind.PER_LAYER,
                    "JumpReLU",
                    "26 x 16384"),
            new Pair(
                    "google/gemma-2-2b",
                    5_230 * MB,
                    "mntss/clt-gemma-2-2b-426k",
                    26 * GB,
                    Kind.CROSS_LAYER,
                    "ReLU",
                    "26 x 16384"),
            new Pair(
                    "google/gemma-2-2b",
                    5_230 * MB,
                    "mntss/clt-gemma-2-2b-2.5M",
                    172 * GB,
                    Kind.CROSS_LAYER,
                    "ReLU",
                    "26 x 98304"),
            new Pair(
                    "meta-llama/Llama-3.2-1B",
                    2_480 * MB,
                    "mntss/transcoder-Llama-3.2-1B",
                    -1,
                    Kind.PER_LAYER,
                    "ReLU, affine skip",
                    "16 x 131072"),
            new Pair(
                    "meta-llama/Llama-3.2-1B",
                    2_480 * MB,
                    "EleutherAI/skip-transcoder-Llama-3.2-1B-131k",
                    35 * GB,
                    Kind.PER_LAYER,
                    "TopK, k = 32, affine skip",
                    "16 x 131072"),
            new Pair(
                    "meta-llama/Llama-3.2-1B",
                    2_480 * MB,
                    "mntss/clt-llama-3.2-1b-524k",
                    -1,
                    Kind.CROSS_LAYER,
                    "",
                    "16 x 32768"),
            new Pair(
                    "HuggingFaceTB/SmolLM2-135M",
                    269 * MB,
                    "EleutherAI/skip-transcoder-SmolLM2-135M-128x",
                    -1,
                    Kind.PER_LAYER,
                    "TopK, affine skip",
                    "30 x 73728"),
            new Pair(
                    "Qwen/Qwen3-0.6B-Base",
                    1_200 * MB,
                    "bluelightai/clt-qwen3-0.6b-base-20k",
                    18_200 * MB,
                    Kind.CROSS_LAYER,
                    "JumpReLU",
                    "28 x 20480"),
            new Pair(
                    "Qwen/Qwen3-1.7B-Base",
                    3_450 * MB,
                    "bluelightai/clt-qwen3-1.7b-base-20k",
                    36_400 * MB,
                    Kind.CROSS_LAYER,
                    "JumpReLU",
                    "28 x 20480"),
            new Pair(
                    "Qwen/Qwen3-0.6B",
                    1_500 * MB,
                    "mwhanna/qwen3-0.6b-transcoders-lowl0",
                    -1,
                    Kind.PER_LAYER,
                    "",
                    "28 layers"),
            new Pair(
                    "Qwen/Qwen3-1.7B",
                    4_060 * MB,
                    "mwhanna/qwen3-1.7b-transcoders-lowl0",
                    -1,
                    Kind.PER_LAYER,
                    "",
                    "28 layers"),
            new Pair(
                    "Qwen/Qwen3-4B",
                    8_050 * MB,
                    "mwhanna/qwen3-4b-transcoders",
                    61 * GB,
                    Kind.PER_LAYER,
                    "",
                    "36 x 163840"),
            new Pair("Qwen/Qwen3-8B", 16_400 * MB, "mwhanna/qwen3-8b-transcoders", -1, Kind.PER_LAYER, "", "36 layers"),
            new Pair(
                    "Qwen/Qwen3-14B",
                    29_500 * MB,
                    "mwhanna/qwen3-14b-transcoders-lowl0",
                    -1,
                    Kind.PER_LAYER,
                    "",
                    "40 layers"),
            new Pair("openai/gpt-oss-20b", 13_800 * MB, "mntss/clt-131k", -1, Kind.CROSS_LAYER, "", "24 layers"),
            gemma3("270m", 540 * MB, "pt"),
            gemma3("270m", 540 * MB, "it"),
            gemma3("1b", 2 * GB, "pt"),
            gemma3("1b", 2 * GB, "it"),
            gemma3("4b", 8_600 * MB, "pt"),
            gemma3("4b", 8_600 * MB, "it"),
            gemma3("12b", 24_400 * MB, "pt"),
            gemma3("12b", 24_400 * MB, "it"),
            gemma3("27b", 54_900 * MB, "pt"),
            gemma3("27b", 54_900 * MB, "it"),
            new Pair(
                    "meta-llama/Llama-3.1-8B-Instruct",
                    16_070 * MB,
                    "facebook/crv-8b-instruct-transcoders",
                    -1,
                    Kind.PER_LAYER,
                    "TopK, k = 128",
                    "32 layers"));

    /**
     * Sets whose config.yaml says TopK and forgets how many features that keeps, by the folder that the hub's cache gives
     * them; the number is the one that the public Python library takes for them.
     */
    private static final Map<String, Integer> TOP_K = Map.of("models--facebook--crv-8b-instruct-transcoders", 128);

    private KnownModels() {}

    /** The k of a listed TopK set whose own files do not give it, for its folder in the hub's cache. */
    public static OptionalInt topK(Path directory) {
        for (Path part : directory.toAbsolutePath()) {
            Integer k = TOP_K.get(part.toString());
            if (k != null) {
                return OptionalInt.of(k);
            }
        }
        return OptionalInt.empty();
    }

    /** Bytes of a listed model or set, -1 if its size is unknown; empty if it is not in the list. */
    public static OptionalLong bytes(String reference) {
        for (Pair pair : ALL) {
            if (reference.equals(pair.model()) || reference.equals(pair.transcoders())) {
                return OptionalLong.of(reference.equals(pair.model()) ? pair.modelBytes() : pair.transcoderBytes());
            }
        }
        return OptionalLong.empty();
    }

    private static Pair gemma3(String size, long bytes, String tuning) {
        return new Pair(
                "google/gemma-3-" + size + "-" + tuning,
                bytes,
                "mwhanna/gemma-scope-2-" + size + "-" + tuning
                        + "/transcoder_all/width_<16k|262k>_l0_<small|medium|...>[_affine]",
                -1,
                Kind.PER_LAYER,
                "JumpReLU, some with affine skip; cross-layer ones in clt/",
                "all layers x 16384 or 262144");
    }
}
