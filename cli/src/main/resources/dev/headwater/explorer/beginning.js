// What a graph shows at first: as much as a person can read; and a circuit to begin with.

import {ERROR, FEATURE, LOGIT, TOKEN} from './model.js';

const MANY_NODES = 400; // features and errors; a graph that has more begins with
const FIRST_NODES = 200;
const MANY_EDGES = 1500; // a graph that has more begins with
const FIRST_EDGES = 500;
const CIRCUIT = {features: 12, tokens: 4};

/** How much of the influence the nodes shown at first have: all, or that of the first few. */
export function startingPruning(graph) {
  const ranked = graph.nodes
    .filter(node => node.rank !== null && (node.kind === FEATURE || node.kind === ERROR))
    .sort((a, b) => a.rank - b.rank);
  return ranked.length <= MANY_NODES ? graph.largestInfluence : ranked[FIRST_NODES - 1].influence;
}

/** The share of the edges' scores that is drawn at first. */
export function startingShare(graph) {
  const n = graph.edgeCount;
  return n <= MANY_EDGES ? 1 : Math.max(0.02, Math.round(graph.cumulativeScore[FIRST_EDGES] * 100) / 100);
}

/**
 * Ids of a circuit worth starting from: the most probable output, then again and again the feature that gives most to what is chosen
 * already, by its influence on the output; at last the tokens that give most to those.
 */
export function suggestedCircuit(graph) {
  const output = d3.greatest(
    graph.nodes.filter(node => node.kind === LOGIT),
    node => graph.goal[node.index],
  );
  if (!output) return [];
  const chosen = new Set([output.index]);
  const given = new Map();
  const gather = target => {
    for (const edge of graph.inputsOf(target)) {
      const source = graph.source[edge];
      given.set(source, (given.get(source) ?? 0) + graph.through[target] * Math.abs(graph.share[edge]));
    }
  };
  const best = kind =>
    d3.greatest(
      [...given].filter(([index]) => graph.nodes[index].kind === kind && !chosen.has(index)),
      ([, amount]) => amount,
    );
  gather(output.index);
  for (const [kind, most] of /** @type {const} */ ([
    [FEATURE, CIRCUIT.features],
    [TOKEN, CIRCUIT.tokens],
  ])) {
    for (let i = 0; i < most; i++) {
      const next = best(kind);
      if (!next) break;
      chosen.add(next[0]);
      if (kind === FEATURE) gather(next[0]);
    }
  }
  return chosen.size > 1 ? [...chosen].map(index => graph.nodes[index].id) : [];
}

/** The feature above the lowest layer that matters most, or null. */
export function mostInteresting(graph) {
  const above = graph.nodes.filter(node => node.kind === FEATURE && node.layer > 0);
  return d3.greatest(above, node => graph.through[node.index]) ?? null;
}
