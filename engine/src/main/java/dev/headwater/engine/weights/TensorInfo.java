package dev.headwater.engine.weights;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import java.util.Arrays;

/**
 * What a weight file says about one tensor.
 *
 * @param type  the element type as the file spells it in safetensors' terms ("F32"), or in the file's own where that
 *      has
 *              no such name; it may be one that Headwater does not read, see {@link #dtype()}
 * @param shape sizes, outermost first; empty for a scalar
 * @param bytes length of the data
 */
public record TensorInfo(String name, String type, long[] shape, long bytes) {
    public TensorInfo {
        shape = shape.clone();
    }

    /** A tensor to be written; its length follows from type and shape. */
    public static TensorInfo of(String name, DType dtype, long... shape) {
        long bytes = dtype.bytes();
        for (long size : shape) {
            if (size < 0) {
                throw new HeadwaterException(
                        "Tensor '%s' cannot have the shape %s".formatted(name, Arrays.toString(shape)));
            }
            try {
                bytes = Math.multiplyExact(bytes, size);
            } catch (ArithmeticException overflow) {
                throw new HeadwaterException(
                        "Tensor '%s' is too large: shape %s".formatted(name, Arrays.toString(shape)));
            }
        }
        return new TensorInfo(name, dtype.name(), shape, bytes);
    }

    /** @throws HeadwaterException if Headwater does not read this element type, such as F8_E4M3 */
    public DType dtype() {
        try {
            return DType.valueOf(type);
        } catch (IllegalArgumentException unknown) {
            throw new HeadwaterException("Tensor '%s' has element type %s, which Headwater does not read; it reads %s"
                    .formatted(name, type, Arrays.toString(DType.values())));
        }
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** {@return number of dimensions} */
    public int rank() {
        return shape.length;
    }

    /** {@return elements along a dimension} */
    public long size(int dimension) {
        return shape[dimension];
    }

    /** Number of elements. */
    public long elements() {
        long product = 1;
        for (long size : shape) {
            product *= size;
        }
        return product;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorInfo that
                && name.equals(that.name)
                && type.equals(that.type)
                && Arrays.equals(shape, that.shape)
                && bytes == that.bytes;
    }

    @Override
    public int hashCode() {
        return 31 * name.hashCode() + Arrays.hashCode(shape);
    }

    @Override
    public String toString() {
        return name + " " + type + Arrays.toString(shape);
    }
}
