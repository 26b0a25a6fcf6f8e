/**
 * Evidence about features: what they fire on and what they make the model say, gathered from text and kept in files.
 *
 * <p>Threads and lifetimes: Evidence is written once and may then be read from any thread and process; files that are open stay
 * mapped until their reader closes them. Gathering it uses one model from the calling thread.
 */
@NullMarked
package dev.headwater.engine.features;

import org.jspecify.annotations.NullMarked;
