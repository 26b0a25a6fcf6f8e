// What flows into some nodes from the others and out of them, summed: for one node its edges, for a group all of its members'.

import {findGroup} from './annotations.js';

/**
 * @typedef {{index: number, weight: number, share: number}} Flow a node at the other end; share: of all that flows in for inputs, for
 *   outputs of the other node's input
 */

/**
 * @param {import('./model.js').Graph} graph
 * @param {number[]} members indices of the nodes
 * @returns {{inputs: Flow[], outputs: Flow[]}} the strongest first
 */
export function flows(graph, members) {
  const inside = new Set(members);
  const inputs = new Map(),
    outputs = new Map();
  const add = (flows, index, weight, share) => {
    const flow = flows.get(index) ?? {index, weight: 0, share: 0};
    flow.weight += weight;
    flow.share += share;
    flows.set(index, flow);
  };
  let total = 0;
  for (const index of members) {
    for (const edge of graph.whole.inputsOf(index))
      if (!inside.has(graph.source[edge])) total += Math.abs(graph.whole.weight[edge]);
    for (const edge of graph.inputsOf(index)) {
      if (inside.has(graph.source[edge])) continue;
      add(inputs, graph.source[edge], graph.weight[edge], graph.weight[edge]);
    }
    for (const edge of graph.outputsOf(index)) {
      if (!inside.has(graph.target[edge])) add(outputs, graph.target[edge], graph.weight[edge], graph.share[edge]);
    }
  }
  for (const flow of inputs.values()) flow.share /= total || 1;
  const sorted = map => [...map.values()].sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
  return {inputs: sorted(inputs), outputs: sorted(outputs)};
}

/**
 * Shown edges of what is selected, a node or a group, the strongest first: {edge, share, other}, other being the index at their far end.
 *
 * @param state graph, annotations, clicked, group, linkType: both, input or output
 * @param {Uint8Array} shown
 */
export function links({graph, annotations, clicked, linkType, group}, shown) {
  const ids = (group && findGroup(annotations, group)?.members) ?? (clicked ? [clicked] : []);
  const nodes = ids.map(id => graph.node(id)).filter(Boolean);
  const inside = new Set(nodes.map(node => node.index));
  const found = [];
  const add = (edges, end) => {
    for (const edge of edges)
      if (shown[end[edge]] && !inside.has(end[edge])) found.push({edge, share: graph.share[edge], other: end[edge]});
  };
  for (const {index} of nodes.filter(node => shown[node.index])) {
    if (linkType !== 'output') add(graph.inputsOf(index), graph.source);
    if (linkType !== 'input') add(graph.outputsOf(index), graph.target);
  }
  return found.sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
}
