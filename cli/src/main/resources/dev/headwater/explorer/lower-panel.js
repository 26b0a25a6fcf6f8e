// The panel with tabs: the subgraph, attention, steering, explaining.

import {tabs} from './keyboard.js';

const NAMES = ['subgraph', 'attention', 'steer', 'explain'];

/**
 * Whether the model can be asked about the graph; if not, why.
 *
 * @returns {[boolean, string]}
 */
export function canAsk({graph, models}, source, what = 'That') {
  if (!source.live) return [false, `This page was exported: ${what.toLowerCase()} needs a live model.`];
  if (models.length === 0) return [false, 'This explorer runs without a live model.'];
  const made = models.some(model => model.scans.includes(graph.scan));
  return made ? [true, ''] : [false, `The live model did not make this graph (${graph.scan}).`];
}

/**
 * @param store
 * @param source
 * @param views   attention, steer
 * @param shownOf the nodes that the graph view shows, for a state
 */
export function lowerPanel(store, source, views, shownOf) {
  const $ = id => document.getElementById(id);
  store.on(['tab'], ({tab}) => {
    $('subgraph-tools').hidden = tab !== 'subgraph';
    for (const name of NAMES) {
      $(name + '-tab').hidden = name !== tab;
      const button = $('tab-' + name);
      button.setAttribute('aria-selected', String(name === tab));
      button.tabIndex = name === tab ? 0 : -1;
    }
  });
  store.on(['graph', 'annotations', 'tab', 'models', 'labelled'], state => {
    if (state.tab === 'steer' && state.graph)
      views.steer.update({...state, shown: shownOf(state)}, ...canAsk(state, source, 'Steering'));
  });
  store.on(
    ['graph', 'annotations', 'tab', 'models', 'labelled', 'edge', 'head', 'look', 'filter', 'clicked'],
    state => {
      if (state.tab === 'attention' && state.graph)
        views.attention.update(state, ...canAsk(state, source, 'Explaining attention'));
    },
  );
  tabs(
    NAMES.map(name => $('tab-' + name)),
    i => store.set({tab: NAMES[i]}),
  );
}
