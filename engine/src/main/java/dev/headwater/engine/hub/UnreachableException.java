package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import org.jspecify.annotations.Nullable;

/** The hub doesn't answer; what the cache holds may do instead. */
final class UnreachableException extends HeadwaterException {
    UnreachableException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
