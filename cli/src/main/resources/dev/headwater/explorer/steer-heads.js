// Attention heads in the Steer panel: taken out, or made to look somewhere.

import {h} from './dom.js';
import {keyOf} from './attention.js';
import {word} from './format.js';

/** @typedef {{layer: number, head: number, query?: number, key?: number, probability?: number}} HeadChange forced where it has a query */

/** What a change is called. */
export function described(change, graph) {
  const at = position => `“${word(graph.textAt(position))}” (${position})`;
  return change.query === undefined
    ? 'knocked out'
    : `looks from ${at(change.query)} at ${at(change.key)} with ${change.probability}`;
}

/**
 * A change as people write it, or a sentence that says what is wrong with it.
 *
 * @param {{head: string, from: string, at: string, probability: string}} written from: empty to knock the head out
 * @param {{layers: number, heads: number}} model
 * @param {number} count of positions
 * @returns {HeadChange | string}
 */
export function readChange(written, model, count) {
  const match = /^\s*(\d+)\/(\d+)\s*$/.exec(written.head);
  if (!match) return 'Write the head as layer/head, as in 2/0.';
  const [layer, head] = [Number(match[1]), Number(match[2])];
  if (layer >= model.layers) return `There is no layer ${layer}; the model’s are 0 to ${model.layers - 1}.`;
  if (head >= model.heads) return `There is no head ${head}; those of a layer are 0 to ${model.heads - 1}.`;
  if (written.from.trim() === '' && written.at.trim() === '') return {layer, head};
  const [query, key] = [written.from, written.at].map(text => {
    const position = /^\s*-?\d+\s*$/.test(text) ? Number(text) : NaN;
    return position < 0 ? position + count : position;
  });
  if (!(query >= 0 && query < count && key >= 0 && key < count))
    return `Write positions from 0 to ${count - 1}, or leave both empty to knock the head out.`;
  if (key > query) return 'A head sees its own position and those before it: at can’t come after from.';
  const probability = Number(written.probability);
  if (written.probability.trim() === '' || !(probability >= 0 && probability <= 1))
    return 'Write the probability as a number from 0 to 1.';
  return {layer, head, query, key, probability};
}

export class SteerHeads {
  /** @type {HeadChange[]} */ changes = [];
  open = false;

  /** @param changed called when there is something to show anew */
  constructor(changed) {
    this.changed = changed;
  }

  /** Adds a change; one of the same head and place goes. @param {HeadChange} change */
  add(change) {
    const same = other =>
      keyOf(other) === keyOf(change) &&
      (change.query === undefined ||
        other.query === undefined ||
        (other.query === change.query && other.key === change.key));
    this.changes = [...this.changes.filter(other => !same(other)), change];
    this.changed();
  }

  rows(graph) {
    return this.changes.map((change, i) => {
      const remove = () => {
        this.changes = this.changes.filter(other => other !== change);
        this.changed();
      };
      const probability =
        change.query === undefined
          ? null
          : h('input', {
              type: 'number',
              id: `steer-head-${i}`,
              min: 0,
              max: 1,
              step: 0.05,
              value: change.probability,
              'aria-label': `Probability that head ${keyOf(change)} gives`,
              onchange: () => {
                const value = Number(probability.value);
                change.probability = Number.isFinite(value) ? Math.max(0, Math.min(1, value)) : change.probability;
                this.changed();
              },
            });
      return h(
        'li',
        {class: 'steer-item changed'},
        h(
          'div',
          {class: 'steer-name'},
          h('strong', {}, `Head ${keyOf(change)}`),
          ' ',
          h('span', {class: 'muted'}, described(change, graph)),
        ),
        h(
          'div',
          {class: 'steer-factor'},
          h('span', {class: 'grow'}),
          probability,
          h(
            'button',
            {class: 'small quiet', 'aria-label': `Leave head ${keyOf(change)} as it is`, onclick: remove},
            'Remove',
          ),
        ),
      );
    });
  }

  /** Fields to add a change with. @param {{layers: number, heads: number}} model */
  adding(model, count) {
    const inputs = {};
    const field = (label, key, props) => {
      inputs[key] = h('input', {id: 'steer-head-' + key, autocomplete: 'off', ...props});
      return h('label', {class: 'inline-field'}, label, inputs[key]);
    };
    const problem = h('p', {class: 'failure', role: 'alert', hidden: true});
    const add = () => {
      const read = readChange(
        {head: inputs.name.value, from: inputs.from.value, at: inputs.at.value, probability: inputs.share.value},
        model,
        count,
      );
      problem.hidden = typeof read !== 'string';
      if (typeof read === 'string') problem.textContent = read;
      else this.add(read);
    };
    return h(
      'details',
      {
        class: 'steer-add',
        open: this.open,
        ontoggle: event => (this.open = event.target.open),
      },
      h('summary', {}, 'Knock out an attention head, or force where it looks'),
      h(
        'div',
        {class: 'fields'},
        field('Layer/head', 'name', {type: 'text', placeholder: '2/0'}),
        field('From', 'from', {type: 'text', placeholder: 'anywhere', title: 'A position; empty: knock it out'}),
        field('at', 'at', {type: 'text', placeholder: 'nothing', title: 'A position that is not after the first'}),
        field('with', 'share', {type: 'number', min: 0, max: 1, step: 0.05, value: 0, title: 'Probability'}),
        h('button', {class: 'small', id: 'steer-head-add', onclick: add}, 'Add'),
      ),
      problem,
    );
  }
}
