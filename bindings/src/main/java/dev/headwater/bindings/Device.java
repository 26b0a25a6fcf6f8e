package dev.headwater.bindings;

/**
 * Where a tensor lives; {@link Cuda#device} reads one from its name.
 *
 * @param type  kind of device
 * @param index CUDA ordinal; 0 for the CPU
 */
public record Device(Type type, int index) {
    /** Kinds of devices. */
    public enum Type {
        /** The processor, with the machine's memory. */
        CPU,
        /** An NVIDIA GPU, with its own memory. */
        CUDA,
        /**
         * The processor behind a guard: as on a GPU, its tensors are reached by explicit copies only, and an operator takes them or the
         * host's, not both. Shows on any machine what a computation would move.
         */
        PRETENDED
    }

    /** The processor. */
    public static final Device CPU = new Device(Type.CPU, 0);

    /** The processor, guarded as if it were a GPU. */
    public static final Device PRETENDED = new Device(Type.PRETENDED, 0);

    /** True for the processor, whose memory Java can read. */
    public boolean isCpu() {
        return type == Type.CPU;
    }

    @Override
    public String toString() {
        return switch (type) {
            case CPU -> "cpu";
            case CUDA -> "cuda:" + index;
            case PRETENDED -> "pretended";
        };
    }
}
