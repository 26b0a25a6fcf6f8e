package dev.headwater.engine.host;

import dev.headwater.bindings.NativeException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CancellationException;

/** What was thrown as a status and a sentence. */
final class HostFailure {
    static final int USAGE = 1;
    static final int FAILED = 2;
    static final int HANDLE = 3;
    static final int CANCELLED = 4;
    static final int MEMORY = 5;
    static final int INTERNAL = 7;

    private HostFailure() {}

    /** {@return the status as the first byte, then the sentence in UTF-8} */
    static byte[] describe(Throwable thrown) {
        int status = status(thrown);
        String sentence = switch (status) {
            case CANCELLED -> "The work was cancelled by its progress function.";
            case MEMORY ->
                "Memory is used up (" + thrown.getMessage()
                        + "); ask for fewer features, or give Java more with HEADWATER_JAVA_OPTS=-Xmx8g.";
            case INTERNAL ->
                thrown instanceof StackOverflowError
                        ? "The calling thread's stack is too small; give it at least 1 MB."
                        : "A fault in Headwater, please report it: " + thrown
                                + (thrown.getStackTrace().length == 0 ? "" : " at " + thrown.getStackTrace()[0]);
            default -> thrown.getMessage();
        };
        byte[] text = String.valueOf(sentence).getBytes(StandardCharsets.UTF_8);
        byte[] all = new byte[text.length + 1];
        all[0] = (byte) status;
        System.arraycopy(text, 0, all, 1, text.length);
        return all;
    }

    private static int status(Throwable thrown) {
        return switch (thrown) {
            case HandleException _ -> HANDLE;
            case UsageException _ -> USAGE;
            case HeadwaterException _ -> FAILED;
            case NativeException _ -> FAILED;
            case CancellationException _ -> CANCELLED;
            case OutOfMemoryError _ -> MEMORY;
            default -> INTERNAL;
        };
    }
}
