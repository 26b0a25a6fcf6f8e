// The window that traces a prompt: model, text or conversation, what to explain, how much to keep; then the progress of the work.

import {modal} from './dialogs.js';
import {h, fill} from './dom.js';
import {count, duration, percent, quoted, slug, token} from './format.js';
import {PromptFields} from './prompt-fields.js';
import {TargetFields} from './target-fields.js';
import {words} from './tokens.js';

const QUIET = 350; // milliseconds without typing after which the prompt is tokenized
const MOST_TOKENS = 1000; // shown of the prompt
const FEW = 5; // next tokens shown
const NEURONS = 'neurons'; // what the server calls a model's own in the place of transcoders
const NUMBERS = [
  {id: 'new-logits', key: 'maxLogits', label: 'Outputs at most', value: 10, min: 1, max: 1000, step: 1},
  {id: 'new-probability', key: 'logitProbability', label: 'Outputs cover', value: 0.95, min: 0, max: 1, step: 0.01},
  {id: 'new-features', key: 'maxFeatureNodes', label: 'Features at most', value: 5000, min: 1, max: 200000, step: 1},
  {id: 'new-nodes', key: 'nodeThreshold', label: 'Node threshold', value: 0.8, min: 0, max: 1, step: 0.01},
  {id: 'new-edges', key: 'edgeThreshold', label: 'Edge threshold', value: 0.98, min: 0, max: 1, step: 0.01},
];

/**
 * Resolves with the name of the new graph, or null.
 *
 * @param source where jobs run
 * @param models what the server can trace with
 * @param {{prompt?: any, scan?: string, targets?: any, numbers?: Record<string, number>, title?: string}} given what the fields hold
 *   at first: a prompt as the server takes it, the scan of its transcoders, targets, options by their names
 */
export function newGraph(source, models, given = {}) {
  const title = given.title ?? 'New graph';
  return modal(
    title,
    (close, dialog) => {
      if (models.length === 0) {
        return h(
          'div',
          {class: 'modal-body empty'},
          h('p', {}, 'This explorer runs without a live model.'),
          h('p', {class: 'muted'}, 'Start it with a model to trace prompts from here.'),
        );
      }
      return new NewGraph(source, models, given, close, dialog).body;
    },
    'wide tall',
  );
}

/** What a graph was made from, as far as its file tells: what newGraph is given to make one like it. */
export function origin(graph) {
  const [first = ''] = graph.tokens;
  const special = /^(<[^<>]*>|\[[A-Z]+\])$/.test(first) && graph.prompt.startsWith(first);
  return {
    prompt: {text: special ? graph.prompt.slice(first.length) : graph.prompt}, // the model puts its own first token there
    scan: graph.scan,
    numbers: graph.metadata.node_threshold > 0 ? {nodeThreshold: graph.metadata.node_threshold} : {},
  };
}

class NewGraph {
  named = false;
  /** @type {AbortController} */ abort = null;

  constructor(source, models, given, close, dialog) {
    this.source = source;
    this.models = models;
    this.close = close;
    this.dialog = dialog;
    this.model = models.find(model => model.scans.includes(given.scan)) ?? models[0];
    this.prompt = new PromptFields(() => this.changed());
    this.targets = new TargetFields(() => this.changed());
    this.preview = h('div', {class: 'preview', 'aria-live': 'polite'});
    this.failure = h('p', {class: 'failure', role: 'alert', hidden: true});
    this.name = h('input', {
      id: 'new-name',
      maxlength: 128,
      pattern: '[A-Za-z0-9_\\-][A-Za-z0-9_.\\-]*',
      autocomplete: 'off',
      spellcheck: 'false',
      oninput: () => (this.named = true),
    });
    this.transcoders = h('select', {
      id: 'new-transcoders',
      onchange: () => {
        this.offerContrast();
        this.changed();
      },
    });
    this.contrast = h('textarea', {
      id: 'new-contrast',
      rows: 3,
      placeholder: 'Other prompts, one a line: neurons then count from their mean over these instead of from 0',
      spellcheck: 'false',
    });
    this.modelSelect = h(
      'select',
      {
        id: 'new-model',
        onchange: () => {
          this.model = models.find(model => model.id === this.modelSelect.value);
          this.pick();
        },
      },
      models.map(model => h('option', {value: model.id, selected: model === this.model}, model.label)),
    );
    this.numbers = NUMBERS.map(({id, key, label, value, ...range}) => ({
      key,
      label,
      input: h('input', {
        id,
        type: 'number',
        value: given.numbers?.[key] ?? value,
        required: true,
        onchange: () => this.changed(),
        ...range,
      }),
    }));
    this.start = h('button', {id: 'new-start', class: 'primary', disabled: true, onclick: () => this.trace()}, 'Trace');
    this.form = this.layOut();
    this.body = h('div', {class: 'modal-frame'}, this.form);
    dialog.addEventListener('close', () => this.abort?.abort());
    if (given.prompt) this.prompt.set(given.prompt);
    if (given.targets) this.targets.set(given.targets);
    this.pick();
    const at = this.model.scans.indexOf(given.scan);
    if (at >= 0) this.transcoders.value = this.model.transcoders[at];
    this.offerContrast();
  }

