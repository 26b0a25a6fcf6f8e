import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  explained,
  firstLook,
  GraphHeads,
  hasHeads,
  scoresOf,
  sourceOf,
  tracingOf,
  wholeEdge,
} from '../../main/resources/dev/headwater/explorer/attention.js';
import {numbers, table} from '../../main/resources/dev/headwater/explorer/attention-export.js';
import {Questions} from '../../main/resources/dev/headwater/explorer/attention-questions.js';
import {Graph} from '../../main/resources/dev/headwater/explorer/model.js';
import {readChange} from '../../main/resources/dev/headwater/explorer/steer-heads.js';
import {command, watched} from '../../main/resources/dev/headwater/explorer/steering.js';
import {json, made, sample} from './samples.js';

const LINKS = [
  ['E_0', '0_1_1', 2],
  ['E_1', '0_1_1', 1],
  ['0_1_1', 'OUT', 4],
];

function small() {
  return made(
    ['a', ' b'],
    [
      [0, 1, 1, 0.5],
      [1, 2, 1, 0.6],
    ],
    LINKS,
  );
}

/** @type {{source: string, target: string, parts: [number, number, number][], rest: number}[]} */
const EDGES = [
  {
    source: 'E_0',
    target: '0_1_1',
    parts: [
      [0, 0, 1.5],
      [0, 3, -0.25],
    ],
    rest: 0.5,
  },
  {
    source: '0_1_1',
    target: 'OUT',
    parts: [[1, 2, 3]],
    rest: 0,
  },
];

test('a layer’s listed heads and its bypass sum to the edge', () => {
  const heads = new GraphHeads(small(), EDGES, 0.8);
  const edge = heads.edge('E_0', '0_1_1');
  assert.equal(edge.weight, 2);
  assert.equal(edge.whole, false);
  assert.deepEqual(edge.layers, [
    {
      layer: 0,
      bypass: 0.75,
      parts: [
        {head: 0, loading: 1.5},
        {head: 3, loading: -0.25},
      ],
    },
  ]);
  assert.equal(heads.edge('0_1_1', 'OUT').whole, true);
  assert.equal(heads.edge('E_1', '0_1_1'), null);
});

test('through some heads edges weigh what passed them, without them what did not', () => {
  const graph = small();
  const heads = new GraphHeads(graph, EDGES, 0.8);
  const only = heads.weigh('only', new Set(['0/0']));
  assert.deepEqual([...only.weight], [1.5, 0, 0]);
  assert.equal(only.edgeCount, 1);
  assert.equal(only.nodes, graph.nodes);
  assert.equal(only.share[0], 0.5, 'of all that flows in, not of what is left');
  assert.deepEqual([...only.inputsOf(graph.node('0_1_1').index)], [0]);
  assert.deepEqual([...only.inputsOf(graph.node('OUT').index)], []);
  const without = heads.weigh('without', new Set(['0/0', '1/2']));
  assert.deepEqual([...without.weight], [0.5, 1, 1]);
  assert.equal(graph.weight[0], 2, 'the graph itself stays');
  assert.equal(only.edgesCovering(0.9), 1);
});

test('heads are ranked by the influence that passes them', () => {
  const ranking = new GraphHeads(small(), EDGES, 0.8).ranking();
  assert.equal(`${ranking[0].layer}/${ranking[0].head}`, '1/2');
  assert.ok(ranking[0].influence > ranking[1].influence && ranking[1].influence > ranking[2].influence);
  const given = new GraphHeads(small(), EDGES, 0.8, [[4, 1, 0.5]]).ranking();
  assert.deepEqual(given, [{layer: 4, head: 1, influence: 0.5}]);
});

test('a file’s block is read, one that is not sound is passed over', () => {
  const file = json('dallas-austin');
  const [link] = file.links;
  file.attention_heads = {edges: [{source: link.source, target: link.target, parts: [[0, 1, 0.5]], rest: 0}]};
  assert.ok(GraphHeads.read(new Graph(file)).edge(link.source, link.target));
  file.attention_heads.edges[0].parts = [[0, 'x', 1]];
  assert.equal(GraphHeads.read(new Graph(file)), null);
  assert.equal(GraphHeads.read(sample('dallas-austin')), null);
});

test('the model’s answer lists every head, the strongest first', () => {
  const edge = wholeEdge({weight: 1, layers: [{layer: 2, bypass: 0.25, heads: [0.25, 0, 0.5]}]});
  assert.deepEqual(edge.layers[0].parts, [
    {head: 2, loading: 0.5},
    {head: 0, loading: 0.25},
  ]);
});

test('what is looked at first: the edge, the file’s score, the strongest key', () => {
  const graph = sample('dallas-austin');
  const head = {layer: 2, head: 0};
  assert.deepEqual(firstLook(graph, head, {source: '0_94_9', target: '7_3913_10'}, null), {query: 10, key: 9});
  const row = [0.9, 0.1, 0, 0, 0.3, 0, 0, 0, 0, 0.2, 0.8];
  assert.deepEqual(firstLook(graph, head, null, Array(11).fill(row)), {query: 10, key: 4});
  graph.attention = {scores: [{layer: 2, head: 0, query: 7, key: 3}]};
  assert.deepEqual(firstLook(graph, head, null, null), {query: 7, key: 3});
  assert.equal(scoresOf(graph, {layer: 1, head: 0}).length, 0);
});

