// What flows into the selected node or group and out of it, signed, sorted by share.

import {h, s, fill, icon} from './dom.js';
import {name, number as short, place} from './naming.js';
import {findGroup} from './annotations.js';
import {hasHeads} from './attention.js';
import {flows} from './flows.js';
import {percent, signed, number, count} from './format.js';
import {FEATURE} from './model.js';
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

/** Whether nothing can come in, or nothing can go out. */
function oneSided(graph, nodes) {
  return nodes.every(node => node.row === 0) || nodes.every(node => node.row === graph.rows - 1);
}

export class ConnectionsView {
  /** actions: select(id), pin(id), hover(index), trace(nodes), selectEdge({source, target}); traceable(): whether a live model can trace features of this graph */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.lengths = {};
  }

  update({graph, annotations, clicked, shown, group, edge}) {
    this.props = {graph, annotations, clicked, shown, group, edge};
    const chosen = group ? findGroup(annotations, group) : null;
    const nodes = chosen ? chosen.members.map(id => graph.node(id)).filter(Boolean) : [graph?.node(clicked)];
    if (!nodes[0]) {
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
    const about = chosen ? group : clicked;
    if (this.shownFor !== about) {
      this.lengths = {};
      this.shownFor = about;
    }
    const {inputs, outputs} = flows(
      graph,
      nodes.map(node => node.index),
    );
    fill(
      this.host,
      chosen ? this.groupHead(chosen, nodes) : this.nodeHead(nodes[0]),
      h(
        'div',
        {class: oneSided(graph, nodes) ? 'connections single' : 'connections'},
        this.side('Inputs', nodes, inputs),
        this.side('Outputs', nodes, outputs),
      ),
    );
  }

  nodeHead(node) {
    const {graph, annotations} = this.props;
    const pinned = annotations.pinned.includes(node.id);
    return h(
      'header',
      {class: 'node-head'},
      glyph(node),
      h(
        'div',
        {class: 'node-title'},
        h('h3', {}, name(node, annotations)),
        h('p', {class: 'muted'}, place(node, graph)),
      ),
      node.kind === FEATURE && node.feature >= 0 && this.actions.traceable() ? this.traceButton([node]) : null,
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
    );
  }

  groupHead(group, nodes) {
    const features = nodes.filter(node => node.kind === FEATURE && node.feature >= 0);
    return h(
      'header',
      {class: 'node-head'},
      h(
        'div',
        {class: 'node-title'},
        h('h3', {}, group.label),
        h('p', {class: 'muted'}, `Group of ${nodes.length}: all its members’ inputs and outputs, summed`),
      ),
      features.length && this.actions.traceable() ? this.traceButton(features) : null,
    );
  }

  traceButton(nodes) {
    return h(
      'button',
      {
        class: 'small trace-button',
        title: 'A new graph of what makes this fire',
        onclick: () => this.actions.trace(nodes),
      },
      'Trace',
    );
  }

  side(title, nodes, all) {
    const {graph, shown} = this.props;
    const [node] = nodes;
    const kept = all.filter(flow => shown[flow.index]);
    const positive = kept.filter(flow => flow.share >= 0),
      negative = kept.filter(flow => flow.share < 0);
    const sum = list => list.reduce((total, flow) => total + Math.abs(flow.share), 0);
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
      this.list(title + '+', 'Positive', positive, title === 'Inputs' ? sum(positive) : null, nodes),
      this.list(title + '-', 'Negative', negative, title === 'Inputs' ? sum(negative) : null, nodes),
    );
  }

  list(key, title, all, total, nodes) {
    if (all.length === 0) return null;
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
        all.slice(0, length).map(flow => this.row(flow, nodes, key.startsWith('Inputs'))),
      ),
      all.length > length
        ? h(
            'button',
            {
              class: 'more',
              onclick: () => {
                this.lengths[key] = length + 200;
                this.update(this.props);
              },
            },
            `Show ${count(Math.min(200, all.length - length))} more`,
          )
        : null,
    ];
  }

  /** @param input whether the other node gives to these */
  row({index, share, weight}, nodes, input) {
    const {graph, annotations} = this.props;
    const other = graph.nodes[index];
    const sides = new Set(nodes.map(node => Math.sign(other.position - node.position)));
    const arrow = sides.size > 1 ? '' : sides.has(-1) ? '←' : sides.has(1) ? '→' : '';
    const pinned = annotations.pinned.includes(other.id);
    const bar = h('span', {class: 'bar', 'aria-hidden': 'true'});
    bar.style.width = Math.min(100, (Math.abs(share) * 100) / 0.4) + '%';
    bar.style.background = signedColour(share);
    bar.style.height = Math.max(2, edgeWidth(share) * 0.7) + 'px';
    const where = short(other) + (arrow ? ' ' + arrow : '');
    const [source, target] = input ? [other, nodes[0]] : [nodes[0], other];
    const behind = nodes.length === 1 ? graph.behind(source.id, target.id) : '';
    return h(
      'li',
      {
        'data-node': index,
        class: 'connection',
        onpointerenter: () => this.actions.hover(index),
        onpointerleave: () => this.actions.hover(-1),
      },
      h(
        'button',
        {
          class: 'row',
          onclick: event =>
            event.ctrlKey || event.metaKey || event.shiftKey
              ? this.actions.pin(other.id)
              : this.actions.select(other.id),
          onfocus: () => this.actions.hover(index),
          onblur: () => this.actions.hover(-1),
          title:
            `${place(other, graph)}; weight ${signed(weight)}` +
            (behind && ' ' + behind) +
            (other.activation === null ? '' : `; activation ${number(other.activation)}`),
        },
        glyph(other, signedColour(share)),
        h('span', {class: 'row-name'}, pinned ? '★ ' : '', name(other, annotations)),
        h('span', {class: 'row-where muted'}, where),
        h('span', {class: 'row-share'}, percent(share)),
        h('span', {class: 'row-weight muted'}, signed(weight)),
        bar,
      ),
      nodes.length === 1 ? this.headsButton(nodes[0], other, input) : null,
    );
  }

  /** Selects the edge to or from another node, to see its heads; none where no attention lies between. */
  headsButton(node, other, input) {
    const {graph, annotations, edge} = this.props;
    const [source, target] = input ? [other, node] : [node, other];
    if (!hasHeads(graph, source.index, target.index)) return null;
    const on = edge?.source === source.id && edge?.target === target.id;
    return h(
      'button',
      {
        class: 'icon-button edge-button',
        'aria-pressed': String(on),
        'aria-label': `Heads of the edge from ${name(source, annotations)} to ${name(target, annotations)}`,
        title: 'Which attention heads this edge passed',
        onclick: () => this.actions.selectEdge({source: source.id, target: target.id}),
      },
      icon('heads'),
    );
  }

  /** Marks the row of a node that is pointed at elsewhere; none for −1. */
  mark(index) {
    this.host.querySelector('.pointed')?.classList.remove('pointed');
    if (index >= 0) this.host.querySelector(`[data-node="${index}"]`)?.classList.add('pointed');
  }
}
