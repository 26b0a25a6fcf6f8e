// Two graphs side by side: what takes part in both, what in one of them only, and what they say.

import {h, fill, icon} from './dom.js';
import {EMPTY} from './annotations.js';
import {GraphView} from './graph-view.js';
import {name} from './naming.js';
import {count, number, percent, quoted, word} from './format.js';

const PAGE = 100;

/** @typedef {{name: string, graph: import('./model.js').Graph, annotations: import('./annotations.js').Annotations, shown?: Uint8Array}} Side */

export class CompareView {
  /** @type {Side} */ left = null;
  /** @type {Side} */ right = null;
  /** what the server says about both: shared, onlyLeft, onlyRight, features, outputs */
  comparison = null;

  /** actions: close(), choose(), open(name) */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.which = 'shared';
    this.length = PAGE;
  }

  /** left, right: {name, graph, annotations}; comparison: the server's */
  show(left, right, comparison) {
    Object.assign(this, {left, right, comparison, marked: null});
    const boxes = [h('div', {class: 'compare-graph'}), h('div', {class: 'compare-graph'})];
    this.list = h('div', {class: 'compare-list'});
    const head = (side, graph) =>
      h('header', {}, h('h2', {}, graph.name), h('p', {class: 'prompt'}, graph.graph.prompt));
    fill(
      this.host,
      h('section', {class: 'panel compare-side', 'aria-label': 'Left graph'}, head('left', left), boxes[0]),
      h('section', {class: 'panel compare-side', 'aria-label': 'Right graph'}, head('right', right), boxes[1]),
      h(
        'section',
        {class: 'panel compare-detail', 'aria-label': 'Comparison'},
        h(
          'header',
          {class: 'panel-head'},
          h('h2', {}, 'Comparison'),
          h('span', {class: 'grow'}),
          h('button', {class: 'small', onclick: () => this.actions.choose()}, 'Other graph…'),
          h(
            'button',
            {class: 'icon-button', 'aria-label': 'End the comparison', onclick: () => this.actions.close()},
            icon('close'),
          ),
        ),
        this.list,
      ),
    );
    this.views = [left, right].map((side, i) => {
      side.shown = side.graph.visible(side.graph.largestInfluence, false, new Set());
      return new GraphView(
        boxes[i],
        {select: id => this.select(side, id), pin: () => {}, hover: () => {}},
        `Graph ${side.name}`,
      );
    });
    this.clicked = [null, null];
    this.update();
  }

  /** Selecting a feature in one graph selects it in the other, where it is there. */
  select(side, id) {
    const node = side.graph.node(id);
    this.mark(
      node
        ? (this.comparison.features.find(
            f => f.layer === String(node.layer) && String(f.feature) === node.key && node.isFeature,
          ) ?? null)
        : null,
    );
    this.clicked = [this.left, this.right].map(s =>
      s === side ? id : this.marked ? (s.graph.node(this.occurrences(this.marked, s)[0]?.id)?.id ?? null) : null,
    );
    this.update();
  }

  mark(feature) {
    this.marked = feature;
  }

  choose(feature) {
    this.mark(feature);
    this.clicked = [this.left, this.right].map(side => this.occurrences(feature, side)[0]?.id ?? null);
    this.update();
  }

  occurrences(feature, side) {
    return side === this.left ? feature.left : feature.right;
  }

  update() {
    [this.left, this.right].forEach((side, i) => {
      const {features} = this.comparison;
      const kept =
        this.which === 'shared'
          ? features.filter(f => f.left.length && f.right.length)
          : this.which === 'left'
            ? features.filter(f => !f.right.length)
            : features.filter(f => !f.left.length);
      const found = new Set(
        kept
          .flatMap(f => this.occurrences(f, side))
          .map(o => side.graph.node(o.id)?.index)
          .filter(x => x !== undefined),
      );
      if (this.which === 'shared')
        side.graph.nodes.forEach(node =>
          node.row === 0 || node.row === side.graph.rows - 1 ? found.add(node.index) : 0,
        );
      this.views[i].update({
        graph: side.graph,
        annotations: side.annotations ?? EMPTY,
        clicked: this.clicked[i],
        pruning: side.graph.largestInfluence,
        edgeShare: 0.5,
        showErrors: false,
        linkType: 'both',
        found: this.clicked[i] ? null : found,
      });
    });
    this.renderList();
  }

  repaint() {
    this.views?.forEach(view => view.repaint());
  }

  renderList() {
    const {shared, onlyLeft, onlyRight, features, outputs} = this.comparison;
    const tab = (which, label, n) =>
      h(
        'button',
        {
          'aria-pressed': String(this.which === which),
          onclick: () => {
            this.which = which;
            this.length = PAGE;
            this.clicked = [null, null];
            this.marked = null;
            this.update();
          },
        },
        label,
        ' ',
        h('span', {class: 'muted'}, count(n)),
      );
    const kept = features.filter(f =>
      this.which === 'shared'
        ? f.left.length && f.right.length
        : this.which === 'left'
          ? !f.right.length
          : !f.left.length,
    );
    const all = shared + onlyLeft + onlyRight;
    fill(
      this.list,
      h(
        'p',
        {},
        `${count(shared)} of ${count(all)} features take part in both graphs`,
        all ? ` (${percent(shared / all)})` : '',
        '.',
      ),
      h('h3', {}, 'Outputs'),
      h(
        'table',
        {class: 'distribution'},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', {scope: 'col'}, 'Token'),
            h('th', {scope: 'col', class: 'numeric'}, 'Left'),
            h('th', {scope: 'col', class: 'numeric'}, 'Right'),
          ),
        ),
        h(
          'tbody',
          {},
          outputs
            .slice()
            .sort((a, b) => Math.max(b.left ?? 0, b.right ?? 0) - Math.max(a.left ?? 0, a.right ?? 0))
            .slice(0, 12)
            .map(o =>
              h(
                'tr',
                {},
                h('th', {scope: 'row'}, outputName(o.token)),
                h('td', {class: 'numeric'}, percent(o.left)),
                h('td', {class: 'numeric'}, percent(o.right)),
              ),
            ),
        ),
      ),
      h('h3', {}, 'Features'),
      h(
        'div',
        {class: 'segmented', role: 'group', 'aria-label': 'Which features'},
        tab('shared', 'In both', shared),
        tab('left', 'Only left', onlyLeft),
        tab('right', 'Only right', onlyRight),
      ),
      h(
        'ul',
        {class: 'rows'},
        kept.slice(0, this.length).map(f => this.row(f)),
      ),
      kept.length > this.length
        ? h(
            'button',
            {
              class: 'more',
              onclick: () => {
                this.length += PAGE;
                this.renderList();
              },
            },
            'Show more',
          )
        : null,
    );
  }

  row(f) {
    const side = f.left.length ? this.left : this.right;
    const node = side.graph.node((f.left[0] ?? f.right[0]).id);
    const strongest = list => (list.length ? d3.max(list, o => o.activation ?? 0) : null);
    const [a, b] = [strongest(f.left), strongest(f.right)];
    const at = [this.left, this.right]
      .map((s, i) => (i ? f.right : f.left).map(o => word(s.graph.textAt(o.position))).join(', '))
      .filter(Boolean)
      .join(' | ');
    return h(
      'li',
      {},
      h(
        'button',
        {class: 'row compare-row', 'aria-pressed': String(this.marked === f), onclick: () => this.choose(f)},
        h('span', {class: 'row-name'}, node ? name(node, side.annotations ?? EMPTY) : f.feature),
        h('span', {class: 'muted row-where'}, `L${f.layer} · ${at}`),
        h(
          'span',
          {class: 'row-weight'},
          a === null ? number(b) : b === null ? number(a) : `${number(a)} | ${number(b)}`,
        ),
      ),
    );
  }
}

/** What an output of the comparison is called: its token in quotation marks, or what it stands for. */
function outputName(label) {
  const token = /^Output "([^]*)" \(p=/.exec(label)?.[1];
  return token === undefined ? label : quoted(token);
}
