/**
 * How far a set of transcoders stands in for a model's MLPs, on text that it was not trained on: what it leaves unexplained, how many
 * features it takes for that, what the model loses when the set takes the MLPs' place, and how far graphs made with it foretell
 * interventions. The definitions are at {@link dev.headwater.engine.evaluation.Evaluation}.
 *
 * <p>Threads and lifetimes: An evaluation uses one model from the calling thread; its results are values.
 */
@NullMarked
package dev.headwater.engine.evaluation;

import org.jspecify.annotations.NullMarked;
