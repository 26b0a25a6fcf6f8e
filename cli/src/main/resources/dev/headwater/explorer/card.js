// What else to know before a circuit is believed, as the server says it: in rows, with how to read them.

import {number, percent} from './format.js';

/** How the table of layers is to be read. */
export const LAYERS =
  'One layer’s MLP is replaced by what its features say, the last line replaces all. Unexplained: the share of the MLP’s variance that features leave out. Then the answer’s probability and lead in logits, and how far the next token’s distribution is from the model’s, in nats: 0 where the features stand for the MLP.';

/** What graph and model say of the features of a circuit, one at a time: by edges, by all paths. */
export function effectRows({direct, total}) {
  return [
    {
      name: 'Direct effects',
      read: 'What edges foretell, all else frozen, beside what happens: of a whole graph 1 and 0.',
      values: [figure(direct.correlation), figure(direct.relativeError)],
    },
    {
      name: 'Total effects',
      read: 'What all paths foretell, all else responding but attention: what the graph cannot know is how errors and norms respond.',
      values: [figure(total.correlation), figure(total.relativeError)],
    },
  ];
}

/** Each layer, then all; none of neurons, which are the MLPs. */
export function layerRows({layers, whole}) {
  const cells = ({probability, margin, divergence}) => [percent(probability), number(margin), number(divergence)];
  return [
    ...layers.map(({layer, unexplained, replaced}) => [String(layer), percent(unexplained), ...cells(replaced)]),
    ...(whole ? [['all', '', ...cells(whole)]] : []),
  ];
}

function figure(x) {
  return typeof x === 'number' ? x.toFixed(3).replace('-', '−') : '–';
}
