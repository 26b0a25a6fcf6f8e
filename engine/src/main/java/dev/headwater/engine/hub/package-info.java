/** References to models and transcoders, the Hugging Face hub and its cache, and the bundled model. */
package dev.headwater.engine.hub;
