// What a graph's file or the model says of attention heads, without a page: by edge, by head, by score.

import {ERROR, FEATURE, LOGIT, TOKEN} from './model.js';
import {word} from './format.js';

/**
 * @typedef {{layer: number, head: number}} Head
 * @typedef {{head: number, loading: number}} Part
 * @typedef {{weight: number, whole: boolean, rest: number, layers: {layer: number, bypass: number, parts: Part[]}[]}} EdgeHeads
 *   whole: every head is listed; else a layer's bypass holds its unlisted heads too
 * @typedef {{node: string, value: number}} Source
 * @typedef {{score?: number, attention?: number, mean?: number, query: Source[], key: Source[], relative: Source[],
 *   rest: {query: number, key: number} | null, pairs: {query: string, key: string, value: number}[]}} Explained
 */

const HEADS = 1 << 12; // more layers, and more heads in a layer, than any model has
const SMALLEST = 1e-6; // of an edge's weight; less than that passed no head that was chosen

export function keyOf({layer, head}) {
  return `${layer}/${head}`;
}

/** A head from {@link keyOf}. @returns {Head} */
export function headOf(key) {
  const [layer, head] = key.split('/').map(Number);
  return {layer, head};
}

const isHead = number => Number.isInteger(number) && number >= 0 && number < HEADS;

/** Which heads a graph's edges passed, as a file or the model says: of each edge the strongest, and what all others passed. */
export class GraphHeads {
  /**
   * @param {import('./model.js').Graph} graph
   * @param {{source: string, target: string, parts: [number, number, number][], rest: number}[]} edges
   * @param {number} share of an edge's loadings that are listed
   * @param {[number, number, number][]} influence of heads, if it is known: layer, head, share
   */
  constructor(graph, edges, share, influence = null) {
    this.graph = graph;
    this.share = share;
    this.ranked = influence?.map(([layer, head, share]) => ({layer, head, influence: share})) ?? null;
    const n = graph.size;
    const listed = new Map(
      edges.map(edge => [(graph.node(edge.source)?.index ?? n) * n + (graph.node(edge.target)?.index ?? n), edge]),
    );
    /** by the edge's number, or undefined */
    this.of = Array.from(graph.source, (source, e) => listed.get(source * n + graph.target[e]));
    this.flatten();
  }

  /** Lays the parts of all edges out in a row, since half a million edges are summed at a click. */
  flatten() {
    const numbers = new Map();
    let count = 0;
    for (const edge of this.of) count += edge?.parts.length ?? 0;
    this.start = new Uint32Array(this.of.length + 1);
    this.loading = new Float64Array(count);
    this.number = new Uint32Array(count);
    /** heads by their number, as {@link keyOf} writes them */
    this.keys = [];
    let p = 0;
    this.of.forEach((edge, e) => {
      for (const [layer, head, loading] of edge?.parts ?? []) {
        const packed = layer * HEADS + head;
        if (!numbers.has(packed)) numbers.set(packed, this.keys.push(keyOf({layer, head})) - 1);
        this.number[p] = numbers.get(packed);
        this.loading[p++] = loading;
      }
      this.start[e + 1] = p;
    });
  }

  /** Those that a graph's file holds, or null. */
  static read(graph) {
    const block = graph.attention;
    if (!block || !Array.isArray(block.edges) || block.edges.length === 0) return null;
    const sound = block.edges.every(
      edge =>
        Array.isArray(edge?.parts) &&
        edge.parts.every(part => part?.length === 3 && isHead(part[0]) && isHead(part[1]) && Number.isFinite(part[2])),
    );
    return sound ? new GraphHeads(graph, block.edges, block.share ?? 1, block.influence ?? null) : null;
  }

  /** Heads by the share of the influence on the graph's edges that passes them, the most first. */
  ranking() {
    return (this.ranked ??= this.rank());
  }

  rank() {
    const {graph, start, number, loading} = this;
    const sums = new Float64Array(this.keys.length);
    let all = 0;
    for (let e = 0; e < this.of.length; e++) {
      const score = Math.abs(graph.share[e]) * graph.through[graph.target[e]];
      const each = score / (Math.abs(graph.weight[e]) || 1);
      all += score;
      for (let p = start[e]; p < start[e + 1]; p++) sums[number[p]] += each * Math.abs(loading[p]);
    }
    return this.keys
      .map((key, i) => ({...headOf(key), influence: sums[i] / (all || 1)}))
      .sort((a, b) => b.influence - a.influence);
  }

  /**
   * The graph with edges that weigh what passed some heads, or what is left without them. A path through two of them counts twice.
   *
   * @param {'only' | 'without'} mode
   * @param {Set<string>} chosen by {@link keyOf}
   */
  weigh(mode, chosen) {
    const {graph, start, number, loading} = this;
    const counts = Uint8Array.from(this.keys, key => (chosen.has(key) ? 1 : 0));
    const weight = new Float32Array(graph.weight.length);
    for (let e = 0; e < weight.length; e++) {
      let passed = 0;
      for (let p = start[e]; p < start[e + 1]; p++) if (counts[number[p]]) passed += loading[p];
      const left = mode === 'only' ? passed : graph.weight[e] - passed;
      weight[e] = Math.abs(left) > SMALLEST * Math.abs(graph.weight[e]) ? left : 0;
    }
    return graph.reweighed(weight);
  }

