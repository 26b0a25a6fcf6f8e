package dev.headwater.engine;

import org.jspecify.annotations.Nullable;

/**
 * A failure that a user can understand and act on: the message is one sentence that says what went wrong, where, and
 * what to do. The command line prints it without a stack trace and ends with exit code 1.
 *
 * <p>Messages quote what somebody else wrote. Control characters in them, which could steer a terminal or pretend to be
 * another line of a log, become question marks.
 */
public class HeadwaterException extends RuntimeException {
    private final String sentence;

    public HeadwaterException(String message) {
        this(message, null);
    }

    public HeadwaterException(String message, @Nullable Throwable cause) {
        super(cause);
        sentence = plain(message);
    }

    @Override
    public String getMessage() {
        return sentence;
    }

    private static String plain(String message) {
        return message != null && message.chars().anyMatch(Character::isISOControl)
                ? message.replaceAll("\\p{Cc}", "?")
                : message;
    }
}
