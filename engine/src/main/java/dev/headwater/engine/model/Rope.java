package dev.headwater.engine.model;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import java.util.List;
import java.util.Set;

/**
 * Rotary position embedding: of the first numbers of a head's query and key, pairs (i, i + pairs) turn by position
 * times a frequency; the rest of the head stays.
 *
 * @param dims numbers of a head that turn; if they are odd, one more does
 * @param base the longest wavelength over 2 pi, nearly
 */
public record Rope(int dims, double base, Scaling scaling) {
    /** How the frequencies are stretched for contexts longer than in training. */
    public sealed interface Scaling {}

    /** Wavelengths as trained. */
    public record None() implements Scaling {}

    /** All positions divided by one factor. */
    public record Linear(double factor) implements Scaling {}

    /** Stretches long wavelengths only, with a smooth passage. */
    public record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions)
            implements Scaling {}

    /**
     * Stretches the frequencies that turn less than {@code betaSlow} times in the original context, keeps those that
     * turn more than {@code betaFast} times.
     *
     * @param magnitude factor on the rotated queries and keys
     */
    public record Yarn(
            double factor, int originalPositions, double betaFast, double betaSlow, boolean truncate, double magnitude)
            implements Scaling {
        /** The index of the pair that turns so many times in the original context. */
        private double pairTurning(double times, double base, int dims) {
            return dims * Math.log(originalPositions / (times * 2 * Math.PI)) / (2 * Math.log(base));
        }
    }

    /**
     * Divides each frequency by a number of its own; texts longer than the original context have other ones, for all of
     * their positions (longrope).
     *
     * @param magnitude factor on the rotated queries and keys
     */
    public record Divided(List<Double> divisors, List<Double> longDivisors, int originalPositions, double magnitude)
            implements Scaling {}

    private static final int MOST_POSITIONS = 1 << 28;
    /** Of scalings; {@code finetuned} says what was done, not what is to be done. */
    private static final Set<String> KEYS = Set.of(
            "rope_type",
            "type",
            "rope_theta",
            "partial_rotary_factor",
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings",
            "beta_fast",
            "beta_slow",
            "truncate",
            "attention_factor",
            "mscale",
            "mscale_all_dim",
            "short_factor",
            "long_factor",
            "finetuned");

    /** From {@code rope_theta} and {@code rope_scaling}, or {@code rope_parameters} as transformers 5 writes them. */
    static Rope read(ConfigFile file, int dims, int maxPositions) {
        if (file.has("rope_parameters")) {
            ConfigFile parameters = file.within("rope_parameters");
            if (parameters.has("full_attention")) {
                parameters = parameters.within("full_attention");
            }
            return new Rope(
                    dims, readBase(parameters, "rope_theta"), readScaling(file, parameters, dims, maxPositions));
        }
        return new Rope(
                dims,
                readBase(file, "rope_theta"),
                file.has("rope_scaling")
                        ? readScaling(file, file.within("rope_scaling"), dims, maxPositions)
                        : new None());
    }

    /** Of the layers with a sliding window, in families where these have frequencies of their own: Gemma 3. */
    static Rope readLocal(ConfigFile file, int dims, int maxPositions) {
        if (file.has("rope_parameters")) {
            ConfigFile parameters = file.within("rope_parameters").within("sliding_attention");
            return new Rope(
                    dims, readBase(parameters, "rope_theta"), readScaling(file, parameters, dims, maxPositions));
        }
        return new Rope(dims, readBase(file, "rope_local_base_freq"), new None());
    }

    int pairs() {
        return (dims + 1) / 2;
    }

    private static double readBase(ConfigFile file, String key) {
        double base = file.positive(key, 1e15, 10_000);
        if (base <= 1) {
            throw file.error(key, "is " + base + ", but must be above 1");
        }
        return base;
    }

    private static Scaling readScaling(ConfigFile file, ConfigFile scaling, int dims, int maxPositions) {
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        String type = scaling.has(key) ? scaling.text(key) : "default";
        scaling.requireKnown(KEYS);
        return switch (type) {
            // Dynamic frequencies are the plain ones up to max_position_embeddings, and longer texts are not read.
            case "default", "dynamic" -> new None();
            case "linear" -> new Linear(scaling.positive("factor", 1e6));
            case "llama3" -> {
                var llama = new Llama3(
                        scaling.positive("factor", 1e6),
                        scaling.positive("low_freq_factor", 1e6),
                        scaling.positive("high_freq_factor", 1e6),
                        scaling.count("original_max_position_embeddings", MOST_POSITIONS));
                if (llama.highFrequencyFactor <= llama.lowFrequencyFactor) {
                    throw scaling.error("high_freq_factor", "must be above low_freq_factor");
                }
                yield llama;
            }
            case "yarn" -> {
                double factor = scaling.positive("factor", 1e6);
                yield new Yarn(
                        factor,
                        scaling.count("original_max_position_embeddings", MOST_POSITIONS, maxPositions),
                        scaling.positive("beta_fast", 1e6, 32),
                        scaling.positive("beta_slow", 1e6, 1),
                        scaling.flag("truncate", true),
                        scaling.positive("attention_factor", 1e3, yarnMagnitude(scaling, factor)));
            }
            case "longrope", "su" -> {
                // Phi's repositories have the original length beside the scaling, and it alone counts.
                int original = file.count("original_max_position_embeddings", MOST_POSITIONS, maxPositions);
                double factor = file.has("original_max_position_embeddings")
                        ? (double) maxPositions / original
                        : scaling.positive("factor", 1e6, 1);
                double magnitude = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
                yield new Divided(
                        scaling.positives("short_factor", (dims + 1) / 2, 1e9),
                        scaling.positives("long_factor", (dims + 1) / 2, 1e9),
                        original,
                        scaling.positive("attention_factor", 1e3, magnitude));
            }
            default ->
                throw scaling.error(
                        key,
                        "is '" + ErrorText.of(type)
                                + "', but only default, linear, dynamic, llama3, yarn and longrope are known");
        };
    }

    private static double yarnMagnitude(ConfigFile scaling, double factor) {
        double own = scaling.number("mscale", 0);
        double all = scaling.number("mscale_all_dim", 0);
        return own != 0 && all != 0
                ? yarnMagnitude(factor, own) / yarnMagnitude(factor, all)
                : yarnMagnitude(factor, 1);
    }

    private static double yarnMagnitude(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    /**
     * Radians per position of each pair.
     *
     * @param length of the whole text
     */
    double[] frequencies(int length) {
        double[] frequencies = new double[pairs()];
        for (int i = 0; i < frequencies.length; i++) {
            double plain = Math.pow(base, -2.0 * i / dims);
            frequencies[i] = switch (scaling) {
                case None() -> plain;
                case Linear(double factor) -> plain / factor;
                case Llama3(double factor, double low, double high, int original) -> {
                    double turns = original * plain / (2 * Math.PI);
                    double smooth = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
                    yield (1 - smooth) * plain / factor + smooth * plain;
                }
                case Yarn yarn -> {
                    double low = yarn.pairTurning(yarn.betaFast, base, dims);
                    double high = yarn.pairTurning(yarn.betaSlow, base, dims);
                    if (yarn.truncate) {
                        low = Math.floor(low);
                        high = Math.ceil(high);
                    }
                    low = Math.max(low, 0);
                    high = Math.min(high, dims - 1);
                    double stretched = Math.clamp((i - low) / (high == low ? 0.001 : high - low), 0.0, 1.0);
                    yield plain / yarn.factor * stretched + plain * (1 - stretched);
                }
                case Divided divided ->
                    plain / (length > divided.originalPositions ? divided.longDivisors : divided.divisors).get(i);
            };
        }
        return frequencies;
    }

    private double magnitude() {
        return switch (scaling) {
            case Yarn yarn -> yarn.magnitude;
            case Divided divided -> divided.magnitude;
            default -> 1;
        };
    }

    /**
     * @throws HeadwaterException if a text of {@code past} positions cannot be continued to {@code length} with what
     * was kept of it
     */
    void requireSame(int past, int length) {
        if (scaling instanceof Divided divided
                && past > 0
                && past <= divided.originalPositions
                && length > divided.originalPositions
                && !divided.divisors.equals(divided.longDivisors)) {
            throw new HeadwaterException(
                    "The frequencies of this model's positions change after %d tokens, so that a text cannot be continued past them; begin with a longer one"
                            .formatted(divided.originalPositions));
        }
    }

    /**
     * Cosines and signed sines of rows' positions, [rows, 1, 2 pairs] each: x·cos + roll(x, pairs)·sin turns a head x.
     */
    record Table(Tensor cos, Tensor sin) {
        Tensor rotate(Tensor heads) {
            long turning = cos.size(-1);
            long rest = heads.size(-1) - turning;
            if (rest == 0) {
                return turn(heads);
            }
            return TorchShape.cat(
                    List.of(
                            turn(TorchShape.narrow(heads, -1, 0, turning)),
                            TorchShape.narrow(heads, -1, turning, rest)),
                    -1);
        }

        private Tensor turn(Tensor x) {
            return Torch.add(Torch.mul(x, cos), Torch.mul(TorchShape.roll(x, x.size(-1) / 2, -1), sin));
        }
    }

    /**
     * @param position of each row
     * @param length   of each row's text
     */
    Table table(int[] position, int[] length, Device device) {
        int rows = position.length;
        int half = pairs();
        int width = 2 * half;
        float[] cos = new float[Math.multiplyExact(rows, width)];
        float[] sin = new float[cos.length];
        double magnitude = magnitude();
        double[] frequencies = {};
        for (int p = 0; p < rows; p++) {
            if (p == 0 || length[p] != length[p - 1]) {
                frequencies = frequencies(length[p]);
            }
            for (int i = 0; i < half; i++) {
                double angle = position[p] * frequencies[i];
                int at = p * width + i;
                cos[at] = cos[at + half] = (float) (Math.cos(angle) * magnitude);
                sin[at + half] = (float) (Math.sin(angle) * magnitude);
                sin[at] = -sin[at + half];
            }
        }
        return new Table(
                Torch.to(Tensor.ofFloats(cos, rows, 1, width), device),
                Torch.to(Tensor.ofFloats(sin, rows, 1, width), device));
    }
}
