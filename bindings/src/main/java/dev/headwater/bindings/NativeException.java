package dev.headwater.bindings;

/** Native code reported an error, or a native library can't be found or used. The message says which and why. */
public final class NativeException extends RuntimeException {
    private final String sentence;

    /** @param message what failed, where, and what to do */
    public NativeException(String message) {
        super(message);
        sentence = message;
    }

    /**
     * @param message what failed, where, and what to do
     * @param cause   what was thrown meanwhile
     */
    public NativeException(String message, Throwable cause) {
        super(message, cause);
        sentence = message;
    }

    @Override
    public String getMessage() {
        return sentence;
    }
}
