/**
 * Transcoders: sparse, readable stand-ins for a model's MLPs. A set is opened where it lies on disk, in any of its
 * published layouts, and answers in the terms of the method: active features of a layer, encoder and decoder rows,
 * reconstructions.
 *
 * <p>Threads and lifetimes: A set may be used by several threads; its files stay mapped until it is closed, which its {@link
 * dev.headwater.engine.ReplacementModel} does. Results are values, but for tensors, which belong to the scope they were made in.
 */
@NullMarked
package dev.headwater.engine.transcoder;

import org.jspecify.annotations.NullMarked;