  layOut() {
    const field = (label, input, kind = '') => h('label', {class: 'field ' + kind}, h('span', {}, label), input);
    this.contrastField = field('Contrast', this.contrast, 'grow');
    return h(
      'div',
      {class: 'modal-frame'},
      h(
        'div',
        {class: 'modal-body new-graph'},
        h(
          'div',
          {class: 'fields'},
          field('Model', this.modelSelect, 'grow'),
          field('Transcoders', this.transcoders, 'grow'),
        ),
        this.prompt.element,
        this.preview,
        this.targets.element,
        h(
          'details',
          {class: 'options'},
          h('summary', {}, 'Options'),
          h(
            'div',
            {class: 'fields'},
            this.numbers.map(({label, input}) => field(label, input)),
          ),
          this.contrastField,
        ),
      ),
      h(
        'footer',
        {class: 'modal-foot'},
        this.failure,
        h(
          'div',
          {class: 'foot-row'},
          field('Name', this.name, 'grow'),
          h('button', {onclick: () => this.close(null)}, 'Cancel'),
          this.start,
        ),
      ),
    );
  }

  pick() {
    fill(
      this.transcoders,
      this.model.transcoders.map(reference => h('option', {value: reference}, reference)),
    );
    this.prompt.offer(this.model);
    this.offerContrast();
    this.changed();
  }

  /** A contrast is for a model's own neurons. */
  offerContrast() {
    this.contrastField.hidden = this.transcoders.value !== NEURONS;
  }

