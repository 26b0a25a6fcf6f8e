package dev.headwater.engine.weights;

import dev.headwater.engine.HeadwaterException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * Named tensors on disk, mapped into memory: only what is touched is read. Everything that the file says about itself
 * has been checked against its length by the time it is open. Usable from any thread; closing it unmaps the data, after
 * which the segments handed out must not be used.
 */
public interface WeightFile extends AutoCloseable {
    /** The file, or for a checkpoint in shards its directory. */
    Path path();

    /** In the file's order. Includes tensors of element types that Headwater does not read. */
    Set<String> names();

    /** Free text that the file carries; empty where there is none. */
    Map<String, String> metadata();

    /** @throws HeadwaterException if there is no such tensor, naming those with similar names */
    TensorInfo info(String name);

    /**
     * The elements of a tensor in row-major order, little-endian, read-only, aligned to the size of an element.
     *
     * @throws HeadwaterException if there is no such tensor, or Headwater does not read its element type
     */
    MemorySegment data(String name);

    /**
     * Like {@link #data}, but where the elements lie in the file out of line with their size, they are not copied: npz
     * archives place arrays at any byte. For readers that copy what they use, piece by piece.
     */
    MemorySegment unaligned(String name);

    @Override
    void close();

    /** {@return whether there is a tensor of that name} */
    default boolean has(String name) {
        return names().contains(name);
    }

    /**
     * A floating-point tensor of any type copied as float32, row-major; meant for biases and thresholds, not for
     * matrices.
     */
    default float[] floats(String name) {
        return FloatReader.of(this, name).toArray();
    }

    /** Like {@link #floats}, and an error if the tensor holds a NaN or an infinity. */
    default float[] finiteFloats(String name) {
        FloatReader reader = FloatReader.of(this, name);
        reader.requireFinite();
        return reader.toArray();
    }

    /**
     * Reads a floating-point tensor of any size without copying it.
     *
     * @throws HeadwaterException if it holds a NaN or an infinity (as float32), saying how many and where the first is
     */
    default void requireFinite(String name) {
        FloatReader.of(this, name).requireFinite();
    }
}
