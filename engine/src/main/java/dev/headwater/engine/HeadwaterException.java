package dev.headwater.engine;

/**
 * A failure that a user can understand and act on: the message is one sentence that says what went wrong, where, and
 * what to do. The command line prints it without a stack trace and ends with exit code 1.
 */
public class HeadwaterException extends RuntimeException {
    public HeadwaterException(String message) {
        super(message);
    }

    public HeadwaterException(String message, Throwable cause) {
        super(message, cause);
    }
}
