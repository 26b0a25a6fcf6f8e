/** Files: those that appear whole or not at all, mappings, parsers with limits, names fit for error messages, and the cache. */
@NullMarked
package dev.headwater.engine.files;

import org.jspecify.annotations.NullMarked;
