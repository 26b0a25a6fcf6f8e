// What flows into the selected node and out of it, signed, sorted by share.

import {h, s, fill, icon} from './dom.js';
import {name, number as short, place} from './naming.js';
import {percent, signed, number, count} from './format.js';
import {edgeWidth, shape, signedColour} from './palette.js';

const PAGE = 40;

/** The small drawing that says what kind a node is. */
export function glyph(node, colour) {
  return s(
    'svg',
    {class: 'glyph kind-' + node.kind, viewBox: '-7 -7 14 14', width: 14, height: 14, 'aria-hidden': 'true'},
    s('path', {d: shape(node.kind, 5), ...(colour ? {fill: colour} : {})}),
  );
}

export class ConnectionsView {
  /** actions: select(id), pin(id), hover(index) */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.lengths = {};
  }

  update({graph, annotations, clicked, shown}) {
    this.props = {graph, annotations, clicked, shown};
    const node = graph?.node(clicked);
    if (!node) {
      fill(
        this.host,
        h(
          'div',
          {class: 'empty'},
          h('p', {}, 'Select a node to see what drives it and what it drives.'),
          h('p', {class: 'muted'}, 'Click a node in the graph, or search with ', h('kbd', {}, '/'), '.'),
        ),
      );
      return;
    }
    if (this.shownFor !== clicked) {
      this.lengths = {};
      this.shownFor = clicked;
    }
    const pinned = annotations.pinned.includes(node.id);
    fill(
      this.host,
      h(
        'header',
        {class: 'node-head'},
        glyph(node),
        h(
          'div',
          {class: 'node-title'},
          h('h3', {}, name(node, annotations)),
          h('p', {class: 'muted'}, place(node, graph)),
        ),
        h(
          'button',
          {
            class: 'pin-button',
            'aria-pressed': String(pinned),
            onclick: () => this.actions.pin(node.id),
            title: 'Pin to the subgraph (P)',
          },
          icon('pin'),
          pinned ? 'Pinned' : 'Pin',
        ),
      ),
      h(
        'div',
        {class: 'connections'},
        this.side('Inputs', node, graph.inputsOf(node.index), graph.source),
        this.side('Outputs', node, graph.outputsOf(node.index), graph.target),
      ),
    );
  }

  side(title, node, edges, end) {
    const {graph, shown} = this.props;
    const kept = [...edges]
      .filter(e => shown[end[e]])
      .sort((a, b) => Math.abs(graph.share[b]) - Math.abs(graph.share[a]));
    const positive = kept.filter(e => graph.weight[e] >= 0),
      negative = kept.filter(e => graph.weight[e] < 0);
    const sum = list => list.reduce((total, e) => total + Math.abs(graph.share[e]), 0);
    return h(
      'section',
      {class: 'side', 'aria-label': title},
      h('h4', {}, title, h('span', {class: 'muted'}, ` ${count(kept.length)}`)),
      kept.length === 0
        ? h(
            'p',
            {class: 'muted none'},
            title === 'Inputs'
              ? node.row === 0
                ? 'Tokens are where paths begin.'
                : 'None in this graph.'
              : node.row === graph.rows - 1
                ? 'Outputs are where paths end.'
                : 'None in this graph.',
          )
        : null,
      this.list(title + '+', 'Positive', positive, end, title === 'Inputs' ? sum(positive) : null, node),
      this.list(title + '-', 'Negative', negative, end, title === 'Inputs' ? sum(negative) : null, node),
    );
  }

  list(key, title, edges, end, total, node) {
    if (edges.length === 0) return null;
    const length = this.lengths[key] ?? PAGE;
    return [
      h(
        'h5',
        {class: title.toLowerCase()},
        title,
        total === null ? null : h('span', {class: 'muted'}, ` ${percent(total)} of the input`),
      ),
      h(
        'ul',
        {class: 'rows'},
        edges.slice(0, length).map(e => this.row(e, end, node)),
      ),
      edges.length > length
        ? h(
            'button',
            {
              class: 'more',
              onclick: () => {
                this.lengths[key] = length + 200;
                this.update(this.props);
              },
            },
            `Show ${count(Math.min(200, edges.length - length))} more`,
          )
        : null,
    ];
  }

  row(edge, end, node) {
    const {graph, annotations} = this.props;
    const other = graph.nodes[end[edge]];
    const share = graph.share[edge];
    const arrow = other.position < node.position ? '←' : other.position > node.position ? '→' : '';
    const pinned = annotations.pinned.includes(other.id);
    const bar = h('span', {class: 'bar', 'aria-hidden': 'true'});
    bar.style.width = Math.min(100, (Math.abs(share) * 100) / 0.4) + '%';
    bar.style.background = signedColour(share);
    bar.style.height = Math.max(2, edgeWidth(share) * 0.7) + 'px';
    const where = short(other) + (arrow ? ' ' + arrow : '');
    return h(
      'li',
      {onpointerenter: () => this.actions.hover(other.index), onpointerleave: () => this.actions.hover(-1)},
      h(
        'button',
        {
          class: 'row',
          onclick: event =>
            event.ctrlKey || event.metaKey || event.shiftKey
              ? this.actions.pin(other.id)
              : this.actions.select(other.id),
          onfocus: () => this.actions.hover(other.index),
          onblur: () => this.actions.hover(-1),
          title:
            `${place(other, graph)}; weight ${signed(graph.weight[edge])}` +
            (other.activation === null ? '' : `; activation ${number(other.activation)}`),
        },
        glyph(other, signedColour(share)),
        h('span', {class: 'row-name'}, pinned ? '★ ' : '', name(other, annotations)),
        h('span', {class: 'row-where muted'}, where),
        h('span', {class: 'row-share'}, percent(share)),
        h('span', {class: 'row-weight muted'}, signed(graph.weight[edge])),
        bar,
      ),
    );
  }
}
