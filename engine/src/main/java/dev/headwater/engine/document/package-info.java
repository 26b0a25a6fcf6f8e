/** Graphs as files: reading, writing, checking, comparing, naming and indexing them, with one set of limits. */
@NullMarked
package dev.headwater.engine.document;

import org.jspecify.annotations.NullMarked;
