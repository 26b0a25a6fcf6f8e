// Change features and see what the model does: next tokens, features further down, generated text, beside the original.

import {h, fill, refill} from './dom.js';
import {diagram} from './diagram.js';
import {number as short} from './naming.js';
import {number} from './format.js';
import {results} from './steer-results.js';
import {SteerHeads} from './steer-heads.js';
import {command, edits, effects, positions, siteOf, steerable, watched} from './steering.js';

const UNCHANGED = {factor: 1, at: ''};

export class SteerView {
  /** @type {import('./model.js').Graph} */ graph = null;
  /** @type {import('./annotations.js').Annotations} */ annotations = null;
  /** @type {Uint8Array} the nodes that the graph view shows, 0 or 1 each */ shown = null;
  slug = '';
  steerable = false;
  /** why it is not steerable */ reason = '';
  /** @type {Map<string, {factor: number, at: string}>} by box id; at: positions as text, empty for its own */ settings =
    new Map();
  /** @type {{layer: number, feature: number, at: string, value: number}[]} features that the graph lacks */ extras =
    [];
  options = {freezeAttention: true, newTokens: 12, temperature: 0, seed: 1, onward: false};

  /** actions: run(request, onStatus, signal): a promise of a SteerResult; select(id); paint(effects) */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.heads = new SteerHeads(() => this.graph && this.render());
  }

  update({graph, annotations, name: slug, shown, models}, can, reason) {
    this.model = models.find(model => model.scans.includes(graph.scan));
    if (this.graph && this.graph !== graph) {
      this.heads.changes = [];
      this.settings = new Map();
      this.extras = [];
      this.result = this.failure = null;
    }
    Object.assign(this, {graph, annotations, slug, shown, steerable: can, reason});
    this.items = graph ? diagram(graph, annotations, () => 0).items.filter(item => item.members.some(steerable)) : [];
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
    refill(
      this.host,
      h(
        'div',
        {class: 'steer'},
        h(
          'section',
          {class: 'steer-controls', 'aria-label': 'What to change', tabindex: 0},
          this.items.length === 0
            ? h(
                'p',
                {class: 'muted'},
                'Pin the features that you want to change; groups are changed as one. Or add one that is not in the graph:',
              )
            : null,
          h('ul', {class: 'steer-items'}, [
            this.items.map((item, i) => this.control(item, i)),
            this.extras.map((extra, i) => this.extra(extra, i)),
            this.heads.rows(this.graph),
          ]),
          this.adding(),
          this.heads.adding(this.model, this.graph.tokens.length),
          this.optionFields(),
        ),
        h('section', {class: 'steer-results', 'aria-label': 'What changes', tabindex: 0}, this.outcome()),
      ),
    );
  }

  control(item, i) {
    const now = () => this.settings.get(item.id) ?? UNCHANGED;
    const features = item.members.filter(steerable);
    const readout = h('span', {class: 'readout muted'});
    const show = () => {
      const {factor, at} = now();
      const places = positions(at, this.graph.tokens.length);
      const value =
        features.length === 1
          ? `${number(features[0].activation)} → ${number(features[0].activation * factor)}`
          : `× ${number(factor)}`;
      const what = factor === 0 ? 'switched off' : value;
      readout.textContent =
        factor === 1 && !at
          ? 'unchanged'
          : places === null
            ? 'no such positions'
            : what + (places.length ? ` at ${at}` : '');
      row.classList.toggle('changed', changed(now()));
    };
    const set = patch => {
      this.settings.set(item.id, {...now(), ...patch});
      range.value = box.value = String(now().factor);
      at.value = now().at;
      show();
      this.enableRun();
    };
    const setFactor = value => Number.isFinite(Number(value)) && set({factor: Number(value)});
    const range = h('input', {
      type: 'range',
      id: `steer-range-${i}`,
      min: -4,
      max: 4,
      step: 0.1,
      value: now().factor,
      'aria-label': `Factor for ${item.label}`,
      oninput: () => setFactor(range.value),
    });
    const box = h('input', {
      type: 'number',
      id: `steer-number-${i}`,
      min: -100,
      max: 100,
      step: 0.1,
      value: now().factor,
      'aria-label': `Factor for ${item.label}, as a number`,
      onchange: () => setFactor(box.value),
    });
    const at = this.placesInput(`steer-at-${i}`, item.label, now().at, value => set({at: value}));
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
        at,
        h('button', {class: 'small quiet', onclick: () => set({factor: 0}), title: 'Set to zero'}, 'Off'),
        h(
          'button',
          {
            class: 'small quiet',
            onclick: () => set(UNCHANGED),
            'aria-label': `Reset ${item.label}`,
            title: 'Leave as it is',
          },
          'Reset',
        ),
      ),
      readout,
    );
    show();
    return row;
  }

  placesInput(id, label, value, onchange) {
    return h('input', {
      type: 'text',
      id,
      class: 'steer-at',
      value,
      placeholder: 'its token',
      title: 'Positions: 3, 5-7, -1 for the last, or all',
      'aria-label': `Positions for ${label}`,
      autocomplete: 'off',
      onchange: event => onchange(event.target.value),
    });
  }

  /** A feature that the graph lacks, as it was added. */
  extra(extra, i) {
    const remove = () => {
      this.extras.splice(i, 1);
      this.render();
    };
    const {layer, feature, value, at} = extra;
    return h(
      'li',
      {class: 'steer-item changed'},
      h(
        'div',
        {class: 'steer-name'},
        h('strong', {}, `#${feature}`),
        ' ',
        h('span', {class: 'muted'}, `${layer}/${feature}, not in the graph`),
      ),
      h('span', {class: 'readout muted'}, `set to ${number(value)} at ${at}`),
      h(
        'div',
        {class: 'steer-factor'},
        h('span', {class: 'grow'}),
        h('button', {class: 'small quiet', 'aria-label': `Remove ${layer}/${feature}`, onclick: remove}, 'Remove'),
      ),
    );
  }

  adding() {
    const field = (label, id, props) => h('label', {class: 'inline-field'}, label, h('input', {id, ...props}));
    const read = id => /** @type {HTMLInputElement} */ (this.host.querySelector('#' + id)).value;
    const problem = h('p', {class: 'failure', role: 'alert', hidden: true});
    const add = () => {
      const match = /^\s*(\d+)\/(\d+)\s*$/.exec(read('steer-add-feature'));
      const places = positions(read('steer-add-at'), this.graph.tokens.length);
      const value = Number(read('steer-add-value'));
      problem.textContent = !match
        ? 'Write the feature as layer/number, as in 3/1932.'
        : !places?.length
          ? `Write positions from 0 to ${this.graph.tokens.length - 1}, as in 3 or 5-7.`
          : !Number.isFinite(value)
            ? 'Write the activation to set as a number.'
            : '';
      problem.hidden = problem.textContent === '';
      if (!problem.hidden) return;
      this.extras.push({layer: Number(match[1]), feature: Number(match[2]), at: read('steer-add-at').trim(), value});
      this.render();
    };
    return h(
      'details',
      {class: 'steer-add'},
      h('summary', {}, 'Add a feature that is not in the graph'),
      h(
        'div',
        {class: 'fields'},
        field('Layer/number', 'steer-add-feature', {type: 'text', placeholder: '3/1932', autocomplete: 'off'}),
        field('At', 'steer-add-at', {type: 'text', value: String(this.graph.tokens.length - 1), autocomplete: 'off'}),
        field('Activation', 'steer-add-value', {type: 'number', step: 'any', value: 1}),
        h('button', {class: 'small', id: 'steer-add', onclick: add}, 'Add'),
      ),
      problem,
    );
  }

  optionFields() {
    const o = this.options;
    const field = (label, id, props, read) =>
      h('label', {class: 'inline-field'}, label, h('input', {id, ...props, onchange: event => read(event.target)}));
    const check = (label, id, key, title) =>
      h(
        'label',
        {class: 'check', title},
        h('input', {id, type: 'checkbox', checked: o[key], onchange: event => (o[key] = event.target.checked)}),
        label,
      );
    const clamp = (value, low, high) => Math.max(low, Math.min(high, Number(value) || 0));
    this.runButton = h(
      'button',
      {id: 'steer-run', class: 'primary', onclick: () => this.run()},
      this.running ? 'Running…' : 'Run',
    );
    const settings = h(
      'div',
      {class: 'steer-settings'},
      check('Freeze attention', 'steer-freeze', 'freezeAttention', 'Keep the attention patterns of the unchanged run'),
      check(
        'Also later tokens',
        'steer-onward',
        'onward',
        'Apply the change at every later position too, generated tokens included',
      ),
      field('New tokens', 'steer-tokens', {type: 'number', min: 0, max: 256, value: o.newTokens}, input => {
        input.value = o.newTokens = Math.round(clamp(input.value, 0, 256));
      }),
      field(
        'Temperature',
        'steer-temperature',
        {type: 'number', min: 0, max: 2, step: 0.1, value: o.temperature},
        input => {
          input.value = o.temperature = clamp(input.value, 0, 2);
        },
      ),
      field('Seed', 'steer-seed', {type: 'number', step: 1, value: o.seed}, input => {
        input.value = o.seed = Math.round(Number(input.value) || 0);
      }),
      h('span', {class: 'grow'}),
      this.running ? h('button', {class: 'small', onclick: () => this.abort?.abort()}, 'Cancel') : null,
      this.runButton,
    );
    this.enableRun();
    return settings;
  }

  /** What is asked for now; null if some positions can't be read. */
  edits() {
    const count = this.graph.tokens.length;
    const all = [];
    for (const item of this.items) {
      const setting = this.settings.get(item.id) ?? UNCHANGED;
      if (!changed(setting)) continue;
      const places = positions(setting.at, count);
      if (places === null) return null;
      for (const node of item.members.filter(steerable))
        all.push(...edits(siteOf(node), node.activation * setting.factor, places, this.options.onward));
    }
    for (const {layer, feature, value, at} of this.extras)
      all.push(...edits({layer, feature, position: 0}, value, positions(at, count), this.options.onward));
    return all;
  }

  enableRun() {
    const asked = this.edits();
    const some = asked !== null && asked.length + this.heads.changes.length > 0;
    this.runButton.disabled = this.running || !some;
    this.runButton.title = asked === null ? 'Some positions can’t be read' : some ? '' : 'Change a factor first';
  }

  async run() {
    const changes = this.edits();
    const heads = this.heads.changes.map(change => ({...change}));
    const nodes = watched(this.graph, changes, this.shown, this.annotations.pinned, heads);
    const {freezeAttention, newTokens, temperature, seed} = this.options;
    const request = {edits: changes, heads, freezeAttention, newTokens, temperature, seed};
    const said = command(this.graph, this.model, request);
    this.abort = new AbortController();
    const graph = this.graph;
    this.running = true;
    this.failure = null;
    this.render();
    try {
      const result = await this.actions.run(
        {...request, graph: this.slug, watch: nodes.map(siteOf)},
        status => this.progress(status),
        this.abort.signal,
      );
      if (this.graph === graph && result)
        this.result = {
          ...result,
          nodes,
          changes,
          heads,
          graph,
          command: said,
          effects: effects(graph, nodes, changes, result),
        };
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

  outcome() {
    if (this.running) return h('p', {id: 'steer-progress', class: 'loading', role: 'status'}, 'Waiting for the model…');
    if (this.failure) return h('p', {class: 'failure', role: 'alert'}, this.failure);
    if (this.result) return results(this.result, this.annotations, this.actions);
    return h(
      'div',
      {class: 'empty small'},
      h('p', {}, 'Set a factor and press Run.'),
      h('p', {class: 'muted'}, '0 switches a feature off, −1 turns it round, 2 doubles it. Or knock out a head.'),
    );
  }
}

function changed({factor, at}) {
  return factor !== 1 || at.trim() !== '';
}
