/**
 * The few features that carry one graph's answer: found by experiment, judged by what the model does without them and with nothing
 * else, grouped and named.
 *
 * <p>Threads and lifetimes: explanations are immutable values for any thread, without native memory. Finding one uses the model and
 * reads the graph from the calling thread; both stay open until it returns.
 */
@NullMarked
package dev.headwater.engine.explanation;

import org.jspecify.annotations.NullMarked;
