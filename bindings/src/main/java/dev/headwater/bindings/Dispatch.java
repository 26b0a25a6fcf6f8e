package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One ATen operator, called through libtorch's boxed dispatcher: the arguments of its schema in order, all of them,
 * each as
 * the 64-bit value that the stable interface defines. A missing argument would be read from beyond the stack, so {@link
 * Torch}
 * is the only caller and its test runs every operator.
 */
final class Dispatch {
    private static final int MOST_ARGUMENTS = 16;
    /** Where an operator's arguments are laid out; one stack a thread, since calls do not nest. */
    private static final ThreadLocal<Dispatch> STACK = ThreadLocal.withInitial(Dispatch::new);
    /** What we are written against; libtorch adapts schemas that changed since. */
    private static final long BUILD_VERSION = 2L << 56 | 13L << 48;

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment stack = arena.allocate(JAVA_LONG, MOST_ARGUMENTS);
    private final MemorySegment out = arena.allocate(ADDRESS);
    private MemorySegment name;
    private MemorySegment overload;
    private int count;

    private Dispatch() {}

    /** Begins a call; the names are C strings that live as long as the program. */
    static Dispatch of(Operator operator) {
        Dispatch call = STACK.get();
        call.name = operator.name;
        call.overload = operator.overload;
        call.count = 0;
        return call;
    }

    /** Name and overload of an operator as C strings. */
    static final class Operator {
        final MemorySegment name;
        final MemorySegment overload;

        Operator(String name, String overload) {
            this.name = Arena.global().allocateFrom("aten::" + name);
            this.overload = Arena.global().allocateFrom(overload);
        }
    }

    private Dispatch push(long value) {
        stack.setAtIndex(JAVA_LONG, count++, value);
        return this;
    }

    /** The dispatcher takes ownership of tensors, so it gets a handle of its own. */
    Dispatch tensor(Tensor tensor) {
        return push(newHandle(tensor));
    }

    private long newHandle(Tensor tensor) {
        Torch.check(TorchShim.aoti_torch_new_tensor_handle(tensor.handle(), out));
        return out.get(JAVA_LONG, 0);
    }

    Dispatch integer(long value) {
        return push(value);
    }

    Dispatch bool(boolean value) {
        return push(value ? 1 : 0);
    }

    /** An optional argument left out. */
    Dispatch none() {
        return push(0);
    }

    Dispatch optionalInteger(long value) {
        return push(cell(value));
    }

    Dispatch optionalTensor(Tensor tensor) {
        return tensor == null ? none() : push(cell(newHandle(tensor)));
    }

    private long cell(long value) {
        Torch.check(TorchShim.torch_new_stable_ivalue(out));
        MemorySegment cell = out.get(ADDRESS, 0).reinterpret(8);
        cell.set(JAVA_LONG, 0, value);
        return cell.address();
    }

    Dispatch integers(long... values) {
        return push(integerList(values));
    }

    Dispatch optionalIntegers(long... values) {
        return push(cell(integerList(values)));
    }

    private long integerList(long[] values) {
        MemorySegment list = newList(values.length);
        for (long value : values) {
            Torch.check(TorchShim.torch_list_push_back(list, value));
        }
        return list.address();
    }

    Dispatch tensors(List<Tensor> tensors) {
        MemorySegment list = newList(tensors.size());
        for (Tensor tensor : tensors) {
            Torch.check(TorchShim.torch_list_push_back(list, newHandle(tensor)));
        }
        return push(list.address());
    }

    private MemorySegment newList(int size) {
        Torch.check(TorchShim.torch_new_list_reserve_size(size, out));
        return out.get(ADDRESS, 0);
    }

    Dispatch string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment data = scratch.allocateFrom(JAVA_BYTE, bytes);
            Torch.check(TorchShim.torch_new_string_handle(data, bytes.length, out));
        }
        return push(out.get(JAVA_LONG, 0));
    }

    /** Runs the operator for its only result. */
    Tensor call() {
        run();
        return result(0);
    }

    /** Runs an operator that changes an argument and returns it again. */
    void callInPlace() {
        run();
        Torch.check(TorchShim.aoti_torch_delete_tensor_object(MemorySegment.ofAddress(stack.getAtIndex(JAVA_LONG, 0))));
    }

    /** Runs the operator; its results are then on the stack. */
    void run() {
        Torch.check(TorchShim.torch_call_dispatcher(name, overload, stack, BUILD_VERSION));
    }

    /** The two results of an operator that ranks. */
    Torch.Ranked ranked() {
        return new Torch.Ranked(result(0), result(1));
    }

    private Tensor result(int index) {
        return new Tensor(MemorySegment.ofAddress(stack.getAtIndex(JAVA_LONG, index)));
    }
}
