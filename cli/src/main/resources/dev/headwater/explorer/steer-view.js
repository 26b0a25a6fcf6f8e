// Change features and see what the model does: next tokens, features further down, generated text, beside the original.

import {h, fill, refill} from './dom.js';
import {FEATURE} from './model.js';
import {diagram} from './diagram.js';
import {name, number as short} from './naming.js';
import {number, percent, signed, word} from './format.js';

const MOST_WATCHED = 300;
const MOST_CHANGES = 24;

export class SteerView {
  /** @type {import('./model.js').Graph} */ graph = null;
  /** @type {import('./annotations.js').Annotations} */ annotations = null;
  /** @type {Uint8Array} the nodes that the graph view shows, 0 or 1 each */ shown = null;
  slug = '';
  steerable = false;
  /** why it is not steerable */ reason = '';

  /** actions: run(request, onStatus, signal): a promise of a SteerResult; select(id) */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.factors = new Map(); // box id -> factor
    this.options = {freezeAttention: true, newTokens: 12, temperature: 0, seed: 1, onward: false};
  }

  update({graph, annotations, name: slug, shown}, steerable, reason) {
    if (this.graph !== graph) {
      this.factors = new Map();
      this.result = this.failure = null;
    }
    Object.assign(this, {graph, annotations, slug, shown, steerable, reason});
    this.items = graph
      ? diagram(graph, annotations, () => 0).items.filter(item =>
          item.members.some(node => node.kind === FEATURE && node.activation !== null && node.feature >= 0),
        )
      : [];
    this.render();
  }

  render() {
    if (!this.steerable) {
      fill(
        this.host,
        h(
          'div',
          {class: 'empty'},
          h('p', {}, this.reason),
          h('p', {class: 'muted'}, 'Everything else works without a live model.'),
        ),
      );
      return;
    }
    if (this.items.length === 0) {
      fill(
        this.host,
        h(
          'div',
          {class: 'empty'},
          h('p', {}, 'Pin the features that you want to change.'),
          h('p', {class: 'muted'}, 'Groups are changed as one. Tokens, outputs and errors can’t be steered.'),
        ),
      );
      return;
    }
    refill(
      this.host,
      h(
        'div',
        {class: 'steer'},
        h(
          'section',
          {class: 'steer-controls', 'aria-label': 'What to change'},
          h(
            'ul',
            {class: 'steer-items'},
            this.items.map((item, i) => this.control(item, i)),
          ),
          this.settings(),
        ),
        h('section', {class: 'steer-results', 'aria-label': 'What changes', tabindex: 0}, this.results()),
      ),
    );
  }

  control(item, i) {
    const factor = this.factors.get(item.id) ?? 1;
    const features = this.features(item);
    const readout = h('span', {class: 'readout muted'});
    const show = () => {
      const f = this.factors.get(item.id) ?? 1;
      readout.textContent =
        f === 1
          ? 'unchanged'
          : f === 0
            ? 'switched off'
            : features.length === 1
              ? `${number(features[0].activation)} → ${number(features[0].activation * f)}`
              : `× ${number(f)}`;
      row.classList.toggle('changed', f !== 1);
    };
    const range = h('input', {
      type: 'range',
      id: `steer-range-${i}`,
      min: -4,
      max: 4,
      step: 0.1,
      value: factor,
      'aria-label': `Factor for ${item.label}`,
      oninput: () => set(range.value),
    });
    const box = h('input', {
      type: 'number',
      id: `steer-number-${i}`,
      min: -100,
      max: 100,
      step: 0.1,
      value: factor,
      'aria-label': `Factor for ${item.label}, as a number`,
      onchange: () => set(box.value),
    });
    const set = value => {
      const f = Number(value);
      if (!Number.isFinite(f)) return;
      this.factors.set(item.id, f);
      range.value = f;
      box.value = f;
      show();
      this.enableRun();
    };
    const row = h(
      'li',
      {class: 'steer-item'},
      h(
        'div',
        {class: 'steer-name'},
        h('strong', {}, item.label),
        ' ',
        h('span', {class: 'muted'}, features.length > 1 ? `${features.length} features` : short(features[0])),
      ),
      h(
        'div',
        {class: 'steer-factor'},
        range,
        box,
        h('button', {class: 'small quiet', onclick: () => set(0), title: 'Set to zero'}, 'Off'),
        h(
          'button',
          {class: 'small quiet', onclick: () => set(1), 'aria-label': `Reset ${item.label}`, title: 'Leave as it is'},
          'Reset',
        ),
      ),
      readout,
    );
    show();
    return row;
  }

  features(item) {
    return item.members.filter(node => node.kind === FEATURE && node.activation !== null && node.feature >= 0);
  }

  settings() {
    const o = this.options;
    const field = (label, id, props, read) =>
      h('label', {class: 'inline-field'}, label, h('input', {id, ...props, onchange: event => read(event.target)}));
    this.runButton = h(
      'button',
      {id: 'steer-run', class: 'primary', onclick: () => this.run()},
      this.running ? 'Running…' : 'Run',
    );
    const settings = h(
      'div',
      {class: 'steer-settings'},
      h(
        'label',
        {class: 'check', title: 'Keep the attention patterns of the unchanged run'},
        h('input', {
          id: 'steer-freeze',
          type: 'checkbox',
          checked: o.freezeAttention,
          onchange: e => {
            o.freezeAttention = e.target.checked;
          },
        }),
        'Freeze attention',
      ),
      h(
        'label',
        {class: 'check', title: 'Apply the change at every later position too, generated tokens included'},
        h('input', {
          id: 'steer-onward',
          type: 'checkbox',
          checked: o.onward,
          onchange: e => {
            o.onward = e.target.checked;
          },
        }),
        'Also later tokens',
      ),
      field('New tokens', 'steer-tokens', {type: 'number', min: 0, max: 256, value: o.newTokens}, input => {
        o.newTokens = Math.max(0, Math.min(256, Math.round(Number(input.value) || 0)));
        input.value = o.newTokens;
      }),
      field(
        'Temperature',
        'steer-temperature',
        {type: 'number', min: 0, max: 2, step: 0.1, value: o.temperature},
        input => {
          o.temperature = Math.max(0, Math.min(2, Number(input.value) || 0));
          input.value = o.temperature;
        },
      ),
      field('Seed', 'steer-seed', {type: 'number', step: 1, value: o.seed}, input => {
        o.seed = Math.round(Number(input.value) || 0);
        input.value = o.seed;
      }),
      h('span', {class: 'grow'}),
      this.running ? h('button', {class: 'small', onclick: () => this.abort?.abort()}, 'Cancel') : null,
      this.runButton,
    );
    this.enableRun();
    return settings;
  }

  enableRun() {
    const changed = this.items.some(item => (this.factors.get(item.id) ?? 1) !== 1);
    this.runButton.disabled = this.running || !changed;
    this.runButton.title = changed ? '' : 'Change a factor first';
  }

  async run() {
    const edits = this.items.flatMap(item => {
      const factor = this.factors.get(item.id) ?? 1;
      return factor === 1
        ? []
        : this.features(item).map(node => ({
            site: site(node),
            value: node.activation * factor,
            onward: this.options.onward,
          }));
    });
    const edited = new Set(edits.map(edit => key(edit.site)));
    const lowest = Math.min(...edits.map(edit => edit.site.layer));
    this.watched = this.graph.nodes
      .filter(
        node =>
          node.kind === FEATURE &&
          node.feature >= 0 &&
          node.activation !== null &&
          (edited.has(key(site(node))) || (node.layer >= lowest && this.shown[node.index])),
      )
      .sort(
        (a, b) =>
          Number(edited.has(key(site(b)))) - Number(edited.has(key(site(a)))) ||
          this.graph.through[b.index] - this.graph.through[a.index],
      )
      .slice(0, MOST_WATCHED);
    const {freezeAttention, newTokens, temperature, seed} = this.options;
    this.abort = new AbortController();
    const graph = this.graph;
    this.running = true;
    this.failure = null;
    this.render();
    try {
      const result = await this.actions.run(
        {graph: this.slug, edits, watch: this.watched.map(site), freezeAttention, newTokens, temperature, seed},
        status => this.progress(status),
        this.abort.signal,
      );
      if (this.graph === graph && result) this.result = {...result, watched: this.watched, edited};
    } catch (failure) {
      this.failure = failure.message;
    }
    this.running = false;
    if (this.graph === graph) this.render();
  }

  progress(status) {
    const line = this.host.querySelector('#steer-progress');
    if (line) line.textContent = status.state === 'QUEUED' ? 'Waiting for the model…' : status.phase || 'Running…';
  }

  results() {
    if (this.running) return h('p', {id: 'steer-progress', class: 'loading', role: 'status'}, 'Waiting for the model…');
    if (this.failure) return h('p', {class: 'failure', role: 'alert'}, this.failure);
    if (!this.result)
      return h(
        'div',
        {class: 'empty small'},
        h('p', {}, 'Set a factor and press Run.'),
        h('p', {class: 'muted'}, '0 switches a feature off, −1 turns it round, 2 doubles it.'),
      );
    const {original, steered} = this.result;
    return [
      h('h3', {}, 'Next token'),
      this.distribution(original.next, steered.next),
      original.text || steered.text ? this.texts(original.text, steered.text) : null,
      this.activations(original, steered),
    ];
  }

  distribution(original, steered) {
    const rows = original
      .map((entry, i) => ({token: entry.token, before: entry.probability, after: steered[i].probability}))
      .sort((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after));
    const bar = (value, kind) => {
      const element = h('span', {class: 'prob ' + kind, 'aria-hidden': 'true'});
      element.style.width = Math.max(0.5, value * 100) + '%';
      return element;
    };
    return h(
      'table',
      {class: 'distribution'},
      h('caption', {class: 'sr-only'}, 'Probability of the next token, original and steered'),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', {scope: 'col'}, 'Token'),
          h('th', {scope: 'col'}, h('span', {class: 'key before'}), 'Original'),
          h('th', {scope: 'col'}, h('span', {class: 'key after'}), 'Steered'),
          h('th', {scope: 'col', class: 'wide'}, h('span', {class: 'sr-only'}, 'Bars')),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(row =>
          h(
            'tr',
            {},
            h('th', {scope: 'row'}, word(row.token)),
            h('td', {class: 'numeric'}, percent(row.before)),
            h('td', {class: 'numeric'}, percent(row.after)),
            h('td', {class: 'wide'}, h('div', {class: 'bars'}, bar(row.before, 'before'), bar(row.after, 'after'))),
          ),
        ),
      ),
    );
  }

  texts(original, steered) {
    return h(
      'div',
      {class: 'texts'},
      h('div', {}, h('h3', {}, 'Original text'), h('p', {class: 'generated'}, original.trimStart() || '–')),
      h('div', {}, h('h3', {}, 'Steered text'), h('p', {class: 'generated'}, steered.trimStart() || '–')),
    );
  }

  activations(original, steered) {
    const {watched, edited} = this.result;
    const changes = watched
      .map((node, i) => ({node, before: original.activations[i], after: steered.activations[i]}))
      .filter(c => Math.abs(c.after - c.before) > 1e-4)
      .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
      .slice(0, MOST_CHANGES)
      .sort((a, b) => a.node.row - b.node.row || a.node.position - b.node.position);
    if (changes.length === 0) return h('p', {class: 'muted'}, 'No feature of the graph changes.');
    return [
      h('h3', {}, 'Features that change most, from below'),
      h(
        'ul',
        {class: 'changes'},
        changes.map(({node, before, after}) =>
          h(
            'li',
            {},
            h(
              'button',
              {class: 'row', onclick: () => this.actions.select(node.id)},
              h('span', {class: 'row-name'}, edited.has(key(site(node))) ? '✎ ' : '', name(node, this.annotations)),
              h('span', {class: 'muted'}, short(node)),
              h('span', {class: 'row-weight'}, `${number(before)} → ${number(after)}`),
              h('span', {class: 'row-share ' + (after < before ? 'negative' : 'positive')}, signed(after - before)),
            ),
          ),
        ),
      ),
    ];
  }
}

function site(node) {
  return {layer: node.layer, position: node.position, feature: node.feature};
}

function key({layer, position, feature}) {
  return `${layer}/${position}/${feature}`;
}
