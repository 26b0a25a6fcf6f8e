// Finds nodes by label, number, token or what they say. A combobox: arrows move, Enter selects, Escape leaves.

import {h, fill} from './dom.js';
import {glyph} from './connections-view.js';
import {name, number, place} from './naming.js';
import {count} from './format.js';
import {FEATURE, LOGIT, TOKEN} from './model.js';

const MOST = 40;

/** Nodes that match, the best first, each once. */
export function find(graph, annotations, query) {
  const q = query.trim().toLowerCase();
  if (q === '') return [];
  const hits = [];
  for (const node of graph.nodes) {
    const own = name(node, annotations).toLowerCase();
    const short = number(node);
    let rank = -1,
      why = '';
    if (node.id.toLowerCase() === q || (node.kind === FEATURE && (short === q || String(node.feature) === q))) rank = 0;
    else if (
      own.replace(/[“”]/g, '').trim() === q ||
      ((node.kind === TOKEN || node.kind === LOGIT) && node.token.trim().toLowerCase() === q)
    )
      rank = 1;
    else if (own.includes(q)) rank = 2;
    else if (node.kind === FEATURE && node.topLogits?.some(text => text.trim().toLowerCase().startsWith(q))) {
      rank = 3;
      why = 'says ' + node.topLogits.find(text => text.trim().toLowerCase().startsWith(q)).trim();
    } else if (graph.textAt(node.position).trim().toLowerCase() === q) rank = 4;
    if (rank >= 0) hits.push({node, rank, why});
  }
  return hits.sort((a, b) => a.rank - b.rank || graph.through[b.node.index] - graph.through[a.node.index]);
}

export class Search {
  /** @type {import('./model.js').Graph} */ graph = null;
  /** @type {import('./annotations.js').Annotations} */ annotations = null;

  /** actions: select(id), found(a Set of node indices or null), hover(index) */
  constructor(input, host, actions) {
    this.input = input;
    this.host = host;
    this.actions = actions;
    this.at = -1;
    this.hits = [];
    input.addEventListener('input', () => this.search());
    input.addEventListener('focus', () => this.search());
    input.addEventListener('blur', () => setTimeout(() => host.contains(document.activeElement) || this.close(), 120));
    input.addEventListener('keydown', event => this.key(event));
  }

  update(graph, annotations) {
    Object.assign(this, {graph, annotations});
  }

  search() {
    if (!this.graph) return;
    this.hits = find(this.graph, this.annotations, this.input.value);
    this.at = this.hits.length ? 0 : -1;
    this.actions.found(this.input.value.trim() ? new Set(this.hits.map(hit => hit.node.index)) : null);
    this.render();
  }

  render() {
    const open = this.input.value.trim() !== '';
    this.host.hidden = !open;
    this.input.setAttribute('aria-expanded', String(open));
    if (!open) return;
    fill(
      this.host,
      h(
        'ul',
        {role: 'listbox', id: 'search-list', 'aria-label': 'Matching nodes'},
        this.hits.slice(0, MOST).map((hit, i) => {
          const {node} = hit;
          return h(
            'li',
            {
              role: 'option',
              id: 'hit-' + i,
              class: 'hit',
              'aria-selected': String(i === this.at),
              onpointerdown: event => {
                event.preventDefault();
                this.choose(i);
              },
              onpointerenter: () => this.actions.hover(node.index),
            },
            glyph(node),
            h('span', {class: 'row-name'}, name(node, this.annotations)),
            h('span', {class: 'muted'}, hit.why || place(node, this.graph)),
          );
        }),
      ),
      h(
        'p',
        {class: 'muted hits', role: 'status'},
        this.hits.length === 0
          ? 'No node matches.'
          : this.hits.length > MOST
            ? `The first ${MOST} of ${count(this.hits.length)} nodes`
            : `${count(this.hits.length)} ${this.hits.length === 1 ? 'node' : 'nodes'}`,
      ),
    );
    if (this.at >= 0) this.input.setAttribute('aria-activedescendant', 'hit-' + this.at);
    else this.input.removeAttribute('aria-activedescendant');
  }

  key(event) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const n = Math.min(this.hits.length, MOST);
      if (n) this.at = (this.at + (event.key === 'ArrowDown' ? 1 : n - 1)) % n;
      this.render();
      this.host.querySelector('[aria-selected=true]')?.scrollIntoView({block: 'nearest'});
      if (this.at >= 0) this.actions.hover(this.hits[this.at].node.index);
    } else if (event.key === 'Enter') {
      if (this.at >= 0) this.choose(this.at);
    } else if (event.key === 'Escape') {
      this.input.value = '';
      this.close();
      this.input.blur();
    } else return;
    event.preventDefault();
  }

  choose(i) {
    const {id} = this.hits[i].node;
    this.close();
    this.input.blur();
    this.actions.select(id);
  }

  close() {
    this.host.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.actions.found(null);
    this.actions.hover(-1);
  }
}
