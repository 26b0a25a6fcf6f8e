/** What can be said of models and transcoders that are not loaded, by their small files. */
@NullMarked
package dev.headwater.engine.catalog;

import org.jspecify.annotations.NullMarked;
