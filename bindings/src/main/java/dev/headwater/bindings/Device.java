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
        CUDA
    }

    /** The processor. */
    public static final Device CPU = new Device(Type.CPU, 0);

    /** True for the processor, whose memory Java can read. */
    public boolean isCpu() {
        return type == Type.CPU;
    }

    @Override
    public String toString() {
        return isCpu() ? "cpu" : "cuda:" + index;
    }
}
