// Walking through the graph with the keyboard, and what a screen reader hears on the way.

import {FEATURE} from './model.js';
import {name, place} from './naming.js';
import {number} from './format.js';

/**
 * The next node sideways in its row, or the nearest one in the next row that has any.
 *
 * @param view what is shown: props, place, shown, hovered, clickedIndex
 * @param dx   −1, 0 or 1 across
 * @param dy   −1, 0 or 1 up
 */
export function step({props: {graph}, place: {x}, shown, hovered, clickedIndex}, dx, dy) {
  const nodes = graph.nodes.filter(node => shown[node.index]);
  const from = graph.nodes[hovered] ?? graph.nodes[clickedIndex];
  if (!from) return nodes.find(node => node.row === graph.rows - 1);
  let candidates = nodes;
  if (dx) {
    candidates = nodes.filter(node => node.row === from.row && (x[node.index] - x[from.index]) * dx > 0);
  } else {
    const rows = nodes.map(node => node.row).filter(row => (row - from.row) * dy > 0);
    const row = dy > 0 ? Math.min(...rows) : Math.max(...rows);
    candidates = nodes.filter(node => node.row === row);
  }
  return d3.least(candidates, node => Math.abs(x[node.index] - x[from.index]));
}

export function describe(node, graph, annotations) {
  const parts = [name(node, annotations), place(node, graph)];
  if (node.kind === FEATURE && node.activation !== null) parts.push(`activation ${number(node.activation)}`);
  if (annotations.pinned.includes(node.id)) parts.push('pinned');
  return parts.join(', ');
}
