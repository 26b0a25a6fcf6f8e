/**
 * Graphs as files: reading, writing, checking, comparing, naming and indexing them, with one set of limits.
 *
 * <p>Threads and lifetimes: Values are immutable and for any thread; nothing here holds native memory but graphs that were read,
 * which their reader closes. Files appear whole or not at all, also where several processes write into one folder: its index is
 * locked while it changes.
 */
@NullMarked
package dev.headwater.engine.document;

import org.jspecify.annotations.NullMarked;