  /** The heads of an edge by layer; null where nothing is listed. @returns {EdgeHeads | null} */
  edge(source, target) {
    const e = edgeOf(this.graph, source, target);
    const listed = e < 0 ? undefined : this.of[e];
    if (!listed) return null;
    const weight = this.graph.weight[e];
    const layers = new Map();
    for (const [layer, head, loading] of listed.parts) {
      if (!layers.has(layer)) layers.set(layer, {layer, bypass: weight, parts: []});
      const at = layers.get(layer);
      at.parts.push({head, loading});
      at.bypass -= loading;
    }
    return {
      weight,
      whole: Math.abs(listed.rest) <= SMALLEST * Math.abs(weight),
      rest: listed.rest,
      layers: [...layers.values()].sort((a, b) => a.layer - b.layer),
    };
  }
}

/** The number of an edge by its ends' ids, −1 if there is none. */
export function edgeOf(graph, source, target) {
  const from = graph.node(source),
    to = graph.node(target);
  if (!from || !to) return -1;
  return Array.from(graph.outputsOf(from.index)).find(e => graph.target[e] === to.index) ?? -1;
}

/** The heads of an edge as the model told them: every head of every layer between the ends. @returns {EdgeHeads} */
export function wholeEdge({weight, layers}) {
  return {
    weight,
    whole: true,
    rest: 0,
    layers: layers.map(({layer, bypass, heads}) => ({
      layer,
      bypass,
      parts: heads
        .map((loading, head) => ({head, loading}))
        .filter(part => Math.abs(part.loading) > SMALLEST * Math.abs(weight))
        .sort((a, b) => Math.abs(b.loading) - Math.abs(a.loading)),
    })),
  };
}

/** A score as the file or the model has it. @returns {Explained} */
export function explained(score) {
  return {
    score: score.score,
    attention: score.attention,
    mean: score.mean,
    query: score.query_sources ?? [],
    key: score.key_sources ?? [],
    relative: score.relative_sources ?? [],
    rest: score.rest ?? null,
    pairs: score.pairs ?? [],
  };
}

/** The file's scores of a head. */
export function scoresOf(graph, head) {
  const scores = graph.attention?.scores;
  return Array.isArray(scores) && head
    ? scores.filter(score => score.layer === head.layer && score.head === head.head)
    : [];
}

/** What the file says of why a node's attention looks where it looks, in Neuronpedia's form; null if nothing. @returns {Explained | null} */
export function tracingOf(node) {
  const results = node?.qk;
  if (!results) return null;
  const sources = list => (Array.isArray(list) ? list : []).map(([id, value]) => ({node: id, value}));
  return {
    query: sources(results.top_q_marginal_contributors),
    key: sources(results.top_k_marginal_contributors),
    relative: [],
    rest: null,
    pairs: (Array.isArray(results.pair_wise_contributors) ? results.pair_wise_contributors : []).map(
      ([query, key, value]) => ({query, key, value}),
    ),
  };
}

/**
 * Where to look first with a head: where the file has explained it; along the selected edge; else from the last token to what it looks at
 * most, its own place and the first one left out, where heads rest.
 *
 * @param {Float32Array[] | number[][] | null} attention by query, at the keys up to it
 */
export function firstLook(graph, head, edge, attention) {
  const [score] = scoresOf(graph, head);
  if (edge) {
    const key = graph.node(edge.source).position,
      query = graph.node(edge.target).position;
    if (key < query) return {query, key};
  }
  if (score) return {query: score.query, key: score.key};
  const query = graph.tokens.length - 1;
  const row = attention?.[query];
  if (!row || query < 2) return {query, key: Math.max(0, query - 1)};
  let key = 1;
  for (let k = 1; k < query; k++) if (row[k] > row[key]) key = k;
  return {query, key};
}

/** What a node is called that the graph may have left out. */
export function sourceOf(graph, id) {
  const node = graph.node(id);
  if (node) return {node, kind: node.kind, number: ''};
  const [layer, feature, position] = id.split('_');
  const at = `at “${word(graph.textAt(Number(position)))}”`;
  if (layer === 'E') return {node: null, kind: TOKEN, number: `Token ${position} ${at}`};
  if (feature === '-1') return {node: null, kind: ERROR, number: `Error of layer ${layer} ${at}`};
  const twin = graph.nodes.find(
    each => each.kind === FEATURE && String(each.layer) === layer && String(each.feature) === feature,
  );
  return {node: null, kind: FEATURE, twin, number: `${layer}/${feature} ${at}, not in the graph`};
}

/** Edges of a node that attention may lie between: those that are not within one layer's MLP. */
export function hasHeads(graph, source, target) {
  const from = graph.nodes[source],
    to = graph.nodes[target];
  const last = to.kind === LOGIT ? graph.layers - 1 : to.layer;
  return from.kind !== LOGIT && (from.kind === TOKEN ? -1 : from.layer) < last;
}
