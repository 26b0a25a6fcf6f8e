/** What can be said of models and transcoders that are not loaded, by their small files. */
package dev.headwater.engine.catalog;
