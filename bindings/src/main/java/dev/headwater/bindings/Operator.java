package dev.headwater.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.headwater.bindings.torch.TorchShim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One ATen operator, called through libtorch's boxed dispatcher. The arguments of its schema go in order, all of them, each as
 * the 64-bit value that the stable interface defines: a missing one would be read from beyond the stack, so only the classes
 * of operators make calls, and their test runs every operator.
 */
final class Operator {
    /** What we are written against, or the older libtorch in use; libtorch adapts schemas that changed since. */
    private static final long BUILD_VERSION = Math.min(2L << 56 | 13L << 48, TorchShim.aoti_torch_abi_version());

    static final Operator FILL = new Operator("fill_", "Tensor");

    private final String name;
    private final MemorySegment nameText;
    private final MemorySegment overloadText;

    Operator(String name, String overload) {
        this.name = "aten::" + name;
        nameText = Arena.global().allocateFrom(this.name);
        overloadText = Arena.global().allocateFrom(overload);
    }

    /** Begins a call. */
    Call call() {
        return Call.begin(this);
    }

    /** What an argument that is on its way is freed as, if the call does not take place. */
    private enum Owned {
        TENSOR,
        LIST,
        STRING,
        CELL
    }

    /**
     * The arguments of one call. The dispatcher takes ownership of tensors, lists, strings and cells, so each gets a handle of
     * its own; what fails before the call frees those made so far.
     */
    static final class Call {
        private static final int MOST_ARGUMENTS = 16;
        /** A thread's arguments, unless a call is being put together in them. */
        private static final ThreadLocal<@Nullable Call> SPARE = new ThreadLocal<>();

        private final Arena arena = Arena.ofAuto();
        private final MemorySegment stack = arena.allocate(JAVA_LONG, MOST_ARGUMENTS);
        private final MemorySegment out = arena.allocate(ADDRESS);
        private Operator operator;
        private int count;
        private long[] owned = new long[MOST_ARGUMENTS];
        private Owned[] kinds = new Owned[MOST_ARGUMENTS];
        private int owning;
        private final Pretence pretence = new Pretence();
        /** What keeps borrowed memory that arguments read, until the call is over. */
        private final List<NativeArena.Lease> leases = new ArrayList<>();

        private Call(Operator operator) {
            this.operator = operator;
        }

        private static Call begin(Operator operator) {
            NativeLibraries.load();
            Call call = SPARE.get();
            if (call == null) {
                call = new Call(operator);
            } else {
                SPARE.remove();
                call.operator = operator;
            }
            call.count = 0;
            call.owning = 0;
            call.pretence.clear();
            return call;
        }

        private Call push(long value) {
            stack.setAtIndex(JAVA_LONG, count++, value);
            return this;
        }

        private long own(Owned kind) {
            if (owning == owned.length) {
                owned = java.util.Arrays.copyOf(owned, 2 * owning);
                kinds = java.util.Arrays.copyOf(kinds, 2 * owning);
            }
            long value = out.get(JAVA_LONG, 0);
            owned[owning] = value;
            kinds[owning++] = kind;
            return value;
        }

        /** Checks a status on the way; a failure frees what the call owns so far. */
        private void check(int status, String operation) {
            if (status != 0) {
                try {
                    Shim.check(status, operator.name + ", " + operation);
                } finally {
                    abandon();
                }
            }
        }

        private void abandon() {
            while (owning > 0) {
                MemorySegment value = MemorySegment.ofAddress(owned[--owning]);
                int _ = switch (kinds[owning]) {
                    case TENSOR -> TorchShim.aoti_torch_delete_tensor_object(value);
                    case LIST -> TorchShim.torch_delete_list(value);
                    case STRING -> TorchShim.torch_delete_string(value);
                    case CELL -> Shim.deleteCell(value);
                };
            }
            end();
        }

        private void end() {
            leases.forEach(NativeArena.Lease::close);
            leases.clear();
            SPARE.set(this);
        }

        private long newHandle(Handle tensor) {
            MemorySegment pointer;
            try {
                pointer = tensor.acquire();
            } catch (IllegalStateException closed) {
                abandon();
                throw new IllegalStateException(operator.name + ": " + closed.getMessage(), closed);
            }
            try {
                pretence.sees(tensor, pointer);
                check(TorchShim.aoti_torch_new_tensor_handle(pointer, out), "new_tensor_handle");
                NativeArena.Lease lease = Borrowed.lease(pointer);
                if (lease != null) {
                    leases.add(lease);
                }
                return own(Owned.TENSOR);
            } finally {
                tensor.release();
            }
        }

        Call tensor(Handle tensor) {
            return push(newHandle(tensor));
        }

        Call integer(long value) {
            return push(value);
        }

        Call bool(boolean value) {
            return push(value ? 1 : 0);
        }

        /** An optional argument left out. */
        Call none() {
            return push(0);
        }

        Call optionalInteger(long value) {
            return push(cell(value));
        }

        /** @param tensor null leaves the argument out */
        Call optionalTensor(@Nullable Handle tensor) {
            return tensor == null ? none() : push(cell(newHandle(tensor)));
        }

        private long cell(long value) {
            check(Shim.newCell(out), "new_stable_ivalue");
            long cell = own(Owned.CELL);
            MemorySegment.ofAddress(cell).reinterpret(Long.BYTES).set(JAVA_LONG, 0, value);
            return cell;
        }

        Call integers(long... values) {
            return push(integerList(values));
        }

        Call optionalIntegers(long... values) {
            return push(cell(integerList(values)));
        }

        private long integerList(long[] values) {
            MemorySegment list = newList(values.length);
            for (long value : values) {
                check(TorchShim.torch_list_push_back(list, value), "list_push_back");
            }
            return list.address();
        }

        Call tensors(Handle[] tensors) {
            MemorySegment list = newList(tensors.length);
            for (Handle tensor : tensors) {
                check(TorchShim.torch_list_push_back(list, newHandle(tensor)), "list_push_back");
            }
            return push(list.address());
        }

        private MemorySegment newList(int size) {
            check(TorchShim.torch_new_list_reserve_size(size, out), "new_list");
            return MemorySegment.ofAddress(own(Owned.LIST));
        }

        Call string(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            try (Arena scratch = Arena.ofConfined()) {
                check(
                        TorchShim.torch_new_string_handle(scratch.allocateFrom(JAVA_BYTE, bytes), bytes.length, out),
                        "new_string");
            }
            return push(own(Owned.STRING));
        }

        /** Runs the operator for its only result. */
        Handle run() {
            return run(1)[0];
        }

        /** Runs an operator that changes an argument and returns it again. */
        void runInPlace() {
            run().close();
        }

        /** Runs the operator for so many results. */
        Handle[] run(int results) {
            boolean pretended;
            try {
                pretended = pretence.result(operator.name);
            } catch (IllegalStateException e) {
                abandon();
                throw e;
            }
            owning = 0; // theirs from here on, whatever comes of the call
            try {
                Shim.check(
                        TorchShim.torch_call_dispatcher(operator.nameText, operator.overloadText, stack, BUILD_VERSION),
                        operator.name);
                Handle[] handles = new Handle[results];
                for (int i = 0; i < results; i++) {
                    handles[i] = new Handle(MemorySegment.ofAddress(stack.getAtIndex(JAVA_LONG, i)), pretended);
                }
                return handles;
            } finally {
                end();
            }
        }
    }
}
