// Where an activation may come from instead: another position of the prompt, or other prompts.

import {h} from './dom.js';
import {number} from './format.js';

/** @typedef {{position: string, prompts: string}} From as people write it: prompts a line each, none for this one */

export const HERE = Object.freeze({position: '', prompts: ''});

/** The prompts of a text, a line each. */
export function promptsOf(text) {
  return text.split('\n').filter(line => line.trim() !== '');
}

/** Whether anything but the feature's own activation is asked for. @param {From} from */
export function elsewhere({position, prompts}) {
  return position.trim() !== '' || prompts.trim() !== '';
}

/**
 * What is asked of the server for a feature, or null if the position can't be read.
 *
 * @param {From} from
 * @param {number} own   the position that the feature is set at
 * @param {number} count positions of this prompt
 * @returns {{prompts: {text: string}[], position: number, factor: number} | null}
 */
export function taken({position, prompts}, own, factor, count) {
  const others = promptsOf(prompts).map(text => ({text}));
  const text = position.trim();
  if (text === '') return {prompts: others, position: own, factor};
  if (!/^[-−]?\d+$/.test(text)) return null;
  const at = Number(text.replace('−', '-'));
  if (others.length) return {prompts: others, position: at, factor};
  const here = at < 0 ? at + count : at;
  return here >= 0 && here < count ? {prompts: [], position: here, factor} : null;
}

/** "× 2 of what it is at 3 in 2 other prompts" */
export function told(from, factor) {
  const others = promptsOf(from.prompts).length;
  const at = from.position.trim() === '' ? 'there' : `at ${from.position.trim()}`;
  const where =
    others === 0 ? 'of this prompt' : others === 1 ? 'of the other prompt' : `of ${others} prompts, on average`;
  return `× ${number(factor)} of what it is ${at} ${where}`;
}

/** Fields to say it with. @param {From} from */
export function fromFields(id, label, from, onchange) {
  const position = h('input', {
    type: 'text',
    id: `steer-from-at-${id}`,
    value: from.position,
    placeholder: 'same',
    title: 'One position; −1 is the last',
    autocomplete: 'off',
    'aria-label': `Position that ${label} takes its activation from`,
    onchange: () => onchange({position: position.value}),
  });
  const prompts = h('textarea', {
    id: `steer-from-prompts-${id}`,
    rows: 2,
    value: from.prompts,
    placeholder: 'Other prompts, a line each; none: this one',
    'aria-label': `Prompts that ${label} takes its activation from`,
    onchange: () => onchange({prompts: prompts.value}),
  });
  return h(
    'details',
    {class: 'steer-add steer-from', open: elsewhere(from)},
    h('summary', {}, 'Activation from elsewhere'),
    h('label', {class: 'inline-field'}, 'At position', position),
    prompts,
  );
}
