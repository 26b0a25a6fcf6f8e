package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;

/** The hub doesn't answer; what the cache holds may do instead. */
final class UnreachableException extends HeadwaterException {
    UnreachableException(String message, Throwable cause) {
        super(message, cause);
    }
}
