// The attribution graph of a file, ready to be asked: nodes as objects, edges in typed arrays by target and by source.

import {behind} from './prompts.js';
import {words} from './tokens.js';

export const FEATURE = 0,
  ERROR = 1,
  TOKEN = 2,
  LOGIT = 3;
const DIGIT = 16; // bits that a pass of sorting takes
export const KINDS = ['feature', 'error', 'token', 'output'];

/**
 * One node. row: 0 for tokens, layer + 1 for features and errors, the highest for outputs. key: what labels go by, the same for
 * all positions of a feature.
 */
export class GraphNode {
  constructor(raw, index, kind) {
    this.index = index;
    this.id = raw.node_id;
    this.kind = kind;
    this.position = raw.ctx_idx;
    this.layer = raw.layer === 'E' ? -1 : Number(raw.layer);
    this.row = 0;
    this.key = String(raw.feature);
    this.feature = -1;
    this.clerp = raw.clerp ?? '';
    /** @type {number} share of the corpus' tokens on which a feature fires, if that is known */
    this.density = null;
    /** @type {string[]} what a feature says, if that is known */
    this.topLogits = [];
    this.defaultLabel = '';
    this.token = '';
    /** what an output stands for if it is no token: a feature, a direction */
    this.target = '';
    this.probability = raw.token_prob ?? 0;
    /** @type {number} share of all influence that this node and those of more influence have together */
    this.influence = raw.influence ?? null;
    /** @type {number} share of all influence that it has by itself */
    this.ownInfluence = null;
    /** @type {number} 1 for the most influential */
    this.rank = null;
    this.activation = raw.activation ?? null;
    /** what the file says of why attention looks here, as Neuronpedia has it */
    this.qk = raw.qk_tracing_results ?? null;
  }

  get isFeature() {
    return this.kind === FEATURE;
  }
}

export class Graph {
  /** @param json a graph file of schema version 0 or 1, with either spelling of error nodes */
  constructor(json) {
    const meta = json.metadata;
    /** the graph itself, where this is one with other weights of the edges */
    this.whole = this;
    this.slug = meta.slug;
    this.scan = meta.scan;
    this.metadata = meta;
    this.prompt = meta.prompt;
    this.tokens = meta.prompt_tokens;
    this.words = words(this.tokens, this.prompt ?? '');
    this.qParams = json.qParams ?? {};
    this.attention = json.attention_heads ?? null;
    /** of an edge in a circuit of many prompts: which of them are behind it */
    this.behind = behind(json.merged_circuit);
    this.readNodes(json.nodes, meta.schema_version ?? 0);
    this.readLinks(json.links);
    this.computeInfluence();
  }

  get size() {
    return this.nodes.length;
  }

  get edgeCount() {
    return this.edgesByScore.length;
  }

  node(id) {
    return this.byId.get(id);
  }

  /** The text at a position; where a character is cut into several tokens, all of it. */
  textAt(position) {
    return this.words[position]?.text ?? '';
  }

  readNodes(raw, schema) {
    this.nodes = raw.map((node, index) => new GraphNode(node, index, kindOf(node.feature_type)));
    this.byId = new Map();
    this.twins = new Map();
    const layers = this.nodes.filter(n => n.kind === FEATURE || n.kind === ERROR).map(n => n.layer);
    this.layers = Math.max(0, ...new Set(layers)) + 1;
    this.rows = this.layers + 2;
    for (const node of this.nodes) {
      node.row =
        node.kind === TOKEN ? 0 : node.kind === LOGIT ? this.layers + 1 : Math.min(node.layer + 1, this.layers);
      if (node.kind === FEATURE) node.feature = indexInLayer(node, schema);
      if (node.kind === TOKEN) node.token = this.textAt(node.position);
      if (node.kind === LOGIT) this.readOutput(node);
      const other = this.byId.get(node.id);
      if (other) {
        // Early files name an error node 0_<layer>_<position>, as if it were feature <layer> of layer 0.
        const error = node.kind === ERROR ? node : other;
        this.byId.set(node.id, error === node ? other : node);
        this.twins.set(node.id, error);
        error.id = `${error.layer}_-1_${error.position}`;
        this.byId.set(error.id, error);
      } else {
        this.byId.set(node.id, node);
      }
    }
  }

