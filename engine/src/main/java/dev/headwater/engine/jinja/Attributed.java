package dev.headwater.engine.jinja;

/** A value with attributes of its own, such as {@code loop}. */
interface Attributed {
    /** The attribute's value, an {@link Undefined} if there is none of this name. */
    Object attribute(String name);
}
