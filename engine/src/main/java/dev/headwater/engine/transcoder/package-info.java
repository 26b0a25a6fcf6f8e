/**
 * Transcoders: sparse, readable stand-ins for a model's MLPs. A set is opened where it lies on disk, in any of its
 * published layouts, and answers in the terms of the method: active features of a layer, encoder and decoder rows,
 * reconstructions.
 */
@NullMarked
package dev.headwater.engine.transcoder;

import org.jspecify.annotations.NullMarked;
