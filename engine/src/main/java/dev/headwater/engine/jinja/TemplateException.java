package dev.headwater.engine.jinja;

import dev.headwater.engine.HeadwaterException;

/** A template that isn't valid, uses what isn't supported, or refuses what it was given. */
public final class TemplateException extends HeadwaterException {
    TemplateException(String message, int line) {
        super("Chat template, line " + line + ": " + message + ".");
    }

    TemplateException(String message) {
        super("Chat template: " + message + ".");
    }

    TemplateException(String message, Throwable cause) {
        super("Chat template: " + message + ".", cause);
    }

    static TemplateException unsupported(String what) {
        return new TemplateException(what + " is not supported");
    }
}
