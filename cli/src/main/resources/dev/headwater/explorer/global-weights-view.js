// How a feature is connected whatever the prompt: what a text has gathered, strongest first.

import {h} from './dom.js';
import {signed} from './format.js';

const SHOWN = 5;

/**
 * Two short lists, or null where nothing was gathered.
 *
 * @param {any} found          inputs and outputs as the server gives them, or null
 * @param {(layer: number, feature: number) => string} named a feature's label, '' if it has none
 */
export function globalWeights(found, named) {
  const column = (title, connections) =>
    connections.length
      ? h(
          'div',
          {},
          h('h4', {}, title),
          h(
            'ul',
            {class: 'logits'},
            connections
              .slice(0, SHOWN)
              .map(one =>
                h(
                  'li',
                  {title: `Virtual weight ${signed(one.weight)}, ERA ${signed(one.era)}, TWERA ${signed(one.twera)}`},
                  h('span', {}, h('code', {}, `${one.layer}/${one.feature}`), ' ' + named(one.layer, one.feature)),
                  h('span', {class: 'muted'}, signed(one.twera)),
                ),
              ),
          ),
        )
      : null;
  const columns = found
    ? [column('On any prompt reads', found.inputs), column('On any prompt feeds', found.outputs)]
    : [];
  return columns.some(Boolean) ? h('div', {class: 'logit-columns'}, columns) : null;
}
