package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The guard of {@link Device#PRETENDED} at one call of an operator: libtorch takes its tensors for the CPU's and would mix both. An
 * operator of a GPU takes the GPU's tensors and, as numbers, the host's of no dimension; so does this. What an operator makes is
 * where its tensors are.
 */
final class Pretence {
    /** Nothing is looked at until the first such tensor is made. */
    private static volatile boolean begun;

    private boolean pretended;
    private boolean host;

    /** Whether a tensor on the device is one that the guard watches. */
    static boolean takes(Device device) {
        boolean takes = device.type() == Device.Type.PRETENDED;
        if (takes && !begun) {
            begun = true;
        }
        return takes;
    }

    void clear() {
        pretended = false;
        host = false;
    }

    /** @param tensor of the handle, acquired */
    void sees(Handle handle, MemorySegment tensor) {
        if (handle.pretended()) {
            pretended = true;
        } else if (begun && !host) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment rank = arena.allocate(JAVA_LONG);
                Shim.check(TorchShim.aoti_torch_get_dim(tensor, rank), "get_dim");
                host = rank.get(JAVA_LONG, 0) > 0;
            }
        }
    }

    /**
     * Whether the call's results are pretended.
     *
     * @throws IllegalStateException if it was given tensors of both
     */
    boolean result(String operator) {
        if (pretended && host) {
            throw new IllegalStateException(
                    operator + " is given tensors on the device and in the host's memory at once");
        }
        return pretended;
    }
}
