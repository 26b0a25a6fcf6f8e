// What is said beside a node that is pointed at.

import {h, fill} from './dom.js';
import {count, number, percent, signed} from './format.js';
import {name, place} from './naming.js';

export class Tooltip {
  element = h('div', {class: 'tooltip', hidden: true});

  /** @param view the graph view: props, links, clickedIndex, locate(index), width, height */
  show(index, view) {
    const {graph, annotations} = view.props;
    const node = graph.nodes[index];
    fill(
      this.element,
      h('strong', {}, name(node, annotations)),
      h('span', {class: 'muted'}, place(node, graph)),
      node.activation === null ? null : h('span', {}, `Activation ${number(node.activation)}`),
      node.rank === null
        ? null
        : h('span', {}, `Influence ${percent(node.ownInfluence)}, rank ${count(node.rank)} of ${count(graph.ranked)}`),
      index === view.clickedIndex ? null : this.link(graph, index, view.links),
    );
    this.element.hidden = false;
    const [x, y] = view.locate(index);
    const {offsetWidth: w, offsetHeight: hh} = this.element;
    this.element.style.left =
      Math.max(4, Math.min(view.width - w - 4, x + (x + w + 20 > view.width ? -w - 14 : 14))) + 'px';
    this.element.style.top = Math.max(4, Math.min(view.height - hh - 4, y - hh / 2)) + 'px';
  }

  link(graph, index, links) {
    const link = links.find(({edge}) => graph.source[edge] === index || graph.target[edge] === index);
    if (!link) return null;
    const verb = graph.source[link.edge] === index ? 'gives the selected node' : 'gets from the selected node';
    return h(
      'span',
      {class: link.share < 0 ? 'negative' : 'positive'},
      `${verb} ${percent(Math.abs(link.share))} (${signed(graph.weight[link.edge])})`,
    );
  }

  hide() {
    this.element.hidden = true;
  }
}
