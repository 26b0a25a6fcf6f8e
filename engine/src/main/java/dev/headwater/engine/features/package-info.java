/**
 * Evidence about features: what they fire on and what they make the model say, gathered from text and kept in files.
 */
@NullMarked
package dev.headwater.engine.features;

import org.jspecify.annotations.NullMarked;
