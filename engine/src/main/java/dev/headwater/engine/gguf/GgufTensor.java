package dev.headwater.engine.gguf;

import dev.headwater.engine.HeadwaterException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of a GGUF file.
 *
 * @param type   as the file numbers it
 * @param shape  sizes, outermost first; the file has them the other way round
 * @param data   where it is mapped; null if Headwater does not read the type
 * @param source the file, for errors
 */
record GgufTensor(
        String name, int type, long[] shape, @Nullable MemorySegment data, String source) {
    GgufType readType() {
        return GgufType.of(type).orElseThrow(this::unread);
    }

    MemorySegment readData() {
        if (data == null) {
            throw unread();
        }
        return data;
    }

    private HeadwaterException unread() {
        return new HeadwaterException("Tensor '%s' in %s is of type %s, which Headwater does not read; it reads %s"
                .formatted(name, source, GgufType.name(type), Arrays.toString(GgufType.values())));
    }

    long numbers() {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }
}
