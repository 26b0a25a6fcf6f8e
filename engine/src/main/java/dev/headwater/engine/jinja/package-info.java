/**
 * The language of chat templates, as far as those use it, with a budget of steps, memory and depth: templates come from
 * strangers.
 */
@NullMarked
package dev.headwater.engine.jinja;

import org.jspecify.annotations.NullMarked;
