package dev.headwater.engine.host;

import dev.headwater.engine.HeadwaterException;

/** A handle that is closed, was never given out, or is of another kind than the call needs. */
final class HandleException extends HeadwaterException {
    HandleException(String message) {
        super(message);
    }
}
