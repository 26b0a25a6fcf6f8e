package dev.headwater.bindings;

import dev.headwater.bindings.torch.TorchShim;

/**
 * Where a tensor lives.
 *
 * @param index CUDA ordinal; 0 for the CPU
 */
public record Device(Type type, int index) {
    public enum Type {
        CPU,
        CUDA
    }

    public static final Device CPU = new Device(Type.CPU, 0);

    /**
     * Reads {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto} (the first CUDA device if this machine and the
     * libtorch in use have one, else the CPU).
     *
     * @throws IllegalArgumentException if the text is none of these
     * @throws NativeException if a CUDA device is asked for and can't be used; the message says why
     */
    public static Device parse(String text) {
        if (text.equals("cpu")) {
            return CPU;
        }
        if (text.equals("auto")) {
            return Cuda.unavailable() == null ? new Device(Type.CUDA, 0) : CPU;
        }
        if (!text.matches("cuda(:\\d{1,3})?")) {
            throw new IllegalArgumentException("device '" + text + "' is not one of auto, cpu, cuda, cuda:N");
        }
        int index = text.length() > 5 ? Integer.parseInt(text.substring(5)) : 0;
        String reason = Cuda.unavailable();
        if (reason == null && index >= Cuda.devices().size()) {
            reason = "this machine has " + Cuda.devices().size() + " CUDA device(s)";
        }
        if (reason != null) {
            throw new NativeException("device " + text + " can't be used: " + reason);
        }
        return new Device(Type.CUDA, index);
    }

    public boolean isCpu() {
        return type == Type.CPU;
    }

    int torchType() {
        return isCpu() ? TorchShim.aoti_torch_device_type_cpu() : TorchShim.aoti_torch_device_type_cuda();
    }

    @Override
    public String toString() {
        return isCpu() ? "cpu" : "cuda:" + index;
    }
}
