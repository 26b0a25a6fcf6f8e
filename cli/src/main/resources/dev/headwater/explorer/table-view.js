// The same nodes as a table: for screen readers, and for everybody who wants to sort.

import {h, fill} from './dom.js';
import {KINDS, LOGIT} from './model.js';
import {name} from './naming.js';
import {count, number, percent, word} from './format.js';

const PAGE = 200;

const COLUMNS = [
  {title: 'Node', key: (n, a) => name(n, a).toLowerCase()},
  {title: 'Kind', key: n => n.kind},
  {title: 'Layer', key: n => n.row},
  {title: 'Token', key: n => n.position},
  {title: 'Activation', key: n => -(n.activation ?? (n.kind === LOGIT ? n.probability : -Infinity)), numeric: true},
  {title: 'Influence', key: n => -(n.ownInfluence ?? -1), numeric: true},
  {title: 'Rank', key: n => n.rank ?? 0, numeric: true},
  {title: 'Cumulative', key: n => n.influence ?? -1, numeric: true},
];

export class TableView {
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.sort = {column: 6, ascending: true};
    this.length = PAGE;
  }

  update({graph, annotations, clicked, shown}) {
    this.props = {graph, annotations, clicked, shown};
    const pinned = new Set(annotations.pinned);
    const {key} = COLUMNS[this.sort.column];
    const nodes = graph.nodes
      .filter(node => shown[node.index])
      .sort(
        (a, b) =>
          (this.sort.ascending ? 1 : -1) * d3.ascending(key(a, annotations), key(b, annotations)) || a.index - b.index,
      );
    const head = h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', {scope: 'col'}, h('span', {class: 'sr-only'}, 'Pinned')),
        COLUMNS.map((column, i) =>
          h(
            'th',
            {
              scope: 'col',
              class: column.numeric ? 'numeric' : null,
              'aria-sort': i === this.sort.column ? (this.sort.ascending ? 'ascending' : 'descending') : null,
            },
            h(
              'button',
              {class: 'sort', onclick: () => this.sortBy(i)},
              column.title,
              i === this.sort.column ? (this.sort.ascending ? ' ↑' : ' ↓') : '',
            ),
          ),
        ),
      ),
    );
    const body = h(
      'tbody',
      {},
      nodes.slice(0, this.length).map(node =>
        h(
          'tr',
          {class: node.id === clicked ? 'selected' : null},
          h(
            'td',
            {},
            h(
              'button',
              {
                class: 'star',
                'aria-pressed': String(pinned.has(node.id)),
                'aria-label': `Pin ${name(node, annotations)}`,
                onclick: () => this.actions.pin(node.id),
              },
              pinned.has(node.id) ? '★' : '☆',
            ),
          ),
          h(
            'td',
            {},
            h('button', {class: 'link', onclick: () => this.actions.select(node.id)}, name(node, annotations)),
          ),
          h('td', {}, KINDS[node.kind]),
          h('td', {}, node.row === 0 ? '–' : node.row === graph.rows - 1 ? '–' : node.layer),
          h('td', {}, word(graph.textAt(node.position))),
          h('td', {class: 'numeric'}, node.kind === LOGIT ? percent(node.probability) : number(node.activation)),
          h('td', {class: 'numeric'}, percent(node.ownInfluence)),
          h('td', {class: 'numeric'}, node.rank === null ? '–' : count(node.rank)),
          h('td', {class: 'numeric'}, percent(node.influence)),
        ),
      ),
    );
    fill(
      this.host,
      h(
        'div',
        {class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'Nodes of the graph'},
        h('table', {class: 'nodes'}, h('caption', {class: 'sr-only'}, `${count(nodes.length)} nodes`), head, body),
        nodes.length > this.length
          ? h('button', {class: 'more', onclick: () => this.more()}, `Show more of the ${count(nodes.length)} nodes`)
          : null,
      ),
    );
  }

  sortBy(column) {
    this.sort = {column, ascending: column === this.sort.column ? !this.sort.ascending : true};
    this.update(this.props);
    this.host.querySelectorAll('.sort')[column].focus();
  }

  more() {
    this.length += PAGE;
    this.update(this.props);
  }
}
