/**
 * Attention explained: which heads carry an attribution graph's edges, and why a head looks where it looks.
 *
 * <p>Source: "Tracing Attention Computation Through Feature Interactions", Transformer Circuits, 2025.
 *
 * <p>Threads and lifetimes: Results are immutable values without native memory, for any thread. They are found with a {@link
 * dev.headwater.engine.attribution.LinearPrompt}, which one thread uses at a time and which must be open meanwhile.
 */
@NullMarked
package dev.headwater.engine.attention;

import org.jspecify.annotations.NullMarked;
