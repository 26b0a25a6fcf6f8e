import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  startingPruning,
  startingShare,
  suggestedCircuit,
} from '../../main/resources/dev/headwater/explorer/beginning.js';
import {flows} from '../../main/resources/dev/headwater/explorer/flows.js';
import {emptyRuns, layout} from '../../main/resources/dev/headwater/explorer/layout.js';
import {FEATURE, LOGIT} from '../../main/resources/dev/headwater/explorer/model.js';
import {frame} from '../../main/resources/dev/headwater/explorer/sharing.js';
import {made, sample} from './samples.js';

const dallas = sample('dallas-austin');

/** A long prompt with features at every tenth token and at the last. */
function long(tokens, layers) {
  const texts = Array.from({length: tokens}, (_, i) => (i ? ' word' + i : '<bos>'));
  const nodes = texts.flatMap((_, p) =>
    p % 10 === 3 || p === tokens - 1
      ? Array.from({length: layers}, (_, l) => [l, p * layers + l, p, ((p + l) % 97) / 100])
      : [],
  );
  return made(texts, nodes, []);
}

test('a short prompt fits its box, every name under its column', () => {
  const place = layout(dallas, 1200, 400, Array(11).fill(60), new Uint8Array(dallas.size).fill(1));
  assert.equal(place.width, 1200);
  assert.ok(place.level);
  for (const node of dallas.nodes.filter(each => each.kind !== LOGIT)) {
    const [a, b] = place.columns[node.position];
    assert.ok(place.x[node.index] > a && place.x[node.index] < b, node.id);
    const [top, bottom] = place.rows[node.row];
    assert.ok(place.y[node.index] > top && place.y[node.index] < bottom, node.id);
  }
});

for (const tokens of [341, 1200]) {
  test(`${tokens} tokens: columns keep room for a name, runs of empty ones are folded`, () => {
    const graph = long(tokens, 26);
    const shown = new Uint8Array(graph.size).fill(1);
    const runs = emptyRuns(graph, shown);
    assert.ok(runs.length >= tokens / 10 - 2);
    for (const [first, last] of runs)
      for (let p = first; p <= last; p++)
        assert.ok(!graph.nodes.some(node => node.kind === FEATURE && node.position === p));
    const place = layout(graph, 830, 320, Array(tokens).fill(60), shown, runs);
    const folded = new Set(
      runs.flatMap(([first, last]) => Array.from({length: last - first + 1}, (_, i) => first + i)),
    );
    place.columns.forEach(([a, b], p) => assert.ok(folded.has(p) || b - a >= 14.9, `column ${p}`));
    assert.ok(place.width > 830 && place.width < 15 * tokens);
  });
}

test('48 layers: the ends of the graph have room for their names', () => {
  const graph = long(48, 48);
  const {rows} = layout(graph, 830, 320, [], new Uint8Array(graph.size).fill(1));
  assert.equal(rows.length, 50);
  assert.ok(rows[0][1] - rows[0][0] >= 20 && rows[49][1] - rows[49][0] >= 20);
  assert.ok(Math.abs(rows[49][0]) < 1e-6 && Math.abs(rows[0][1] - 320) < 1e-6);
});

test('outputs stand apart enough for their names', () => {
  const {x} = layout(dallas, 1200, 400, Array(11).fill(60), new Uint8Array(dallas.size).fill(1));
  const places = dallas.nodes.filter(node => node.kind === LOGIT).map(node => x[node.index]);
  for (let i = 1; i < places.length; i++) assert.ok(places[i] - places[i - 1] >= 14.9);
});

test('a graph that can be read whole is shown whole, a large one begins with its strongest nodes and edges', () => {
  assert.equal(startingPruning(dallas), dallas.largestInfluence);
  const graph = long(341, 26);
  const shown = graph.visible(startingPruning(graph), true, new Set());
  const seen = graph.nodes.filter(node => node.kind === FEATURE && shown[node.index]);
  assert.ok(seen.length >= 150 && seen.length <= 250, `${seen.length} features`);
  assert.ok(startingShare(dallas) < 1 && dallas.edgesCovering(startingShare(dallas)) < 700);
});

test('the suggested circuit hangs together from the output down', () => {
  const ids = suggestedCircuit(dallas);
  assert.equal(ids[0], '7_3913_10');
  assert.equal(ids.filter(id => dallas.node(id).kind === FEATURE).length, 12);
  const chosen = new Set(ids.map(id => dallas.node(id).index));
  for (const index of chosen) {
    if (dallas.nodes[index].kind === LOGIT) continue;
    assert.ok(
      [...dallas.outputsOf(index)].some(edge => chosen.has(dallas.target[edge])),
      dallas.nodes[index].id,
    );
  }
  assert.deepEqual(suggestedCircuit(made(['a'], [[0, 1, 0]], [])), []);
});

test('a group’s inputs are those of its members from outside, summed', () => {
  const graph = made(
    ['a', ' b'],
    [
      [0, 1, 1],
      [0, 2, 1],
      [1, 3, 1],
    ],
    [
      ['E_0', '0_1_1', 1],
      ['E_0', '0_2_1', 2],
      ['E_1', '0_2_1', -1],
      ['0_1_1', '1_3_1', 3],
      ['0_2_1', '1_3_1', 1],
      ['E_0', '1_3_1', 4],
      ['1_3_1', 'OUT', 5],
    ],
  );
  const index = id => graph.node(id).index;
  const {inputs, outputs} = flows(graph, ['0_1_1', '0_2_1', '1_3_1'].map(index));
  assert.deepEqual(inputs, [
    {index: index('E_0'), weight: 7, share: 7 / 8},
    {index: index('E_1'), weight: -1, share: -1 / 8},
  ]);
  assert.deepEqual(outputs, [{index: index('OUT'), weight: 5, share: 1}]);
  // Of one node they are its edges.
  const one = flows(dallas, [dallas.node('3_1932_10').index]);
  assert.equal(one.inputs.length, dallas.inputsOf(dallas.node('3_1932_10').index).length);
});

test('features that fire everywhere can be left out', () => {
  const graph = made(['a'], [[0, 1, 0]], []);
  graph.nodes[0].density = 0.4;
  assert.equal(graph.visible(1, true, new Set(), 0.1)[0], 0);
  assert.equal(graph.visible(1, true, new Set(), 0.5)[0], 1);
  assert.equal(graph.visible(1, true, new Set([graph.nodes[0].id]), 0.1)[0], 1);
});

test('an address is quoted in the HTML of a frame', () => {
  assert.match(frame('http://x/?a="b&c'), /src="http:\/\/x\/\?a=&quot;b&amp;c"/);
});
