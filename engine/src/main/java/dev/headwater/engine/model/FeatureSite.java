package dev.headwater.engine.model;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A place in a transformer block where transcoders read or write, named as {@code config.yaml} of a transcoder set
 * names it; the tensor there is [positions, width].
 */
public enum FeatureSite {
    /** Input: the residual entering the pre-MLP norm. */
    RESID_MID("hook_resid_mid", true),
    /**
     * Input: that residual divided by the norm's denominator, before the norm's gain. LayerNorm has it after gain and
     * bias, so that it is {@link #MLP_IN}.
     */
    LN2_NORMALIZED("ln2.hook_normalized", true),
    /** Input: what the MLP reads, after the norm's gain. */
    MLP_IN("mlp.hook_in", true),
    /** Output: what the MLP writes, before any norm after it. */
    MLP_OUT("mlp.hook_out", false),
    /** Output: what is added to the residual, after the post-MLP norm where the family has one. */
    HOOK_MLP_OUT("hook_mlp_out", false);

    private final String hookName;
    private final boolean input;

    FeatureSite(String hookName, boolean input) {
        this.hookName = hookName;
        this.input = input;
    }

    /** The name relative to its block, {@code mlp.hook_in} for instance. */
    public String hookName() {
        return hookName;
    }

    /** True where transcoders read, false where they write. */
    public boolean isInput() {
        return input;
    }

    /**
     * {@return the site of a TransformerLens hook name (without its {@code blocks.N.} prefix), if it is one that
     * transcoders read or write}
     */
    public static Optional<FeatureSite> ofHookName(String hookName) {
        return Arrays.stream(values())
                .filter(site -> site.hookName.equals(hookName))
                .findFirst();
    }

    /** The hook names of the input or output sites, for messages. */
    public static String hookNames(boolean input) {
        return Arrays.stream(values())
                .filter(site -> site.input == input)
                .map(FeatureSite::hookName)
                .collect(Collectors.joining(", "));
    }
}
