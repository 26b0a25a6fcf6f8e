package dev.headwater.engine.jinja;

/** A text that was escaped, or declared safe. Python's library escapes what is joined to one; only writing it out is supported. */
record Markup(String text) {}
