/** Products with a weight in one of three precisions. */
@NullMarked
package dev.headwater.engine.product;

import org.jspecify.annotations.NullMarked;
