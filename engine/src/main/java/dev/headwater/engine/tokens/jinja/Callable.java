package dev.headwater.engine.tokens.jinja;

/** A function, method, filter, test or macro. */
@FunctionalInterface
interface Callable {
    Object call(Arguments arguments);
}
