// What a new graph is to explain: the most probable next tokens, or what people ask for.

import {h} from './dom.js';

const KINDS = {
  next: {label: 'the most probable next tokens'},
  tokens: {
    label: 'these tokens',
    hint: 'One token a line, with the space before a word; #ID for a token by its number',
    rows: 2,
  },
  difference: {
    label: 'one token rather than another',
    hint: 'Two tokens, a line each: why the first rather than the second',
    rows: 2,
  },
  concept: {
    label: 'a concept',
    hint: 'One token a line; after a line with nothing but a dash, the tokens that it is held against',
    rows: 5,
  },
  features: {label: 'why features fire', hint: 'One feature a line: layer/position/number, as in 2/10/607', rows: 2},
};

export class TargetFields {
  constructor(onChange) {
    const changed = () => {
      this.show();
      onChange();
    };
    this.kind = h(
      'select',
      {id: 'new-targets', onchange: changed},
      Object.entries(KINDS).map(([value, {label}]) => h('option', {value}, label)),
    );
    this.lines = h('textarea', {
      id: 'new-target-lines',
      'aria-label': 'What to explain',
      spellcheck: 'false',
      oninput: changed,
    });
    this.hint = h('span', {class: 'muted'});
    this.element = h(
      'div',
      {class: 'targets'},
      h('label', {class: 'field'}, h('span', {}, 'Explain'), this.kind),
      this.lines,
      this.hint,
    );
    this.show();
  }

  show() {
    const {hint, rows} = KINDS[this.kind.value];
    this.lines.hidden = this.hint.hidden = hint === undefined;
    this.lines.rows = rows ?? 1;
    this.hint.textContent = this.problem() || hint;
  }

  /** @param {{tokens?: string[], difference?: string[], concept?: string[], minus?: string[], features?: string[]}} targets as value() gives them */
  set(targets) {
    const {minus = [], ...rest} = targets;
    const [kind, lines] = Object.entries(rest)[0];
    this.kind.value = kind;
    this.lines.value = [...lines, ...(minus.length ? ['-', ...minus] : [])].join('\n');
    this.show();
  }

  /** {tokens}, {difference}, {concept, minus} or {features}, each a list of texts; null for the most probable next tokens. */
  value() {
    return parse(this.kind.value, this.lines.value);
  }

  /** Why this can't be asked for; empty if it can. */
  problem() {
    return check(this.kind.value, this.lines.value);
  }
}

function listed(text) {
  return text.split('\n').filter(line => line.trim() !== '');
}

/** What is before a line with a dash alone, and what is after it. */
function sides(lines) {
  const at = lines.findIndex(line => /^\s*[-–−]\s*$/.test(line));
  return at < 0 ? [lines, []] : [lines.slice(0, at), lines.slice(at + 1)];
}

export function parse(kind, text) {
  if (kind === 'next') return null;
  if (kind !== 'concept') return {[kind]: listed(text)};
  const [concept, minus] = sides(listed(text));
  return {concept, minus};
}

export function check(kind, text) {
  const lines = listed(text);
  if (kind === 'next') return '';
  if (lines.length === 0) return KINDS[kind].hint;
  if (kind === 'difference' && lines.length !== 2)
    return `A difference is of two tokens, a line each; here are ${lines.length}.`;
  if (kind === 'concept') {
    const [concept, minus] = sides(lines);
    return concept.length === 0 || minus.length === 0
      ? 'A concept is what some tokens have and others lack: put a line with a dash between them.'
      : '';
  }
  const wrong = kind === 'features' ? lines.find(line => !/^\s*\d+\/\d+\/\d+\s*$/.test(line)) : undefined;
  return wrong === undefined ? '' : `“${wrong.trim()}” is no feature: write layer/position/number, as in 2/10/607.`;
}