  readOutput(node) {
    const match = /^Output "([^]*)" \(p=([\d.e-]+)\)/.exec(node.clerp);
    if (match) {
      node.token = match[1];
      node.probability ||= Number(match[2]);
    } else {
      node.token = node.clerp || '#' + node.key;
    }
    const target = /^Target (.+)$/s.exec(node.clerp) ?? /^(feature \d+\/\d+ at position \d+)$/.exec(node.token);
    if (target) node.target = target[1];
  }

  readLinks(links) {
    const n = this.nodes.length;
    const source = new Int32Array(links.length),
      target = new Int32Array(links.length),
      weight = new Float32Array(links.length);
    const seen = new Set();
    let m = 0;
    for (const link of links) {
      let from = this.byId.get(link.source);
      const to = this.byId.get(link.target);
      if (!from || !to) continue;
      if (this.twins.has(link.source)) {
        // A target lists its features before its errors, so the second of two equal names is the error's.
        const pair = link.source + '>' + link.target;
        if (seen.has(pair)) from = this.twins.get(link.source);
        seen.add(pair);
      }
      source[m] = from.index;
      target[m] = to.index;
      weight[m++] = link.weight;
    }
    this.source = source.subarray(0, m);
    this.target = target.subarray(0, m);
    this.weight = weight.subarray(0, m);
    this.inputSum = new Float64Array(n);
    for (let e = 0; e < m; e++) this.inputSum[target[e]] += Math.abs(weight[e]);
    this.arrange();
  }

  /** Shares of the edges, and which edges each node has: those that weigh something, the strongest first. */
  arrange() {
    const {weight, target} = this;
    this.share = new Float32Array(weight.length);
    for (let e = 0; e < weight.length; e++) this.share[e] = weight[e] / (this.inputSum[target[e]] || 1);
    const order = descending(weight.map(Math.abs));
    let some = order.length;
    while (some > 0 && weight[order[some - 1]] === 0) some--;
    const strongestFirst = order.subarray(0, some);
    this.inputs = adjacency(this.target, this.nodes.length, strongestFirst);
    this.outputs = adjacency(this.source, this.nodes.length, strongestFirst);
  }

  /** The same nodes with other weights of the edges. Shares are still of all that flowed into a node; influence stays as it is. */
  reweighed(weight) {
    const other = Object.create(this);
    other.weight = weight;
    other.arrange();
    other.rankEdges();
    return other;
  }

  /** Influence on the outputs within this graph, and from it each edge's score; one pass from the outputs down. */
  computeInfluence() {
    const n = this.nodes.length;
    const logits = this.nodes.filter(node => node.kind === LOGIT);
    const total = logits.reduce((sum, node) => sum + node.probability, 0);
    this.goal = new Float64Array(n);
    for (const node of logits) this.goal[node.index] = total > 0 ? node.probability / total : 1 / logits.length;
    this.topDown = Int32Array.from(this.nodes.keys()).sort((a, b) => this.nodes[b].row - this.nodes[a].row);
    const through = Float64Array.from(this.goal);
    for (const t of this.topDown) {
      if (through[t] === 0) continue;
      for (const e of this.inputsOf(t)) through[this.source[e]] += through[t] * Math.abs(this.share[e]);
    }
    this.through = through;
    this.rankEdges();
    if (this.nodes.every(node => node.influence === null)) this.estimateCumulativeInfluence();
    this.largestInfluence = this.nodes.reduce((most, node) => Math.max(most, node.influence ?? 0), 0);
    this.rankNodes();
  }

  rankEdges() {
    const {through, weight} = this;
    const m = weight.length;
    const score = new Float64Array(m);
    for (let e = 0; e < m; e++) score[e] = Math.abs(this.share[e]) * through[this.target[e]];
    this.edgesByScore = descending(score).filter(e => weight[e] !== 0);
    const cumulative = new Float32Array(this.edgesByScore.length);
    let sum = 0;
    this.edgesByScore.forEach((e, i) => {
      sum += score[e];
      cumulative[i] = sum;
    });
    for (let i = 0; i < cumulative.length; i++) cumulative[i] /= sum || 1;
    this.cumulativeScore = cumulative;
  }

  /**
   * Each node's own influence and its rank, from the cumulative one: a node's own is what it adds to those above it. Nodes that were
   * pruned away leave gaps, but none has more than the one above it.
   */
  rankNodes() {
    const sorted = this.nodes
      .filter(node => node.influence !== null && node.kind !== LOGIT)
      .sort((a, b) => a.influence - b.influence || this.through[b.index] - this.through[a.index]);
    let before = 0,
      most = Infinity;
    sorted.forEach((node, i) => {
      node.rank = i + 1;
      node.ownInfluence = most = Math.min(most, node.influence - before);
      before = node.influence;
    });
    this.ranked = sorted.length;
  }

