/**
 * The few features that carry one graph's answer: found by experiment, judged by what the model does without them and with nothing
 * else, grouped and named.
 */
@NullMarked
package dev.headwater.engine.explanation;

import org.jspecify.annotations.NullMarked;
