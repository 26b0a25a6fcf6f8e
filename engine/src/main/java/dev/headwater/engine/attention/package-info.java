/**
 * Attention explained: which heads carry an attribution graph's edges, and why a head looks where it looks.
 *
 * <p>Source: "Tracing Attention Computation Through Feature Interactions", Transformer Circuits, 2025.
 */
@NullMarked
package dev.headwater.engine.attention;

import org.jspecify.annotations.NullMarked;
