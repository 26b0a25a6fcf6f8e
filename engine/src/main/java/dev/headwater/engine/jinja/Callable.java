package dev.headwater.engine.jinja;

/** A function, method, filter, test or macro. */
@FunctionalInterface
interface Callable {
    Object call(Arguments arguments);
}
