package dev.headwater.engine.product;

import dev.headwater.bindings.Bf16Product;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.engine.UsageException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How an attribution multiplies gradients by the model's weights. The results are float32 always. */
public enum Products {
    /** Float32, see {@link dev.headwater.bindings.FloatProduct}: the parity mode. */
    FLOAT32,
    /** Both sides rounded to bfloat16. */
    BFLOAT16,
    /** Float32 on bfloat16 units: three parts of each side, six products, see {@link Bf16Product}. */
    BF16X6;

    /**
     * The products of a model.
     *
     * @param wanted null for what is fastest with float32's accuracy: FLOAT32, on all processors measured so far. AMX has a nominal
     *               sixteen times the rate in bfloat16, but the library's product reached less than twice on the one tried. No
     *               clock has a say in it, so that equal machines give equal bits whatever else runs on them
     * @param dtype  type of the model's weights; bfloat16 leaves no choice
     * @throws UsageException if what is wanted can't be had here
     */
    public static Products choose(@Nullable Products wanted, DType dtype, Device device) {
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
        return wanted != null ? wanted : FLOAT32;
    }

    /** Bytes that a number of a weight takes. */
    public int bytes() {
        return switch (this) {
            case FLOAT32 -> Float.BYTES;
            case BFLOAT16 -> DType.BF16.bytes();
            case BF16X6 -> Bf16Product.PARTS * DType.BF16.bytes();
        };
    }

    /** As the command line and graph files write it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
