package dev.headwater.engine.model;

import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.engine.files.ErrorText;

/**
 * Rotary position embedding: pairs (i, i + headDim/2) of a head's query and key turn by position times a frequency.
 *
 * @param base the longest wavelength over 2 pi, nearly
 */
public record Rope(double base, Scaling scaling) {
    /** How the frequencies are stretched for contexts longer than in training. */
    public sealed interface Scaling {}

    public record None() implements Scaling {}

    public record Linear(double factor) implements Scaling {}

    /** Stretches long wavelengths only, with a smooth passage. */
    public record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions)
            implements Scaling {}

    /**
     * Stretches the frequencies that turn less than {@code betaSlow} times in the original context, keeps those that
     * turn more
     * than {@code betaFast} times.
     *
     * @param magnitude factor on the rotated queries and keys
     */
    public record Yarn(
            double factor, int originalPositions, double betaFast, double betaSlow, boolean truncate, double magnitude)
            implements Scaling {
        /** The index of the pair that turns so many times in the original context. */
        private double pairTurning(double times, double base, int headDim) {
            return headDim * Math.log(originalPositions / (times * 2 * Math.PI)) / (2 * Math.log(base));
        }
    }

    private static final int MOST_POSITIONS = 1 << 28;

    /** From {@code rope_theta} and {@code rope_scaling}, or {@code rope_parameters} as transformers 5 writes them. */
    static Rope read(ConfigFile file) {
        if (file.has("rope_parameters")) {
            ConfigFile parameters = file.within("rope_parameters");
            if (parameters.has("full_attention")) {
                parameters = parameters.within("full_attention");
            }
            return new Rope(readBase(parameters, "rope_theta"), readScaling(file, parameters));
        }
        return new Rope(
                readBase(file, "rope_theta"),
                file.has("rope_scaling") ? readScaling(file, file.within("rope_scaling")) : new None());
    }

    /** Of the layers with a sliding window, in families where these have frequencies of their own: Gemma 3. */
    static Rope readLocal(ConfigFile file) {
        if (file.has("rope_parameters")) {
            ConfigFile parameters = file.within("rope_parameters").within("sliding_attention");
            return new Rope(readBase(parameters, "rope_theta"), readScaling(file, parameters));
        }
        return new Rope(readBase(file, "rope_local_base_freq"), new None());
    }

    private static double readBase(ConfigFile file, String key) {
        double base = file.positive(key, 1e15, 10_000);
        if (base <= 1) {
            throw file.error(key, "is " + base + ", but must be above 1");
        }
        return base;
    }

    private static Scaling readScaling(ConfigFile file, ConfigFile scaling) {
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        String type = scaling.has(key) ? scaling.text(key) : "default";
        return switch (type) {
            case "default" -> new None();
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
                int original = scaling.has("original_max_position_embeddings")
                        ? scaling.count("original_max_position_embeddings", MOST_POSITIONS)
                        : file.count("max_position_embeddings", MOST_POSITIONS);
                yield new Yarn(
                        factor,
                        original,
                        scaling.positive("beta_fast", 1e6, 32),
                        scaling.positive("beta_slow", 1e6, 1),
                        scaling.flag("truncate", true),
                        scaling.positive("attention_factor", 1e3, factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1));
            }
            case "dynamic", "longrope", "su" ->
                throw scaling.error(
                        key,
                        "is '" + ErrorText.of(type)
                                + "', whose frequencies change with the length of the prompt; Headwater knows default, linear, llama3 and yarn");
            default ->
                throw scaling.error(
                        key, "is '" + ErrorText.of(type) + "', but only default, linear, llama3 and yarn are known");
        };
    }

    /** Radians per position of each of the headDim/2 pairs. */
    double[] frequencies(int headDim) {
        double[] frequencies = new double[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            double plain = Math.pow(base, -2.0 * i / headDim);
            frequencies[i] = switch (scaling) {
                case None() -> plain;
                case Linear(double factor) -> plain / factor;
                case Llama3(double factor, double low, double high, int original) -> {
                    double turns = original * plain / (2 * Math.PI);
                    double smooth = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
                    yield (1 - smooth) * plain / factor + smooth * plain;
                }
                case Yarn yarn -> {
                    double low = yarn.pairTurning(yarn.betaFast, base, headDim);
                    double high = yarn.pairTurning(yarn.betaSlow, base, headDim);
                    if (yarn.truncate) {
                        low = Math.floor(low);
                        high = Math.ceil(high);
                    }
                    low = Math.max(low, 0);
                    high = Math.min(high, headDim - 1);
                    double stretched = Math.clamp((i - low) / Math.max(high - low, 0.001), 0.0, 1.0);
                    yield plain / yarn.factor * stretched + plain * (1 - stretched);
                }
            };
        }
        return frequencies;
    }

    /**
     * Cosines and signed sines of rows' positions, [rows, 1, headDim] each: x·cos + roll(x, headDim/2)·sin turns a head
     * x.
     */
    record Table(Tensor cos, Tensor sin) {
        Tensor rotate(Tensor heads) {
            return Torch.add(Torch.mul(heads, cos), Torch.mul(Torch.roll(heads, heads.size(-1) / 2, -1), sin));
        }
    }

    /** @param position of each row */
    Table table(int[] position, int headDim, Device device) {
        int positions = position.length;
        double[] frequencies = frequencies(headDim);
        double magnitude = scaling instanceof Yarn yarn ? yarn.magnitude : 1;
        float[] cos = new float[positions * headDim];
        float[] sin = new float[positions * headDim];
        int half = headDim / 2;
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < half; i++) {
                double angle = position[p] * frequencies[i];
                int at = p * headDim + i;
                cos[at] = cos[at + half] = (float) (Math.cos(angle) * magnitude);
                sin[at + half] = (float) (Math.sin(angle) * magnitude);
                sin[at] = -sin[at + half];
            }
        }
        return new Table(
                Torch.to(Tensor.ofFloats(cos, positions, 1, headDim), device),
                Torch.to(Tensor.ofFloats(sin, positions, 1, headDim), device));
    }
}