  changed() {
    if (!this.named) this.name.value = slug(this.prompt.said());
    const problem = this.targets.problem();
    this.start.disabled = this.prompt.empty() || problem !== '';
    this.start.title = problem;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), QUIET);
  }

  /** The prompt's tokens at once; then, after a forward pass, what may follow it and how long tracing will take. */
  async look() {
    if (this.prompt.empty()) return fill(this.preview);
    const ticket = (this.ticket = {});
    const prompt = this.prompt.value();
    const ask = async more => {
      const result = await this.source.job('tokens', {model: this.model.id, prompt, ...more});
      return result && this.dialog.isConnected && ticket === this.ticket ? result : null;
    };
    try {
      const read = await ask({});
      if (!read) return;
      const tooLong = read.tokens.length > this.model.maxTokens;
      if (tooLong) this.start.disabled = true;
      const tokens = this.tokens(read.tokens, this.prompt.said(), tooLong);
      fill(this.preview, tokens);
      if (tooLong) return;
      const seen = await ask({transcoders: this.transcoders.value, maxFeatureNodes: this.number('maxFeatureNodes')});
      if (seen) fill(this.preview, tokens, this.next(seen), this.warnings(seen), this.time(seen));
    } catch (problem) {
      if (ticket === this.ticket) fill(this.preview, h('p', {class: 'failure'}, problem.message));
    }
  }

  /** Tokens that share a character stand together. @param text that they were made of */
  tokens(tokens, text, tooLong) {
    const left = tokens.length - MOST_TOKENS;
    return [
      h(
        'p',
        {class: 'tokens', tabindex: 0, role: 'group', 'aria-label': 'Tokens of the prompt'},
        words(tokens.slice(0, MOST_TOKENS), text)
          .filter((word, i) => word.first === i)
          .map(({text: said, first, last}) => {
            const title = last > first ? `Positions ${first} to ${last}: one token for some bytes each` : null;
            const several = last > first ? h('span', {class: 'muted'}, ` ×${last - first + 1}`) : null;
            return h('span', {class: 'token', title}, h('bdi', {}, token(said)), several);
          }),
        left > 0 ? h('span', {class: 'muted'}, ` and ${count(left)} more`) : null,
      ),
      h(
        'p',
        {class: tooLong ? 'failure token-count' : 'muted token-count'},
        `${count(tokens.length)} of at most ${count(this.model.maxTokens)} tokens`,
      ),
    ];
  }

  next({next}) {
    if (!next?.length) return null;
    return h(
      'p',
      {class: 'next'},
      h('span', {class: 'muted'}, 'Next token: '),
      next
        .slice(0, FEW)
        .map(({token: text, probability}, i) => [
          i ? ', ' : '',
          h('strong', {}, quoted(text)),
          ` ${percent(probability)}`,
        ]),
    );
  }

  warnings({next, tokens}) {
    const said = [];
    const text = this.prompt.last();
    if (/[ \t]$/.test(text))
      said.push(
        'The prompt ends with a space. Most words begin with theirs, so the model may be thrown off: take it away.',
      );
    else if (next?.length && next[0].probability > 0.5 && !/[\p{L}\p{N}]/u.test(next[0].token) && tokens.length > 1)
      said.push(
        `The next token is most probably ${quoted(next[0].token)}: a graph of it may be dull. Let the prompt end just before a word that matters.`,
      );
    return said.map(sentence => h('p', {class: 'warning'}, sentence));
  }

  time({seconds}) {
    return seconds > 0 ? h('p', {class: 'muted'}, `Tracing takes about ${duration(seconds)}.`) : null;
  }

  number(key) {
    return this.numbers.find(each => each.key === key).input.valueAsNumber;
  }

  request() {
    const targets = this.targets.value();
    const contrast = this.contrastField.hidden ? [] : this.contrast.value.split('\n').filter(line => line.trim());
    return {
      name: this.name.value,
      model: this.model.id,
      transcoders: this.transcoders.value,
      prompt: this.prompt.value(),
      ...Object.fromEntries(this.numbers.map(({key, input}) => [key, input.valueAsNumber])),
      ...(targets ? {targets} : {}),
      ...(contrast.length ? {contrast: contrast.map(text => ({text}))} : {}),
    };
  }

  async trace() {
    this.failure.hidden = true;
    this.abort = new AbortController();
    const phase = h('p', {class: 'phase', role: 'status'}, 'Waiting for the model…');
    const bar = h('progress', {'aria-label': 'Progress of this phase'});
    const cancel = h('button', {onclick: () => this.abort.abort()}, 'Cancel');
    fill(
      this.body,
      h(
        'div',
        {class: 'modal-body tracing'},
        h('p', {class: 'prompt'}, this.prompt.title()),
        phase,
        bar,
        h('div', {class: 'button-row end'}, cancel),
      ),
    );
    try {
      const result = await this.source.job(
        'attribute',
        this.request(),
        status => this.progress(status, phase, bar),
        this.abort.signal,
      );
      if (result) return this.close(result.graph);
    } catch (problem) {
      this.failure.textContent = problem.message;
      this.failure.hidden = false;
    }
    fill(this.body, this.form);
  }

  progress(status, phase, bar) {
    const {state, total, done} = status;
    const share = total > 0 ? `: ${count(done)} of ${count(total)}` : '';
    phase.textContent = state === 'QUEUED' ? 'Waiting for the model…' : `${status.phase || 'Starting'}${share}`;
    if (total > 0) {
      bar.max = total;
      bar.value = done;
    } else {
      bar.removeAttribute('value');
    }
  }
}
