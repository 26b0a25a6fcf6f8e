/**
 * Attention explained: which heads carry an attribution graph's edges, and why a head looks where it looks.
 *
 * <p>Source: "Tracing Attention Computation Through Feature Interactions", Transformer Circuits, 2025.
 */
package dev.headwater.engine.attention;
