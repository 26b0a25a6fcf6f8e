// Heads as bars: those that an edge passed, layer by layer with what passed the layer by; and those that carry a graph.

import {h} from './dom.js';
import {keyOf} from './attention.js';
import {name} from './naming.js';
import {percent, signed} from './format.js';
import {signedColour} from './palette.js';

const FIRST = 8; // heads of a layer at first
const MOST_RANKED = 24;

/** A bar from the middle to the right or left. share: of the longest */
function bar(share) {
  const element = h('span', {class: 'head-bar', 'aria-hidden': 'true'}, h('span', {}));
  const inner = /** @type {HTMLElement} */ (element.firstChild);
  const width = Math.max(0.5, Math.min(50, 50 * Math.abs(share)));
  inner.style.width = width + '%';
  inner.style.left = (share < 0 ? 50 - width : 50) + '%';
  inner.style.background = signedColour(share * 0.4);
  return element;
}

/**
 * The selected edge.
 *
 * @param {import('./attention.js').EdgeHeads | null} heads
 * @param props   graph, annotations, edge (ids of its ends), head (the chosen one)
 * @param actions choose(head), close(), all() or null where all heads are listed or nobody can tell them
 * @param opened  layers whose heads are all shown
 */
export function edgeHeads(heads, {graph, annotations, edge, head}, actions, opened, state) {
  const title = ['source', 'target'].map(end => name(graph.node(edge[end]), annotations));
  const longest = Math.max(
    1e-12,
    ...(heads?.layers ?? []).flatMap(layer => [
      Math.abs(layer.bypass),
      ...layer.parts.map(part => Math.abs(part.loading)),
    ]),
  );
  return h(
    'section',
    {class: 'edge-heads', 'aria-label': 'Heads of the selected edge'},
    h(
      'div',
      {class: 'button-row'},
      h('h3', {class: 'edge-title'}, `${title[0]} → ${title[1]}`),
      h('span', {class: 'grow'}),
      h(
        'button',
        {class: 'small quiet', id: 'edge-close', title: 'Back to the heads of the whole graph', onclick: actions.close},
        'All edges',
      ),
    ),
    state,
    heads
      ? h(
          'p',
          {class: 'muted'},
          `Weight ${signed(heads.weight)}: at each layer, what passed its heads and what passed them by sum to it.`,
        )
      : null,
    heads?.layers.map(layer => layerBars(layer, heads, longest, head, actions, opened)),
    heads && !heads.whole
      ? h(
          'p',
          {class: 'muted'},
          `All other heads together: ${signed(heads.rest)}. `,
          actions.all ? h('button', {class: 'link', id: 'edge-all', onclick: actions.all}, 'Compute them') : null,
        )
      : null,
  );
}

function layerBars({layer, bypass, parts}, heads, longest, chosen, actions, opened) {
  const shown = opened.has(layer) ? parts : parts.slice(0, FIRST);
  return h(
    'div',
    {class: 'layer-bars'},
    h('h4', {}, `Layer ${layer}`),
    h(
      'ul',
      {class: 'head-rows'},
      shown.map(({head, loading}) => row({layer, head}, loading, loading / longest, chosen, actions)),
      parts.length > shown.length
        ? h(
            'li',
            {},
            h('button', {class: 'more', onclick: () => actions.open(layer)}, `Show all ${parts.length} heads`),
          )
        : null,
      h(
        'li',
        {
          class: 'head-row bypass',
          title:
            'What passed the layer by on the residual stream' + (heads.whole ? '' : ', and heads that are not listed'),
        },
        h('span', {class: 'head-name muted'}, heads.whole ? 'bypass' : 'others'),
        bar(bypass / longest),
        h('span', {class: 'head-value'}, signed(bypass)),
      ),
    ),
  );
}

function row(head, value, share, chosen, actions) {
  const key = keyOf(head);
  const on = Boolean(chosen) && keyOf(chosen) === key;
  return h(
    'li',
    {},
    h(
      'button',
      {
        class: 'row head-row',
        id: `head-${head.layer}-${head.head}`,
        'aria-pressed': String(on),
        title: `Head ${key}: show where it looks, and why`,
        onclick: () => actions.choose({layer: head.layer, head: head.head}),
      },
      h('span', {class: 'head-name'}, key),
      bar(share),
      h('span', {class: 'head-value'}, signed(value)),
    ),
  );
}

/**
 * The heads that carry a graph, with a choice of what to see through.
 *
 * @param ranking  heads with their influence
 * @param props    head (the chosen one), filter: {mode, chosen} or null
 * @param actions  choose(head), filter(filter or null), open(layer)
 */
export function rankedHeads(ranking, {head: chosen, filter}, actions, all) {
  const most = ranking[0]?.influence || 1;
  const shown = all ? ranking : ranking.slice(0, MOST_RANKED);
  return [
    h(
      'ul',
      {class: 'head-rows ranked'},
      shown.map(head => {
        const key = keyOf(head);
        const on = Boolean(chosen) && keyOf(chosen) === key;
        const ticked = filter?.chosen.has(key) ?? false;
        const inner = h('span', {class: 'head-bar from-left', 'aria-hidden': 'true'}, h('span', {}));
        /** @type {HTMLElement} */ (inner.firstChild).style.width = `${(100 * head.influence) / most}%`;
        return h(
          'li',
          {class: 'ranked-row'},
          h('input', {
            type: 'checkbox',
            id: `tick-${head.layer}-${head.head}`,
            checked: ticked,
            title: 'Take it into the choice above',
            'aria-label': `Choose head ${key}`,
            onchange: () => actions.tick(key),
          }),
          h(
            'button',
            {
              class: 'row head-row',
              id: `head-${head.layer}-${head.head}`,
              'aria-pressed': String(on),
              title: `Head ${key}: show where it looks, and why`,
              onclick: () => actions.choose({layer: head.layer, head: head.head}),
            },
            h('span', {class: 'head-name'}, key),
            inner,
            h('span', {class: 'head-value'}, percent(head.influence)),
          ),
        );
      }),
    ),
    ranking.length > shown.length
      ? h('button', {class: 'more', onclick: actions.more}, `Show all ${ranking.length} heads`)
      : null,
  ];
}
