package dev.headwater.engine;

/**
 * A request that can't be meant as it stands (an option out of range, settings that contradict each other): exit code
 * 2.
 */
public final class UsageException extends HeadwaterException {
    public UsageException(String message) {
        super(message);
    }
}
