// Change features and see what the model does: next tokens, features further down, generated text, beside the original.

import {h, fill, refill} from './dom.js';
import {diagram} from './diagram.js';
import {number as short} from './naming.js';
import {number} from './format.js';
import {results} from './steer-results.js';
import {SteerHeads} from './steer-heads.js';
import {SteerAdding} from './steer-adding.js';
import {HERE, elsewhere, fromFields, taken, told} from './steer-from.js';
import {command, edits, effects, positions, siteOf, steerable, watched} from './steering.js';

const UNCHANGED = {factor: 1, at: '', from: HERE};
const TAKEN_AWAY = {...UNCHANGED, factor: 0};

export class SteerView {
  /** @type {import('./model.js').Graph} */ graph = null;
  /** @type {import('./annotations.js').Annotations} */ annotations = null;
  /** @type {Uint8Array} the nodes that the graph view shows, 0 or 1 each */ shown = null;
  slug = '';
  steerable = false;
  /** why it is not steerable */ reason = '';
  /** @type {Map<string, {factor: number, at: string, from: import('./steer-from.js').From}>} by box id; at: positions as text, empty for its own */ settings =
    new Map();
  options = {freezeAttention: true, newTokens: 12, temperature: 0, seed: 1, samples: 1, onward: false};

  /** actions: run(request, onStatus, signal): a promise of a SteerResult; select(id); paint(effects); source: of graphs */
  constructor(host, source, actions) {
    this.host = host;
    this.actions = actions;
    const changed = () => this.graph && this.render();
    this.heads = new SteerHeads(changed);
    this.adding = new SteerAdding(source, changed);
  }

  update({graph, annotations, name: slug, shown, models}, can, reason) {
    this.model = models.find(model => model.scans.includes(graph.scan));
    if (this.graph && this.graph !== graph) {
      this.heads.changes = [];
      this.settings = new Map();
      this.adding.clear();
      this.result = this.failure = null;
    }
    Object.assign(this, {graph, annotations, slug, shown, steerable: can, reason});
    this.boxes = graph ? diagram(graph, annotations, () => 0).items.filter(item => item.members.some(steerable)) : [];
    this.render();
  }

  /** What can be changed: the pinned boxes, and what was added as one. */
  get items() {
    return [...this.boxes, ...this.adding.items(this.graph)];
  }

  setting(item) {
    return this.settings.get(item.id) ?? (item.remove ? TAKEN_AWAY : UNCHANGED);
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
          {class: 'steer-controls', 'aria-label': 'What to change'},
          h(
            'div',
            {class: 'steer-scroll', tabindex: 0, role: 'group', 'aria-label': 'Features and heads'},
            this.items.length === 0
              ? h(
                  'p',
                  {class: 'muted'},
                  'Pin the features that you want to change; groups are changed as one. Or add some that are not pinned:',
                )
              : null,
            h('ul', {class: 'steer-items'}, [
              this.items.map((item, i) => this.control(item, i)),
              this.adding.rows(),
              this.heads.rows(this.graph),
            ]),
            this.adding.forms(this.graph),
            this.heads.adding(this.model, this.graph.tokens.length),
          ),
          this.optionFields(),
        ),
        h('section', {class: 'steer-results', 'aria-label': 'What changes', tabindex: 0}, this.outcome()),
      ),
    );
  }

  control(item, i) {
    const now = () => this.setting(item);
    const features = item.members.filter(steerable);
    const readout = h('span', {class: 'readout muted'});
    const show = () => {
      const {factor, at, from} = now();
      const places = positions(at, this.graph.tokens.length);
      const value =
        features.length === 1
          ? `${number(features[0].activation)} → ${number(features[0].activation * factor)}`
          : `× ${number(factor)}`;
      const what = factor === 0 ? 'switched off' : elsewhere(from) ? told(from, factor) : value;
      readout.textContent = !changed(now())
        ? 'unchanged'
        : places === null || this.changes(item) === null
          ? 'no such position'
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
            onclick: () => {
              this.settings.delete(item.id);
              if (item.remove) item.remove();
              else this.render();
            },
            'aria-label': `${item.remove ? 'Remove' : 'Reset'} ${item.label}`,
            title: 'Leave as it is',
          },
          item.remove ? 'Remove' : 'Reset',
        ),
      ),
      readout,
      fromFields(i, item.label, now().from, patch => set({from: {...now().from, ...patch}})),
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
      field(
        'Samples',
        'steer-samples',
        {
          type: 'number',
          min: 1,
          max: 20,
          value: o.samples,
          title: 'Texts to draw of each; greedy ones are all the same',
        },
        input => {
          input.value = o.samples = Math.round(clamp(input.value, 1, 20));
        },
      ),
      h('span', {class: 'grow'}),
      this.running ? h('button', {class: 'small', onclick: () => this.abort?.abort()}, 'Cancel') : null,
      this.runButton,
    );
    this.enableRun();
    return settings;
  }

  /** The edits of an item; null if some positions can't be read. */
  changes(item) {
    const {factor, at, from} = this.setting(item);
    const count = this.graph.tokens.length;
    const places = positions(at, count);
    if (places === null) return null;
    const all = item.members
      .filter(steerable)
      .flatMap(node =>
        edits(
          siteOf(node),
          position =>
            elsewhere(from) ? {from: taken(from, position, factor, count)} : {value: node.activation * factor},
          places,
          this.options.onward,
        ),
      );
    return all.some(edit => edit.from === null) ? null : all;
  }

  /** What is asked for now; null if some positions can't be read. */
  edits() {
    const all = [];
    for (const item of this.items) {
      if (!changed(this.setting(item))) continue;
      const some = this.changes(item);
      if (some === null) return null;
      all.push(...some);
    }
    for (const {features, factor, at} of this.adding.extras)
      for (const {activation, ...site} of features)
        all.push(
          ...edits(
            site,
            () => ({value: activation * factor}),
            positions(at, this.graph.tokens.length),
            this.options.onward,
          ),
        );
    return all;
  }

  /** Runs an experiment in the place of what was set: factors of boxes by their labels, heads, groups of other graphs. */
  async attempt({factors, heads, extras}) {
    this.settings = new Map(
      this.boxes.filter(box => box.label in factors).map(box => [box.id, {...UNCHANGED, factor: factors[box.label]}]),
    );
    this.heads.changes = heads;
    this.adding.clear();
    this.adding.extras = extras;
    this.result = null;
    this.render();
    if (this.settings.size === Object.keys(factors).length) await this.run();
    return this.result;
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
    const {freezeAttention, newTokens, temperature, seed, samples} = this.options;
    const request = {edits: changes, heads, freezeAttention, newTokens, temperature, seed, samples};
    const {model} = this;
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
          heads,
          graph,
          command: command(graph, model, request, result.set),
          effects: effects(graph, nodes, result),
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

function changed({factor, at, from}) {
  return factor !== 1 || at.trim() !== '' || elsewhere(from);
}
