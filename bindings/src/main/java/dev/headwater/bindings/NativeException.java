package dev.headwater.bindings;

/** Native code reported an error, or a native library can't be found or used. The message says which and why. */
public final class NativeException extends RuntimeException {
    public NativeException(String message) {
        super(message);
    }

    public NativeException(String message, Throwable cause) {
        super(message, cause);
    }
}
