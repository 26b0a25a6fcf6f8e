// What steering did: next tokens, generated text, features further down, each beside the original.

import {h} from './dom.js';
import {name, number as short} from './naming.js';
import {number, percent, quoted, signed} from './format.js';
import {keyOf as headKey} from './attention.js';
import {described} from './steer-heads.js';
import {keyOf, siteOf, steerable} from './steering.js';

const MOST_CHANGES = 24;
const SMALLEST = 1e-4; // change of an activation

/**
 * @param result original and steered outcomes, set (what the edits set), with heads (changed ones), nodes (the watched ones), effects (by node id),
 *   command (that does the same) and graph
 */
export function results(result, annotations, actions) {
  const {original, steered, effects} = result;
  return [
    h(
      'div',
      {class: 'button-row'},
      h('h3', {}, 'Next token'),
      h('span', {class: 'grow'}),
      h('button', {class: 'small', id: 'steer-paint', onclick: () => actions.paint(effects)}, 'Show in the circuit'),
    ),
    distribution(original.next, steered.next),
    result.heads.length
      ? h(
          'ul',
          {class: 'changed-heads', 'aria-label': 'Changed heads'},
          result.heads.map(change =>
            h('li', {}, h('strong', {}, `Head ${headKey(change)} `), described(change, result.graph)),
          ),
        )
      : null,
    original.texts.length || steered.texts.length ? texts(original.texts, steered.texts) : null,
    whatWasSet(result, annotations, actions),
    activations(result, annotations, actions),
    asCommand(result.command),
  ];
}

function asCommand(text) {
  const field = h('pre', {class: 'command', id: 'steer-command', tabindex: 0}, text);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(field);
      document.execCommand('copy');
    }
    button.textContent = 'Copied';
  };
  const button = h('button', {class: 'small', id: 'steer-copy', onclick: copy}, 'Copy');
  return [
    h('div', {class: 'button-row'}, h('h3', {}, 'The same on the command line'), h('span', {class: 'grow'}), button),
    field,
  ];
}

function distribution(original, steered) {
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
        h('th', {scope: 'col', class: 'numeric'}, h('span', {class: 'key before'}), 'Original'),
        h('th', {scope: 'col', class: 'numeric'}, h('span', {class: 'key after'}), 'Steered'),
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
          h('th', {scope: 'row'}, quoted(row.token)),
          h('td', {class: 'numeric'}, percent(row.before)),
          h('td', {class: 'numeric'}, percent(row.after)),
          h('td', {class: 'wide'}, h('div', {class: 'bars'}, bar(row.before, 'before'), bar(row.after, 'after'))),
        ),
      ),
    ),
  );
}

function texts(original, steered) {
  const text = (title, all) =>
    h(
      'div',
      {},
      h('h3', {}, title),
      all.map(said => h('p', {class: 'generated'}, said.trimStart() || '–')),
    );
  return h('div', {class: 'texts'}, text('Original text', original), text('Steered text', steered));
}

/** The values that the edits really set, each once. */
function whatWasSet({set, graph}, annotations, actions) {
  if (set.length === 0) return null;
  const nodes = new Map(graph.nodes.filter(steerable).map(node => [keyOf(siteOf(node)), node]));
  const row = ({site, before, after}) => {
    const node = nodes.get(keyOf(site));
    const at = `${site.layer}/${site.feature} at ${site.position}`;
    return h(
      'li',
      {},
      h(
        'button',
        {class: 'row', disabled: !node, onclick: () => node && actions.select(node.id)},
        h(
          'span',
          {class: 'row-name'},
          node ? name(node, annotations) : `#${site.feature}`,
          before === 0 ? h('span', {class: 'tag'}, 'does not fire here') : null,
        ),
        h('span', {class: 'muted'}, at),
        h('span', {class: 'row-weight'}, `${number(before)} → ${number(after)}`),
        h('span', {class: 'row-share ' + (after < before ? 'negative' : 'positive')}, signed(after - before)),
      ),
    );
  };
  return [
    h('h3', {}, 'What was set'),
    h('ul', {class: 'changes set', 'aria-label': 'What was set'}, set.slice(0, MOST_CHANGES).map(row)),
    set.length > MOST_CHANGES ? h('p', {class: 'muted'}, `and ${set.length - MOST_CHANGES} more`) : null,
  ];
}

function activations({nodes, set, effects}, annotations, actions) {
  const own = new Set(set.map(({site}) => keyOf(site)));
  const rows = nodes
    .filter(node => !own.has(keyOf(siteOf(node))))
    .map(node => ({node, before: effects.get(node.id)[0], after: effects.get(node.id)[1]}))
    .filter(row => Math.abs(row.after - row.before) > SMALLEST)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
    .slice(0, MOST_CHANGES)
    .sort((a, b) => a.node.row - b.node.row || a.node.position - b.node.position);
  if (rows.length === 0) return h('p', {class: 'muted'}, 'No other feature of the graph changes.');
  return [
    h('h3', {}, 'Other features that change most, from below'),
    h(
      'ul',
      {class: 'changes'},
      rows.map(({node, before, after}) =>
        h(
          'li',
          {},
          h(
            'button',
            {class: 'row', onclick: () => actions.select(node.id)},
            h('span', {class: 'row-name'}, name(node, annotations)),
            h('span', {class: 'muted'}, short(node)),
            h('span', {class: 'row-weight'}, `${number(before)} → ${number(after)}`),
            h('span', {class: 'row-share ' + (after < before ? 'negative' : 'positive')}, signed(after - before)),
          ),
        ),
      ),
    ),
  ];
}
