package dev.headwater.bindings;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The tensors that a native call is given: none is freed before the call has ended and this is closed. */
final class TensorUse implements AutoCloseable {
    private final List<Handle> handles = new ArrayList<>(6);
    private final Pretence pretence = new Pretence();

    /** libtorch's handle of a tensor. */
    MemorySegment handle(Tensor tensor) {
        MemorySegment handle = tensor.handle().acquire();
        handles.add(tensor.handle());
        pretence.sees(tensor.handle(), handle);
        return handle;
    }

    /** Whether what the operator gives is {@link Device#PRETENDED}'s, as the tensors that it was given are. */
    boolean pretended(String operator) {
        return pretence.result(operator);
    }

    /** A tensor's elements, on its device. */
    MemorySegment elements(Tensor tensor) {
        MemorySegment elements = tensor.acquire();
        handles.add(tensor.handle());
        return elements;
    }

    @Override
    public void close() {
        handles.forEach(Handle::release);
    }
}
