/** References to models and transcoders, the Hugging Face hub and its cache, and the bundled model. */
@NullMarked
package dev.headwater.engine.hub;

import org.jspecify.annotations.NullMarked;
