/**
 * Products with a weight in one of three precisions.
 *
 * <p>Threads and lifetimes: Products of one weight may be made by several threads; what they are made with lives as long as its
 * model.
 */
@NullMarked
package dev.headwater.engine.product;

import org.jspecify.annotations.NullMarked;
