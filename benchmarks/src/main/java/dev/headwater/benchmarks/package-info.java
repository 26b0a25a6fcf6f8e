/** Benchmarks of the hot path, and comparisons with the reference. */
@NullMarked
package dev.headwater.benchmarks;

import org.jspecify.annotations.NullMarked;
