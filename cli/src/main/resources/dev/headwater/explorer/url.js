// The state in the page's address, in the names that the field's pages use. We write it behind '#', which is never sent to a
// server and may be long; we read it there and behind '?', where links to other pages have it.

import {read, write} from './annotations.js';
import {startingPruning} from './beginning.js';

/** The parameters of an address, those behind '#' first. */
export function parameters(location) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of new URLSearchParams(location.hash.replace(/^#/, ''))) params.set(name, value);
  params.delete('token');
  return params;
}

/** The part of the address that belongs to a graph. */
export function encode(state) {
  const params = new URLSearchParams();
  params.set('slug', state.name);
  const {annotations, graph} = state;
  const {pinnedIds, supernodes, clerps} = write(annotations);
  if (state.clicked) params.set('clickedId', state.clicked);
  if (pinnedIds.length) params.set('pinnedIds', pinnedIds.join(','));
  if (supernodes.length) params.set('supernodes', JSON.stringify(supernodes));
  if (clerps !== '[]') params.set('clerps', clerps);
  if (graph && state.pruning !== startingPruning(graph)) params.set('pruningThreshold', trim(state.pruning));
  if (state.other) params.set('compare', state.other);
  if (state.embed) params.set('embed', state.embed);
  return params.toString();
}

/** What an address says about a graph: the annotations it names override the file's. */
export function decode(params, graph) {
  const names = ['pinnedIds', 'supernodes', 'clerps'];
  const fromFile = graph.qParams;
  const given = Object.fromEntries(names.filter(name => params.has(name)).map(name => [name, params.get(name)]));
  const annotations = read({...fromFile, ...given}, graph);
  const clicked = params.get('clickedId') ?? fromFile.clickedId;
  const pruning = Number(params.get('pruningThreshold') ?? fromFile.pruningThreshold ?? NaN);
  return {
    annotations,
    clicked: graph.node(clicked) ? clicked : null,
    pruning:
      Number.isFinite(pruning) && pruning > 0 ? Math.min(pruning, graph.largestInfluence) : startingPruning(graph),
  };
}

function trim(x) {
  return String(Math.round(x * 10000) / 10000);
}
