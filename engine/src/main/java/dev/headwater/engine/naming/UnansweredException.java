package dev.headwater.engine.naming;

import dev.headwater.engine.HeadwaterException;

/** One question has no usable answer; another may have. */
public final class UnansweredException extends HeadwaterException {
    private static final long serialVersionUID = 1;

    UnansweredException(String message) {
        super(message);
    }
}
