// The state in the page's address, in the names that the field's pages use. We write it behind '#', which is never sent to a
// server and may be long; we read it there and behind '?', where links to other pages have it.

import {read, write} from './annotations.js';
import {edgeOf, headOf, keyOf} from './attention.js';
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
  if (state.edge) params.set('edge', `${state.edge.source},${state.edge.target}`);
  if (state.head) params.set('head', keyOf(state.head));
  if (state.head && state.look) params.set('look', `${state.look.query},${state.look.key}`);
  return params.toString();
}

/** What is chosen in the attention panel, as one text. */
export function chosen({edge, head}) {
  return `${edge ? `${edge.source},${edge.target}` : ''} ${head ? keyOf(head) : ''}`;
}

const VIEW = ['clickedId', 'edge', 'head', 'look'];

/** Whether two addresses differ in nothing but what is selected, so that no graph needs to be read again. */
export function sameButSelected(one, other) {
  const rest = params => {
    const kept = new URLSearchParams(params);
    VIEW.forEach(name => kept.delete(name));
    return kept.toString();
  };
  return rest(one) === rest(other);
}

/** The edge and the head that an address names, as far as the graph can have them; nothing else is changed by it. */
function attention(params, graph) {
  const [source, target] = (params.get('edge') ?? '').split(',');
  const edge = edgeOf(graph, source, target) >= 0 ? {source, target} : null;
  const head = /^\d{1,4}\/\d{1,4}$/.test(params.get('head') ?? '') ? headOf(params.get('head')) : null;
  const [query, key] = /^\d{1,7},\d{1,7}$/.test(params.get('look') ?? '')
    ? params.get('look').split(',').map(Number)
    : [-1, 0];
  const look = head && query >= key && query < graph.tokens.length ? {query, key} : null;
  return {edge, head, look, ...(edge || head ? {tab: 'attention'} : {})};
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
    ...attention(params, graph),
  };
}

function trim(x) {
  return String(Math.round(x * 10000) / 10000);
}
