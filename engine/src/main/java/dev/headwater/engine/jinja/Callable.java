package dev.headwater.engine.jinja;

import org.jspecify.annotations.Nullable;

/** A function, method, filter, test or macro. */
@FunctionalInterface
interface Callable {
    @Nullable
    Object call(Arguments arguments);
}
