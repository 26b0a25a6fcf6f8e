// Why a head looks there: its score as a sum over what is on the query side and on the key side, and the strongest pairs.

import {h} from './dom.js';
import {glyph} from './connections-view.js';
import {sourceOf} from './attention.js';
import {name, place} from './naming.js';
import {percent, signed} from './format.js';
import {signedColour} from './palette.js';

const FIRST = 8;

/** A node's name, also of one that the graph has left out. */
export function called(id, graph, annotations) {
  const {node, twin, number: other} = sourceOf(graph, id);
  if (node) return {text: name(node, annotations), where: place(node, graph)};
  if (twin) return {text: name(twin, annotations), where: other};
  return {text: /^\d+\/\d+/.test(other) ? '#' + other.split(/[/ ]/)[1] : other, where: other};
}

/**
 * @param {import('./attention.js').Explained} score
 * @param props   graph, annotations
 * @param actions select(id), hover(index)
 * @param {{query: string, key: string}} titles of the sides
 */
export function qk(score, {graph, annotations}, actions, titles) {
  const longest = Math.max(
    1e-12,
    ...[...score.query, ...score.key, ...score.relative].map(source => Math.abs(source.value)),
  );
  return [
    score.score === undefined
      ? null
      : h(
          'dl',
          {class: 'facts'},
          fact('Attention', percent(score.attention)),
          fact('Score', signed(score.score), 'Before the softmax'),
          score.mean === undefined
            ? null
            : fact('Against the mean', signed(score.score - score.mean), 'Of the scores of all that it sees'),
        ),
    side(`Query side: ${titles.query}`, score.query, score.rest?.query, longest, graph, annotations, actions),
    side(`Key side: ${titles.key}`, score.key, score.rest?.key, longest, graph, annotations, actions),
    score.relative.length
      ? side('Why here rather than elsewhere', score.relative, undefined, longest, graph, annotations, actions)
      : null,
    score.pairs.length ? pairs(score.pairs, graph, annotations, actions) : null,
  ];
}

function fact(term, value, title = null) {
  return h('div', {title}, h('dt', {}, term), h('dd', {}, value));
}

function side(title, sources, rest, longest, graph, annotations, actions) {
  return h(
    'section',
    {class: 'qk-side'},
    h('h4', {}, title),
    sources.length === 0 ? h('p', {class: 'muted'}, 'Nothing of the prompt adds to it.') : null,
    h(
      'ul',
      {class: 'rows'},
      sources.slice(0, FIRST + 4).map(({node, value}) => {
        const {text, where} = called(node, graph, annotations);
        const known = graph.node(node);
        const bar = h('span', {class: 'bar', 'aria-hidden': 'true'});
        bar.style.width = (100 * Math.abs(value)) / longest + '%';
        bar.style.height = '3px';
        bar.style.background = signedColour(0.4 * (value / longest));
        return h(
          'li',
          {onpointerenter: () => known && actions.hover(known.index), onpointerleave: () => actions.hover(-1)},
          h(
            'button',
            {
              class: 'row',
              disabled: !known,
              title: where + (known ? '' : ': it can’t be selected'),
              onclick: () => actions.select(node),
              onfocus: () => known && actions.hover(known.index),
              onblur: () => actions.hover(-1),
            },
            known ? glyph(known, null) : h('span', {class: 'glyph'}),
            h('span', {class: 'row-name'}, text),
            h('span', {class: 'row-where muted'}, where),
            h('span', {class: 'row-share'}, signed(value)),
            bar,
          ),
        );
      }),
    ),
    rest === undefined ? null : h('p', {class: 'muted'}, `Biases and what else has no node: ${signed(rest)}`),
  );
}

function pairs(all, graph, annotations, actions) {
  return h(
    'section',
    {class: 'qk-side'},
    h('h4', {}, 'Strongest pairs'),
    h(
      'table',
      {class: 'pairs'},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ['Query side', 'Key side'].map(title => h('th', {scope: 'col'}, title)),
          h('th', {scope: 'col', class: 'numeric'}, 'Value'),
        ),
      ),
      h(
        'tbody',
        {},
        all.slice(0, FIRST + 4).map(({query, key, value}) =>
          h(
            'tr',
            {},
            [query, key].map(id => {
              const {text, where} = called(id, graph, annotations);
              return h(
                'td',
                {title: where},
                graph.node(id) ? h('button', {class: 'link', onclick: () => actions.select(id)}, text) : text,
              );
            }),
            h('td', {class: 'numeric ' + (value < 0 ? 'negative' : 'positive')}, signed(value)),
          ),
        ),
      ),
    ),
  );
}
