package dev.headwater.engine.product;

import dev.headwater.bindings.Bf16Product;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.UsageException;
import java.util.Locale;

/** How an attribution multiplies gradients by the model's weights. The results are float32 always. */
public enum Products {
    /** Float32 by the library's matrix product: the parity mode. */
    FLOAT32,
    /** Both sides rounded to bfloat16. */
    BFLOAT16,
    /** Float32 on bfloat16 units: three parts of each side, six products, see {@link Bf16Product}. */
    BF16X6;

    /**
     * The products of a model.
     *
     * @param wanted  null for whichever is faster of the two that have float32's accuracy, which is tried where the
     *      processor has
     *                bfloat16 units, and is FLOAT32 elsewhere
     * @param dtype   type of the model's weights; bfloat16 leaves no choice
     * @param width   of the residual stream, which is about that of the weights
     * @throws UsageException if what is wanted can't be had here
     */
    public static Products choose(Products wanted, DType dtype, Device device, int width) {
        if (dtype == DType.BF16) {
            return BFLOAT16;
        }
        if (wanted == BF16X6) {
            if (!device.isCpu()) {
                throw new UsageException("products in bf16x6 are for the CPU, not for " + device + "; ask for float32");
            }
            Bf16Product.unavailable().ifPresent(reason -> {
                throw new UsageException("products in bf16x6 can't be had: " + reason);
            });
        }
        return wanted != null ? wanted : splitPays(device, width) ? BF16X6 : FLOAT32;
    }

    private static boolean splitPays(Device device, int width) {
        if (!device.isCpu()
                || Bf16Product.unavailable().isPresent()
                || Bf16Product.units().equals("none")) {
            return false;
        }
        var trials = ProductTrial.run(width, FLOAT32, BF16X6);
        return trials.get(BF16X6).replaces(trials.get(FLOAT32));
    }

    /** As the command line and graph files write it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
