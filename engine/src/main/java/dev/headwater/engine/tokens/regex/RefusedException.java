package dev.headwater.engine.tokens.regex;

/** A part of a tokenizer that is not valid, not known, or too much work; the message is a reason that fits behind a colon. */
public final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public RefusedException(String reason) {
        super(reason, null, false, false);
    }
}
