package dev.headwater.engine.naming;

import dev.headwater.engine.HeadwaterException;

/** As many requests were made as were allowed. */
public final class SpentException extends HeadwaterException {
    private static final long serialVersionUID = 1;

    SpentException(int requests) {
        super("The %d requests that the language model may be asked are spent".formatted(requests));
    }
}
