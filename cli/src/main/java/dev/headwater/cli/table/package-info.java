/** Graphs as tables that other programs read. */
@NullMarked
package dev.headwater.cli.table;

import org.jspecify.annotations.NullMarked;