  /** For files without influence: the share of all influence that a node and those above it cover. */
  estimateCumulativeInfluence() {
    const sorted = this.nodes
      .filter(node => node.kind !== LOGIT)
      .sort((a, b) => this.through[b.index] - this.through[a.index]);
    const total = sorted.reduce((sum, node) => sum + this.through[node.index], 0) || 1;
    let sum = 0;
    for (const node of sorted) node.influence = (sum += this.through[node.index]) / total;
  }

  /** Takes in what the evidence says of the features, by their keys: label, top (tokens they raise), density. */
  describe(evidence) {
    for (const node of this.nodes) {
      const said = node.kind === FEATURE ? evidence[node.key] : undefined;
      if (!said) continue;
      node.defaultLabel = said.label ?? '';
      node.topLogits = said.top ?? [];
      node.density = said.density ?? null;
    }
  }

  /** Edges into a node, the strongest first. */
  inputsOf(index) {
    return this.inputs.edges.subarray(this.inputs.start[index], this.inputs.start[index + 1]);
  }

  /** Edges out of a node, the strongest first. */
  outputsOf(index) {
    return this.outputs.edges.subarray(this.outputs.start[index], this.outputs.start[index + 1]);
  }

  /** How many of {@link edgesByScore} cover this share of all edges' scores. */
  edgesCovering(share) {
    if (share >= 1) return this.edgesByScore.length;
    let low = 0,
      high = this.cumulativeScore.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.cumulativeScore[middle] < share) low = middle + 1;
      else high = middle;
    }
    return Math.min(low + 1, this.edgesByScore.length);
  }

  /** Nodes that a pruning threshold, the choice about errors and a largest density leave, as 0 and 1; pinned ones always stay. */
  visible(threshold, showErrors, pinned, density = 1) {
    const shown = new Uint8Array(this.nodes.length);
    for (const node of this.nodes) {
      const kept =
        node.kind === TOKEN || node.kind === LOGIT || node.influence === null || node.influence <= threshold + 1e-9;
      const sparse = node.density === null || node.density <= density || density >= 1;
      shown[node.index] = pinned.has(node.id) || (kept && sparse && (showErrors || node.kind !== ERROR)) ? 1 : 0;
    }
    return shown;
  }
}

function kindOf(type) {
  if (type === 'embedding') return TOKEN;
  if (type === 'logit') return LOGIT;
  return type.includes('error') ? ERROR : FEATURE;
}

/** From the node's id; else from its number: Cantor's pairing, or before schema 1 the layer and five digits. */
function indexInLayer(node, schema) {
  const match = /^(\d+)_(\d+)_\d+$/.exec(node.id);
  if (match) return Number(match[2]);
  const number = Number(node.key);
  if (!Number.isSafeInteger(number) || number < 0) return -1;
  if (schema === 0) return number % 100000;
  const sum = Math.floor((Math.sqrt(8 * number + 1) - 1) / 2);
  return number - (sum * (sum + 1)) / 2;
}

/** Edges by one of their ends, in the given order. */
function adjacency(end, n, order) {
  const start = new Int32Array(n + 1);
  for (const e of order) start[end[e] + 1]++;
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const edges = new Int32Array(order.length),
    next = start.slice(0, n);
  for (const e of order) edges[next[end[e]]++] = e;
  return {start, edges};
}

/**
 * Indices of values that are not negative, the largest first, equal ones in their order. A float's bits are in the order of its value, so
 * they are counted and laid out, the lower half and then the upper: half a million edges take a tenth of what comparisons would.
 */
function descending(values) {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  let order = Uint32Array.from(bits.keys()),
    next = new Uint32Array(bits.length);
  for (const shift of [0, DIGIT]) {
    const start = new Uint32Array((1 << DIGIT) + 1);
    const place = i => (~bits[i] >>> shift) & ((1 << DIGIT) - 1);
    for (let i = 0; i < bits.length; i++) start[place(i) + 1]++;
    for (let d = 0; d < 1 << DIGIT; d++) start[d + 1] += start[d];
    for (let i = 0; i < order.length; i++) next[start[place(order[i])]++] = order[i];
    [order, next] = [next, order];
  }
  return order;
}
