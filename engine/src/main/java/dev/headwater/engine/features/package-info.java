/**
 * Evidence about features: what they fire on and what they make the model say, gathered from text and kept in files.
 */
package dev.headwater.engine.features;
