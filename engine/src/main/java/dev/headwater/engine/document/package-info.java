/** Graphs as files: reading, writing, checking, comparing, naming and indexing them, with one set of limits. */
package dev.headwater.engine.document;
