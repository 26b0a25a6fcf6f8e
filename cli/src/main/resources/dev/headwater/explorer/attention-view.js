// Attention: which heads an edge passed or carry the graph, where a head looks, and why it looks there.

import {explained, firstLook, GraphHeads, keyOf, scoresOf, tracingOf, wholeEdge} from './attention.js';
import {whereColumn} from './attention-where.js';
import {Questions} from './attention-questions.js';
import {h, refill} from './dom.js';
import {percent} from './format.js';
import {edgeHeads, rankedHeads} from './head-bars.js';
import {name} from './naming.js';
import {PatternView} from './pattern-view.js';
import {qk} from './qk-view.js';

const TOP = 12; // sources and pairs of a score

export class AttentionView {
  /** @type {any} graph, name, annotations, clicked, edge, head, look, filter, models */ state = null;
  can = false;
  reason = '';
  opened = new Set();

  /**
   * @param host
   * @param actions set(patch) of the state; select(id), hover(index); steer(change); run(request, onStatus, signal); notice(text, failed)
   */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.questions = new Questions(actions.run, () => this.render());
    this.pattern = new PatternView({look: look => actions.set({look})});
    const section = (name, label) =>
      h('section', {class: 'attention-' + name, 'aria-label': label, tabindex: 0, id: 'attention-' + name});
    this.parts = {
      heads: section('heads', 'Heads'),
      where: h('section', {class: 'attention-where', 'aria-label': 'Where the head looks'}),
      why: section('why', 'Why it looks there'),
    };
    refill(host, h('div', {class: 'attention'}, Object.values(this.parts)));
  }

  update(state, can, reason) {
    if (this.state?.graph !== state.graph) {
      this.fromFile = GraphHeads.read(state.graph);
      this.fromModel = null;
      this.opened = new Set();
      this.allRanked = false;
    }
    if (this.state?.edge !== state.edge) this.opened = new Set();
    Object.assign(this, {state, can, reason});
    this.questions.about(state.graph, state.name);
    if (state.head && !state.look) {
      const {graph, head, edge} = state;
      return this.actions.set({look: firstLook(graph, head, edge, this.attention(head))});
    }
    this.render();
  }

  get heads() {
    return this.fromModel ?? this.fromFile;
  }

  render() {
    const {questions} = this;
    if (!this.fromModel && questions.known('all', '')?.value) {
      this.fromModel = new GraphHeads(this.state.graph, questions.known('all', '').value, 0.99);
      this.choose(this.state.filter);
    }
    refill(this.parts.heads, this.headColumn());
    refill(this.parts.where, whereColumn(this));
    refill(this.parts.why, this.whyColumn());
  }

  // Which heads ------------------------------------------------------------------------------------------------------

  headColumn() {
    const {edge, head, filter} = this.state;
    const choose = chosen => this.actions.set({head: chosen, look: null});
    if (edge) {
      const key = `${edge.source}>${edge.target}`;
      const listed = this.heads?.edge(edge.source, edge.target) ?? null;
      const ask = () => this.questions.ask('edge', key, {edges: [edge]}, answer => wholeEdge(answer.edges[0]));
      if (!listed && this.can) ask();
      const whole = this.questions.known('edge', key)?.value ?? null;
      const actions = {
        choose,
        close: () => this.actions.set({edge: null}),
        all: this.can && !whole ? () => (ask(), this.render()) : null,
        open: layer => {
          this.opened.add(layer);
          this.render();
        },
      };
      const shown = whole ?? listed;
      const missing = 'The graph’s file does not say which heads this edge passed.';
      return edgeHeads(
        shown,
        this.state,
        actions,
        this.opened,
        whole ? null : this.progress('edge', key, ask, shown ? '' : missing),
      );
    }
    return [
      h('h3', {}, 'Heads that carry this graph'),
      this.heads
        ? [
            this.choices(filter),
            rankedHeads(
              this.heads.ranking(),
              {head, filter},
              {
                choose,
                tick: key => this.tick(key),
                more: () => {
                  this.allRanked = true;
                  this.render();
                },
              },
              this.allRanked,
            ),
            this.heads.share < 1
              ? h(
                  'p',
                  {class: 'muted'},
                  `Of each edge the heads that make up ${percent(this.heads.share)}. An edge’s own heads: the button beside it in Connections.`,
                )
              : null,
          ]
        : this.noHeads(),
    ];
  }

  noHeads() {
    const ask = () => {
      this.questions.ask('all', '', {allEdges: true}, answer => answer.strongest);
      this.render();
    };
    const waiting = this.progress('all', '', ask, '');
    if (waiting) return waiting;
    return [
      h('p', {}, 'The graph’s file does not say which heads its edges passed.'),
      this.can
        ? h('button', {class: 'small', id: 'heads-all', onclick: ask}, 'Find them for all edges')
        : [
            h('p', {class: 'muted'}, this.reason),
            h('p', {class: 'muted'}, 'Written with the graph they can be seen without a model:'),
            h('pre', {class: 'command', tabindex: 0}, 'headwater attribute --heads --qk 10 "…"'),
          ],
    ];
  }

  /** Seeing the graph through some heads. */
  choices(filter) {
    const mode = filter?.mode ?? 'all';
    const some = (filter?.chosen.size ?? 0) > 0;
    return [
      h(
        'div',
        {class: 'segmented', role: 'group', 'aria-label': 'What the graph’s edges weigh'},
        [
          ['all', 'All', 'Edges weigh what passed through all heads, and past them'],
          ['only', 'Only ticked', 'Edges weigh only what passed through the chosen heads'],
          ['without', 'Without', 'Edges weigh what did not pass through the chosen heads'],
        ].map(([value, text, title]) =>
          h(
            'button',
            {
              id: 'through-' + value,
              'aria-pressed': String(mode === value),
              title,
              onclick: () => this.choose({mode: value, chosen: filter?.chosen ?? new Set()}),
            },
            text,
          ),
        ),
      ),
      mode === 'all'
        ? null
        : h(
            'p',
            {class: 'muted', role: 'status'},
            some
              ? 'Shares are of all that flows into a node. What passes two chosen heads in a row counts twice.'
              : 'Tick heads below.',
          ),
    ];
  }

  tick(key) {
    const filter = this.state.filter ?? {mode: 'only', chosen: new Set()};
    const chosen = new Set(filter.chosen);
    if (!chosen.delete(key)) chosen.add(key);
    this.choose({mode: filter.mode === 'all' && !this.state.filter ? 'only' : filter.mode, chosen});
  }

  /** Shows the graph through some heads. @param {{mode: any, chosen: Set<string>} | null} filter */
  choose(filter) {
    const acts = filter && filter.mode !== 'all' && filter.chosen.size > 0 && this.heads;
    this.actions.set({filter, through: acts ? this.heads.weigh(filter.mode, filter.chosen) : null});
  }

  // Where a head looks -----------------------------------------------------------------------------------------------

  /** What is known of a head's pattern: by query, at the keys up to it. */
  attention(head) {
    return this.questions.known('pattern', keyOf(head))?.value ?? null;
  }

  // Why it looks there -----------------------------------------------------------------------------------------------

  /** What is known of the chosen score, or of the selected node: {title, score, state}. */
  why() {
    const {graph, head, look, clicked, annotations} = this.state;
    if (head && look) {
      const key = `${keyOf(head)}/${look.query}/${look.key}`;
      const title = `Why head ${keyOf(head)} looks from “${graph.textAt(look.query).trim()}” at “${graph.textAt(look.key).trim()}”`;
      const [score] = scoresOf(graph, head).filter(each => each.query === look.query && each.key === look.key);
      const ask = () =>
        this.questions.ask('score', key, {scores: [{...head, ...look}], top: TOP}, answer =>
          explained(answer.scores[0]),
        );
      if (this.can) ask();
      const answer = this.questions.known('score', key)?.value ?? (score ? explained(score) : null);
      const missing = 'The graph’s file does not explain this score.';
      return {title, score: answer, state: answer ? null : this.progress('score', key, ask, missing)};
    }
    const node = graph.node(clicked);
    const traced = tracingOf(node);
    return traced
      ? {title: `Why attention looks where it looks, for ${name(node, annotations)}`, score: traced, state: null}
      : null;
  }

  whyColumn() {
    const {graph, look} = this.state;
    const found = this.why();
    if (!found)
      return h('p', {class: 'muted'}, 'Choose a head and a place in its map to see what makes it look there.');
    const at = position => (position === undefined ? 'where it looks from' : `“${graph.textAt(position).trim()}”`);
    const titles =
      found.score?.score === undefined ? {query: 'from', key: 'at'} : {query: at(look?.query), key: at(look?.key)};
    return [
      h('h3', {}, found.title),
      found.state,
      found.score ? qk(found.score, this.state, this.actions, titles) : null,
    ];
  }

  /** What to say while something is not known: how far the model is, why it failed, or what is missing. */
  progress(kind, key, again, missing) {
    const phase = this.questions.asking(kind, key),
      known = this.questions.known(kind, key);
    const retry = text =>
      h(
        'button',
        {
          class: 'small',
          onclick: () => {
            this.questions.again(kind, key);
            again();
            this.render();
          },
        },
        text,
      );
    if (phase !== null)
      return h(
        'div',
        {class: 'button-row'},
        h('p', {class: 'loading', role: 'status'}, 'Asking the model…'),
        h(
          'button',
          {
            class: 'small',
            id: `cancel-${kind}`,
            onclick: () => {
              this.questions.cancel(kind);
              this.render();
            },
          },
          'Cancel',
        ),
      );
    if (known?.failure)
      return h(
        'div',
        {class: 'button-row'},
        h('p', {class: 'failure', role: 'alert'}, known.failure),
        retry('Try again'),
      );
    if (known?.cancelled)
      return h('div', {class: 'button-row'}, h('p', {class: 'muted'}, 'Cancelled.'), retry('Ask the model'));
    return missing ? h('p', {class: 'muted', role: 'status'}, missing + (this.can ? '' : ' ' + this.reason)) : null;
  }
}
