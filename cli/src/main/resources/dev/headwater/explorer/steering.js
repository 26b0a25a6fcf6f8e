// What steering asks for and what comes of it, without a page: edits of features at positions, their effects on nodes and boxes.

import {FEATURE, LOGIT} from './model.js';
import {origin} from './new-graph.js';

const MOST_WATCHED = 300;

/** @typedef {{layer: number, position: number, feature: number}} Site */
/** @typedef {{activations: number[], next: {id: number, probability: number}[]}} Outcome */

/** Features that can be steered. */
export function steerable(node) {
  return node.kind === FEATURE && node.activation !== null && node.feature >= 0;
}

export function siteOf(node) {
  return {layer: node.layer, position: node.position, feature: node.feature};
}

export function keyOf({layer, position, feature}) {
  return `${layer}/${position}/${feature}`;
}

/**
 * Positions as people write them: "3", "2, 5-7", "all"; negative ones count from the end.
 *
 * @returns {number[] | null} ascending; empty for an empty text, null if it can't be read
 */
export function positions(text, count) {
  const found = new Set();
  if (text.trim() === 'all') return Array.from({length: count}, (_, i) => i);
  for (const part of text.split(',').map(each => each.trim())) {
    if (part === '') continue;
    const match = /^(-?\d+)(?:\s*[-–:]\s*(-?\d+))?$/.exec(part);
    if (!match) return null;
    const [low, high] = [match[1], match[2] ?? match[1]].map(each =>
      Number(each) < 0 ? count + Number(each) : Number(each),
    );
    if (low < 0 || high >= count || low > high) return null;
    for (let i = low; i <= high; i++) found.add(i);
  }
  return [...found].sort((a, b) => a - b);
}

/**
 * Edits of a feature.
 *
 * @param {Site} site       where it is
 * @param {(position: number) => {value: number} | {from: object}} change what it is set to at a position
 * @param {number[]} places positions to set it at; its own if there are none
 * @param {boolean} onward  also at every later position
 */
export function edits(site, change, places, onward) {
  const at = places.length ? places : [site.position];
  return at.map((position, i) => ({
    site: {...site, position},
    ...change(position),
    onward: onward && i === at.length - 1,
  }));
}

/**
 * Features worth watching: those edited, the pinned ones, then those that matter most from the lowest edited layer up.
 *
 * @param {import('./model.js').Graph} graph
 * @param {{site: Site}[]} changes
 * @param {{layer: number}[]} heads that are changed
 */
export function watched(graph, changes, shown, pinned, heads = []) {
  const edited = new Set(changes.map(edit => keyOf(edit.site)));
  const lowest = Math.min(...changes.map(edit => edit.site.layer), ...heads.map(head => head.layer));
  const rank = node => (edited.has(keyOf(siteOf(node))) ? 2 : pinned.includes(node.id) ? 1 : 0);
  return graph.nodes
    .filter(node => steerable(node) && (rank(node) > 0 || (node.layer >= lowest && shown[node.index])))
    .sort((a, b) => rank(b) - rank(a) || graph.through[b.index] - graph.through[a.index])
    .slice(0, MOST_WATCHED);
}

/**
 * What steering did to each node: its activation, or an output's probability, before and after.
 *
 * @param {{original: Outcome, steered: Outcome, set: {site: Site, before: number, after: number}[]}} result
 * @returns {Map<string, [number, number]>} by node id
 */
export function effects(graph, nodes, result) {
  const {original, steered, set: given} = result;
  const set = new Map(given.map(({site, after}) => [keyOf(site), after]));
  const found = new Map();
  // What was set counts, not what the encoder would say of the changed text.
  nodes.forEach((node, i) =>
    found.set(node.id, [original.activations[i], set.get(keyOf(siteOf(node))) ?? steered.activations[i]]),
  );
  const after = new Map(steered.next.map(entry => [String(entry.id), entry.probability]));
  for (const {id, probability} of original.next) {
    const node = graph.nodes.find(
      each =>
        each.kind === LOGIT && each.key === String(id) && !each.target && each.position === graph.tokens.length - 1,
    );
    if (node) found.set(node.id, [probability, after.get(String(id)) ?? 0]);
  }
  return found;
}

/**
 * What does the same on the command line.
 *
 * @param {{id: string, transcoders: string[], scans: string[]}} model that made the graph
 * @param request as the server takes it: edits, heads, freezeAttention, newTokens, temperature, seed, samples
 * @param {{site: Site, after: number}[]} set what the edits set
 */
export function command(graph, model, request, set = []) {
  const {edits: changes, heads, freezeAttention, newTokens, temperature, seed, samples = 1} = request;
  const values = new Map(set.map(({site, after}) => [keyOf(site), after]));
  const {prompt} = origin(graph);
  const words = ['headwater intervene', quoted(prompt.text), `-m ${quoted(model.id)}`];
  words.push(`-t ${quoted(model.transcoders[model.scans.indexOf(graph.scan)] ?? graph.scan)}`);
  for (const {site, value, onward} of changes)
    words.push(
      `--set ${site.layer}/${site.position}${onward ? ':' : ''}/${site.feature}=${value ?? values.get(keyOf(site))}`,
    );
  for (const {layer, head, query, key, probability} of heads)
    words.push(
      query === undefined
        ? `--knock-out ${layer}/${head}`
        : `--force-attention ${layer}/${head}/${query}/${key}=${probability}`,
    );
  if (!freezeAttention) words.push('--freeze none');
  if (newTokens > 0) words.push(`--generate ${newTokens}`);
  if (newTokens > 0 && temperature > 0)
    words.push(`--temperature ${temperature} --seed ${seed}${samples > 1 ? ` --samples ${samples}` : ''}`);
  return words.join(' \\\n  ');
}

/** For a shell. */
function quoted(text) {
  return /^[\w./:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A box's share of what it was: the sum over its members after by that before; null where none is known. */
export function shareOfOriginal(members, found) {
  const known = members.map(node => found.get(node.id)).filter(Boolean);
  const before = known.reduce((sum, pair) => sum + pair[0], 0);
  return known.length && before > 0 ? known.reduce((sum, pair) => sum + pair[1], 0) / before : null;
}
