// How much the graph explains, and how much of that the circuit of the pinned nodes does.

import {h, fill} from './dom.js';
import {FEATURE} from './model.js';
import {percent} from './format.js';
import {everything, scores} from './scores.js';

const TITLES = {
  replacement: 'Share of the influence on the outputs that reaches tokens through features instead of ending in errors',
  completeness: 'Share of the nodes’ inputs, weighted by influence, that features and tokens explain',
};

export class ScoreView {
  /** @type {import('./model.js').Graph} */ graph = null;

  constructor(host) {
    this.host = host;
  }

  update({graph, annotations}) {
    if (this.graph !== graph) this.whole = scores(graph, everything(graph));
    this.graph = graph;
    const chosen = new Uint8Array(graph.size);
    for (const node of annotations.pinned.map(id => graph.node(id))) if (node?.kind === FEATURE) chosen[node.index] = 1;
    const circuit = chosen.includes(1) ? scores(graph, chosen) : null;
    fill(
      this.host,
      this.score('Replacement', 'replacement', circuit),
      this.score('Completeness', 'completeness', circuit),
    );
  }

  /** The graph's as a mark on the bar, the circuit's as the bar. */
  score(label, kind, circuit) {
    const whole = this.whole[kind];
    const meter = h(
      'span',
      {class: 'meter', 'aria-hidden': 'true'},
      h('span', {class: 'meter-bar whole'}),
      h('span', {class: 'meter-bar'}),
    );
    const [far, near] = /** @type {HTMLElement[]} */ ([...meter.children]);
    far.style.width = width(whole);
    near.style.width = width(circuit?.[kind]);
    return h(
      'span',
      {
        class: 'score',
        title: `${TITLES[kind]}: of the graph with all its features${circuit ? ', and of the circuit in which only the pinned ones count' : ''}`,
      },
      h('span', {class: 'muted'}, label),
      meter,
      h('span', {}, 'graph ', h('strong', {}, percent(whole))),
      circuit ? h('span', {}, 'circuit ', h('strong', {}, percent(circuit[kind]))) : null,
    );
  }
}

function width(share) {
  return Math.round(100 * (share || 0)) + '%';
}
