/** Graphs for others to see: what sites that show graphs ask of a file, and how they take it. */
@NullMarked
package dev.headwater.engine.sharing;

import org.jspecify.annotations.NullMarked;
