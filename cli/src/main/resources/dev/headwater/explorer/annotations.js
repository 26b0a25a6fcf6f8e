// What people add to a graph: pinned nodes, groups of them (supernodes), labels, places in the diagram. Values, never changed.

import {readNumbers} from './numbers.js';

export const COLOURS = ['sand', 'sky', 'moss', 'rose', 'violet', 'amber', 'teal', 'stone'];

/**
 * @typedef {{label: string, members: string[], colour: string}} Group
 * @typedef {import('./numbers.js').Numbers} Numbers
 * @typedef {{pinned: string[], groups: Group[], places: Record<string, number[]>, numbers: Numbers}} Circuit numbers: of it when it was judged, or null
 * @typedef {Circuit & {labels: Record<string, string>, circuits: Record<string, Circuit>}} Annotations; circuits: kept by their names
 */

/** @type {Annotations} */
export const EMPTY = Object.freeze({pinned: [], groups: [], labels: {}, places: {}, numbers: null, circuits: {}});

/** A group goes by its first member, in the diagram and for its place. */
export function groupId(group) {
  return 'group:' + group.members[0];
}

export function findGroup(a, id) {
  return a.groups.find(group => groupId(group) === id);
}

export function groupOf(a, node) {
  return a.groups.find(group => group.members.includes(node));
}

export function pin(a, ids) {
  const added = ids.filter(id => !a.pinned.includes(id));
  return added.length ? {...a, pinned: [...a.pinned, ...added]} : a;
}

export function unpin(a, ids) {
  const gone = new Set(ids);
  return {...a, pinned: a.pinned.filter(id => !gone.has(id)), groups: shrink(a.groups, gone)};
}

/** Groups these nodes; those of them that were in other groups leave them, and become pinned if they weren't. */
export function group(a, ids, label) {
  const members = [...new Set(ids)];
  const colour = COLOURS[a.groups.length % COLOURS.length];
  const pinned = pin(a, members);
  return {...pinned, groups: [...shrink(a.groups, new Set(members)), {label, members, colour}]};
}

export function ungroup(a, id) {
  return {...a, groups: a.groups.filter(group => groupId(group) !== id)};
}

export function leaveGroup(a, node) {
  return {...a, groups: shrink(a.groups, new Set([node]))};
}

export function renameGroup(a, id, label) {
  return {...a, groups: a.groups.map(group => (groupId(group) === id ? {...group, label} : group))};
}

export function colourGroup(a, id, colour) {
  return {...a, groups: a.groups.map(group => (groupId(group) === id ? {...group, colour} : group))};
}

/** @param key the node's key, so that the label holds at every position; an empty text takes the label away */
export function label(a, key, text) {
  const labels = {...a.labels};
  if (text) labels[key] = text;
  else delete labels[key];
  return {...a, labels};
}

export function place(a, id, x, y) {
  return {...a, places: {...a.places, [id]: [Math.round(x), Math.round(y)]}};
}

/** Keeps what is pinned now under a name; what was kept under it goes. */
export function keep(a, name) {
  const {pinned, groups, places, numbers} = a;
  return {...a, circuits: {...a.circuits, [name]: {pinned, groups, places, numbers}}};
}

/** Keeps a circuit's numbers with it. */
export function judged(a, numbers) {
  return {...a, numbers};
}

/** Puts a kept circuit in the place of what is pinned. */
export function recall(a, name) {
  return a.circuits[name] ? {...a, ...a.circuits[name]} : a;
}

export function forget(a, name) {
  const {[name]: gone, ...circuits} = a.circuits;
  return gone ? {...a, circuits} : a;
}

export function tidy(a) {
  return {...a, places: {}};
}

function shrink(groups, gone) {
  return groups
    .map(group => ({...group, members: group.members.filter(id => !gone.has(id))}))
    .filter(group => group.members.length > 0);
}

/** From a file's qParams or from the page's address; ids that the graph doesn't have are left out. */
export function read(params, graph) {
  const own = params.headwater ?? {};
  const labels = {};
  for (const pair of list(params.clerps)) {
    if (Array.isArray(pair) && pair.length > 1 && pair[1]) labels[String(pair[0])] = String(pair[1]);
  }
  const circuits = Object.fromEntries(
    Object.entries(own.circuits ?? {})
      .filter(([, kept]) => kept && typeof kept === 'object')
      .map(([name, kept]) => [name, readCircuit(kept, kept, graph)]),
  );
  return {...readCircuit(params, own, graph), labels, circuits};
}

function readCircuit(params, own, graph) {
  const known = id => typeof id === 'string' && graph.node(id) !== undefined;
  const groups = list(params.supernodes)
    .filter(Array.isArray)
    .map(([text, ...members]) => ({label: String(text), members: [...new Set(members.filter(known))]}))
    .filter(group => group.members.length > 0)
    .map((group, i) => ({
      ...group,
      colour: COLOURS.includes(own.colours?.[group.members[0]])
        ? own.colours[group.members[0]]
        : COLOURS[i % COLOURS.length],
    }));
  const pinned = (typeof params.pinnedIds === 'string' ? params.pinnedIds.split(',') : list(params.pinnedIds)).filter(
    known,
  );
  const places = {};
  for (const [id, at] of Object.entries(own.places ?? {})) {
    if (Array.isArray(at) && at.length === 2 && at.every(Number.isFinite)) places[id] = at;
  }
  return pin(
    {pinned: [...new Set(pinned)], groups, places, numbers: readNumbers(own.numbers)},
    groups.flatMap(group => group.members),
  );
}

/** To a file's qParams, in the names of the field; what only we know goes into a member of its own. */
export function write(a) {
  const {pinnedIds, supernodes, ...own} = writeCircuit(a);
  const circuits = Object.fromEntries(Object.entries(a.circuits).map(([name, kept]) => [name, writeCircuit(kept)]));
  return {
    pinnedIds,
    supernodes,
    clerps: JSON.stringify(Object.entries(a.labels)),
    headwater: {...own, ...(Object.keys(circuits).length ? {circuits} : {})},
  };
}

function writeCircuit({pinned, groups, places, numbers}) {
  return {
    pinnedIds: pinned,
    supernodes: groups.map(group => [group.label, ...group.members]),
    colours: Object.fromEntries(groups.map(group => [group.members[0], group.colour])),
    places,
    ...(numbers ? {numbers} : {}),
  };
}

/** An array, also where it comes as JSON text; anything else is empty. */
function list(value) {
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value);
    } catch {
      return [];
    }
  }
  return Array.isArray(value) ? value : [];
}