test('scores are read from the file, from the model and in Neuronpedia’s form', () => {
  const score = explained({score: 1, query_sources: [{node: 'E_0', value: 2}], pairs: []});
  assert.deepEqual(score.query, [{node: 'E_0', value: 2}]);
  const traced = tracingOf({
    qk: {
      pair_wise_contributors: [['a', 'b', 0.5]],
      top_q_marginal_contributors: [['a', 2]],
      top_k_marginal_contributors: [],
    },
  });
  assert.deepEqual(traced.pairs, [{query: 'a', key: 'b', value: 0.5}]);
  assert.deepEqual(traced.query, [{node: 'a', value: 2}]);
  assert.equal(tracingOf({qk: null}), null);
});

test('nodes that the graph has left out have names too', () => {
  const graph = sample('dallas-austin');
  assert.equal(sourceOf(graph, '0_94_9').node.feature, 94);
  assert.equal(sourceOf(graph, '0_94_3').twin.feature, 94);
  assert.match(sourceOf(graph, 'E_77_9').number, /^Token 9 at “Dallas”/);
  assert.match(sourceOf(graph, '5_-1_2').number, /^Error of layer 5/);
  assert.equal(hasHeads(graph, graph.node('0_94_9').index, graph.node('7_3913_10').index), true);
  assert.equal(hasHeads(graph, graph.node('5_1320_10').index, graph.node('7_3913_10').index), false);
});

test('numbers become rows that a spreadsheet reads', () => {
  const shown = {
    of: 'dallas',
    edge: {source: 'E_0', target: 'a,b'},
    heads: new GraphHeads(small(), EDGES, 0.8).edge('E_0', '0_1_1'),
    head: {layer: 0, head: 0},
    look: {query: 1, key: 0},
    attention: [[1], [0.25, 0.75]],
    why: {
      score: explained({score: 3, key_sources: [{node: 'E_0', value: 2}], pairs: [{query: 'x', key: 'y', value: 1}]}),
    },
  };
  const rows = table(numbers(shown)).trimEnd().split('\n');
  assert.equal(rows[0], 'what,layer,head,query,key,node,other,value');
  assert.ok(rows.includes('loading,0,0,,,E_0,"a,b",1.5'), rows.join('\n'));
  assert.ok(rows.includes('attention,0,0,1,1,,,0.75'));
  assert.ok(rows.includes('key side,0,0,1,0,E_0,,2'));
  assert.ok(rows.includes('pair,0,0,1,0,x,y,1'));
});

test('changes of heads are read as people write them', () => {
  const model = {layers: 6, heads: 6};
  const read = (head, from = '', at = '', probability = '0') => readChange({head, from, at, probability}, model, 11);
  assert.deepEqual(read('2/0'), {layer: 2, head: 0});
  assert.deepEqual(read(' 2/0', '-1', '9', '0.5'), {layer: 2, head: 0, query: 10, key: 9, probability: 0.5});
  assert.match(String(read('2')), /layer\/head/);
  assert.match(String(read('6/0')), /no layer 6; the model’s are 0 to 5/);
  assert.match(String(read('0/6')), /no head 6/);
  assert.match(String(read('0/0', '11', '2')), /positions from 0 to 10/);
  assert.match(String(read('0/0', '3', '')), /positions from 0 to 10/);
  assert.match(String(read('0/0', '3', '4')), /can’t come after/);
  assert.match(String(read('0/0', '4', '3', '2')), /from 0 to 1/);
});

test('steering is also a command', () => {
  const graph = sample('dallas-austin');
  const model = {id: 'atlas', transcoders: ['atlas-plt', 'atlas-clt'], scans: ['atlas-plt', 'atlas-clt']};
  const said = command(graph, model, {
    edits: [{site: {layer: 0, position: 9, feature: 94}, value: -0.5, onward: true}],
    heads: [
      {layer: 2, head: 0},
      {layer: 3, head: 5, query: 10, key: 9, probability: 0},
    ],
    freezeAttention: false,
    newTokens: 12,
    temperature: 0,
    seed: 1,
  });
  assert.equal(
    said.replaceAll(' \\\n ', ''),
    "headwater intervene 'Fact: the capital of the state containing Dallas is' -m atlas -t atlas-plt --set 0/9:/94=-0.5 --knock-out 2/0 --force-attention 3/5/10/9=0 --freeze none --generate 12",
  );
  const nodes = watched(graph, [], new Uint8Array(graph.size).fill(1), [], [{layer: 4}]);
  assert.ok(nodes.length > 0 && nodes.every(node => node.layer >= 4));
});

test('the newest question of a kind is asked, the one before it is cancelled, answers are kept', async () => {
  const asked = [];
  let answered;
  const done = new Promise(resolve => (answered = resolve));
  const questions = new Questions(
    async (request, onStatus, signal) => {
      asked.push(request);
      return signal.aborted ? null : {twice: 2 * request.x};
    },
    () => answered(),
  );
  questions.about({}, 'dallas');
  questions.ask('edge', 'a', {x: 1}, answer => answer.twice);
  questions.ask('edge', 'b', {x: 2}, answer => answer.twice);
  assert.equal(questions.asking('edge', 'a'), null);
  assert.equal(questions.asking('edge', 'b'), 'Waiting for the model…');
  await done;
  assert.deepEqual(asked, [{graph: 'dallas', x: 2}]);
  assert.deepEqual(questions.known('edge', 'b'), {value: 4});
  questions.ask('edge', 'c', {x: 3}, answer => answer.twice);
  questions.cancel('edge');
  assert.deepEqual(questions.known('edge', 'c'), {cancelled: true});
  questions.about({}, 'other');
  assert.equal(questions.known('edge', 'b'), undefined);
});
