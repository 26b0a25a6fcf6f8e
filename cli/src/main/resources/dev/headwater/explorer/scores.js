// How much of the model's computation a choice of features explains.

import {ERROR, FEATURE, LOGIT, TOKEN} from './model.js';

/**
 * Replacement and completeness of the graph in which only the chosen features count as explained: every other feature is taken
 * as part of the error at its place, so that paths end there.
 *
 * replacement: share of the outputs' influence that arrives at tokens rather than at errors.
 * completeness: share of all nodes' inputs, weighted by influence, that are not errors.
 *
 * @param chosen 0 or 1 for each node
 */
export function scores(graph, chosen) {
  const {nodes, source, share, goal} = graph;
  const unexplained = i => nodes[i].kind === ERROR || (nodes[i].kind === FEATURE && !chosen[i]);
  const through = Float64Array.from(goal);
  let tokens = 0,
    errors = 0,
    complete = 0,
    all = 0;
  for (const t of graph.topDown) {
    const influence = through[t];
    if (influence === 0) continue;
    const node = nodes[t];
    all += influence;
    if (node.kind === TOKEN) tokens += influence;
    if (unexplained(t)) {
      errors += influence;
      complete += influence;
      continue;
    }
    let error = 0;
    for (const e of graph.inputsOf(t)) {
      const part = Math.abs(share[e]);
      through[source[e]] += influence * part;
      if (unexplained(source[e])) error += part;
    }
    complete += influence * (1 - error);
  }
  return {
    replacement: tokens + errors > 0 ? tokens / (tokens + errors) : NaN,
    completeness: all > 0 ? complete / all : NaN,
  };
}

/** The choice of every feature of the graph: its own scores. */
export function everything(graph) {
  return Uint8Array.from(graph.nodes, node => (node.kind === FEATURE || node.kind === LOGIT ? 1 : 0));
}
