// Where a head looks: which head, its map, and the place in it that is to be explained.

import {exportMenu} from './attention-export.js';
import {keyOf, scoresOf} from './attention.js';
import {h} from './dom.js';
import {percent, token} from './format.js';

/** @param {import('./attention-view.js').AttentionView} view */
export function whereColumn(view) {
  const {graph, head, look, models} = view.state;
  const model = models.find(each => each.scans.includes(graph.scan)) ?? graph.attention;
  const layers = Math.max(model?.layers ?? 0, graph.layers),
    heads = model?.heads ?? (head ? head.head + 1 : 0);
  const number = (label, id, count, value, choose) =>
    h(
      'select',
      {id, 'aria-label': label, onchange: event => event.target.value !== '' && choose(Number(event.target.value))},
      value === undefined ? h('option', {value: ''}, '–') : null,
      Array.from({length: count}, (_, i) => h('option', {value: i, selected: i === value}, String(i))),
    );
  const set = patch => view.actions.set({head: {layer: 0, head: 0, ...head, ...patch}, look: null});
  const top = h(
    'div',
    {class: 'button-row'},
    heads
      ? [
          h('strong', {}, 'Head'),
          number('Layer of the head', 'pattern-layer', layers, head?.layer, layer => set({layer})),
          '/',
          number('Number of the head', 'pattern-head', heads, head?.head, each => set({head: each})),
        ]
      : null,
    head && view.heads ? throughButtons(view, head) : null,
    h('span', {class: 'grow'}),
    head || view.state.edge ? exportMenu(view, view.actions.notice) : null,
  );
  if (!head)
    return [
      top,
      h(
        'div',
        {class: 'empty small'},
        h('p', {}, 'Choose a head to see where it looks.'),
        h('p', {class: 'muted'}, heads ? 'In the list, or by its layer and number.' : view.reason),
      ),
    ];
  const key = keyOf(head);
  const ask = () => view.questions.ask('pattern', key, {patterns: [head]}, answer => answer.patterns[0].attention);
  if (view.can) ask();
  const attention = view.attention(head);
  const scores = scoresOf(graph, head);
  const at = (query, k) =>
    attention?.[query]?.[k] ?? scores.find(score => score.query === query && score.key === k)?.attention ?? null;
  view.pattern.update({tokens: graph.tokens.map((_, i) => graph.textAt(i)), at, look});
  return [
    top,
    attention
      ? null
      : view.progress(
          'pattern',
          key,
          ask,
          scores.length
            ? 'Of this head the graph’s file knows a few places only.'
            : 'The graph’s file does not hold patterns.',
        ),
    view.pattern.host,
    lookFields(view, graph, head, look, at),
  ];
}

/** Seeing the graph through this head alone, or without it. */
function throughButtons(view, head) {
  const key = keyOf(head);
  const {filter} = view.state;
  const button = (mode, text, title) => {
    const on = filter?.mode === mode && filter.chosen.size === 1 && filter.chosen.has(key);
    return h(
      'button',
      {
        class: 'small',
        id: 'this-' + mode,
        'aria-pressed': String(on),
        title,
        onclick: () => view.choose(on ? null : {mode, chosen: new Set([key])}),
      },
      text,
    );
  };
  return [
    button('only', 'Isolate', `Edges weigh only what passed through head ${key}`),
    button('without', 'Hide', `Edges weigh what did not pass through head ${key}`),
  ];
}

/** The same choice as in the map, as ordinary controls, and what can be done with it. */
function lookFields(view, graph, head, look, at) {
  if (!look) return null;
  const choice = (label, id, count, value, choose) =>
    h(
      'label',
      {class: 'inline-field'},
      label,
      h(
        'select',
        {id, class: 'position', onchange: event => choose(Number(event.target.value))},
        Array.from({length: count}, (_, i) =>
          h('option', {value: i, selected: i === value}, `${i} ${token(graph.textAt(i))}`),
        ),
      ),
    );
  const value = at(look.query, look.key);
  return h(
    'div',
    {class: 'button-row look-fields'},
    choice('From', 'look-query', graph.tokens.length, look.query, query =>
      view.actions.set({look: {query, key: Math.min(query, look.key)}}),
    ),
    choice('at', 'look-key', look.query + 1, look.key, key => view.actions.set({look: {...look, key}})),
    value === null ? null : h('strong', {}, percent(value)),
    h('span', {class: 'grow'}),
    view.can
      ? h(
          'span',
          {class: 'together'},
          h(
            'button',
            {
              class: 'small',
              id: 'steer-out',
              title: 'In Steer: the head writes nothing',
              onclick: () => view.actions.steer({...head}),
            },
            'Knock out',
          ),
          h(
            'button',
            {
              class: 'small',
              id: 'steer-force',
              title: 'In Steer: the head looks there as much as you say',
              onclick: () => view.actions.steer({...head, ...look, probability: 0}),
            },
            'Force',
          ),
        )
      : null,
  );
}
