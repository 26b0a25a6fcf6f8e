/** Fuzzing of every reader of foreign bytes. */
@NullMarked
package dev.headwater.fuzz;

import org.jspecify.annotations.NullMarked;
