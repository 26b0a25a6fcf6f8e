// Groups worth making: pinned features of the same name at the same token, or with nearly the same inputs and outputs.

import {FEATURE} from './model.js';
import {groupOf} from './annotations.js';
import {name} from './naming.js';

const ALIKE = 0.75; // cosine
const NEAR = 3; // layers

/** @return a list of {label, ids, reason} */
export function suggestions(graph, annotations) {
  const free = annotations.pinned
    .map(id => graph.node(id))
    .filter(node => node?.kind === FEATURE && !groupOf(annotations, node.id));
  const found = [];
  const taken = new Set();
  const propose = (nodes, label, reason) => {
    if (nodes.length < 2) return;
    nodes.forEach(node => taken.add(node));
    found.push({label, ids: nodes.map(node => node.id), reason});
  };
  const named = free.filter(node => annotations.labels[node.key] || node.clerp || node.defaultLabel);
  for (const nodes of d3
    .group(named, node => name(node, annotations).trim().toLowerCase() + '\n' + node.position)
    .values()) {
    propose(nodes, name(nodes[0], annotations), 'the same label at the same token');
  }
  const rest = free.filter(node => !taken.has(node));
  const ties = new Map(rest.map(node => [node, vector(graph, node.index)]));
  const parent = new Map(rest.map(node => [node, node]));
  const root = node => (parent.get(node) === node ? node : root(parent.get(node)));
  for (let i = 0; i < rest.length; i++) {
    for (let j = i + 1; j < rest.length; j++) {
      const [a, b] = [rest[i], rest[j]];
      if (a.position === b.position && Math.abs(a.layer - b.layer) <= NEAR && cosine(ties.get(a), ties.get(b)) >= ALIKE)
        parent.set(root(a), root(b));
    }
  }
  for (const nodes of d3.group(rest, root).values()) {
    const strongest = d3.greatest(nodes, node => graph.through[node.index]);
    propose(nodes, name(strongest, annotations), 'nearly the same inputs and outputs');
  }
  return found;
}

/** Shares of its inputs and of its outputs, each half of length one. */
function vector(graph, index) {
  const v = new Map();
  const half = (edges, end, sign) => {
    const length = Math.hypot(...Array.from(edges, e => graph.share[e])) || 1;
    for (const e of edges) v.set(sign * (end[e] + 1), graph.share[e] / length / Math.SQRT2);
  };
  half(graph.inputsOf(index), graph.source, -1);
  half(graph.outputsOf(index), graph.target, 1);
  return v;
}

function cosine(a, b) {
  let sum = 0;
  for (const [key, value] of a) sum += value * (b.get(key) ?? 0);
  return sum;
}
