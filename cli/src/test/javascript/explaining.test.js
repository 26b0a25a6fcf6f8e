import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as notes from '../../main/resources/dev/headwater/explorer/annotations.js';
import {circuitOf, fits, markdown, shown} from '../../main/resources/dev/headwater/explorer/explaining.js';
import {readNumbers, rows, words} from '../../main/resources/dev/headwater/explorer/numbers.js';
import {sample} from './samples.js';

const graph = sample('dallas-austin');
const taken = {necessity: 0.956, sufficiency: 0.9, probabilityWithout: 0.0004, probabilityAlone: 0.989};
const result = {
  prompt: graph.prompt,
  answer: {token: 3913, text: ' Austin', rival: ' Texas', probability: 0.9997, margin: 8.17},
  features: 647,
  boxes: [
    {
      name: 'Dallas | [x]',
      position: 9,
      token: ' Dallas',
      members: [{feature: {layer: 0, position: 9, feature: 94}}, {feature: {layer: 1, position: 9, feature: 696}}],
      probabilityWithout: 0.94,
      necessity: 0.24,
    },
  ],
  flows: [{from: 'Dallas | [x]', to: 'answer', effect: -1.69}],
  circuit: {taken, partly: taken, turned: {...taken, necessity: 'NaN'}, live: taken},
  strongest: taken,
  random: {necessity: {mean: 0.3, lowest: -0.1, highest: 0.6}, sufficiency: {mean: 0.3, lowest: 0.1, highest: 0.6}},
  scores: {replacement: 0.1, completeness: 0.8},
  interventions: 1416,
  seconds: 1.8,
};

const card = {
  direct: {correlation: 1, relativeError: 0},
  total: {correlation: -0.5, relativeError: 'NaN'},
  layers: [],
  whole: {probability: 0.5, margin: -1, divergence: 0.2},
};

test('what is found becomes pins, groups and numbers, in one step, and loses nothing', () => {
  const circuit = circuitOf(graph, result);
  assert.deepEqual(circuit.pinned, ['0_94_9', '1_696_9', 'E_5352_9', '7_3913_10']);
  assert.deepEqual(
    circuit.groups.map(({label, members}) => [label, members]),
    [['Dallas | [x]', ['0_94_9', '1_696_9']]],
  );
  const mine = notes.group(notes.pin(notes.EMPTY, ['3_1932_10']), ['4_425_10'], 'mine');
  let a = shown(mine, circuit);
  assert.ok(fits(a.numbers, graph, a));
  assert.deepEqual(a.circuits['pinned before'].pinned, mine.pinned);
  assert.deepEqual(shown(a, circuit), a, 'the same again keeps nothing twice');
  assert.deepEqual(shown(notes.EMPTY, circuit).circuits, {}, 'nothing was pinned');
  assert.deepEqual(notes.read(notes.write(a), graph), a, 'the file keeps the numbers');
  a = notes.recall(notes.keep(a, 'found'), 'pinned before');
  assert.equal(a.numbers, null, 'they go with their circuit');
  assert.equal(notes.recall(a, 'found').numbers.circuit.taken.necessity, 0.956);
  assert.ok(!fits(circuit.numbers, graph, notes.pin({...a, ...circuit}, ['3_1932_10'])));
});

test('numbers are told in a table, in words and as markdown', () => {
  const {numbers} = circuitOf(graph, result);
  assert.deepEqual(rows(numbers)[0].values, ['0.96', '0.96', '0.30 (−0.10 to 0.60)']);
  assert.deepEqual(rows(numbers)[5].values[0], '–, 0.90');
  assert.match(words(numbers), /loses 96 % of the lead .* keeps 90 % /);
  const text = markdown(graph, numbers, {...card, members: [...numbers.members].reverse()}, null);
  assert.match(text, /\| Total effects \| −0.500 \| – \|/);
  assert.match(text, /\| all \| {2}\| 50 % \| −1.00 \| 0.200 \|/);
  assert.doesNotMatch(markdown(graph, numbers, {...card, members: []}, null), /Total effects/);
  assert.match(text, /^# \\<bos\\>Fact: the capital/);
  assert.match(text, /\| Dallas \\\| \\\[x\\\] \| {2}Dallas \| −1.69 \| 0.24 \| 94 % \|/);
  assert.match(text, /647 features\. 1,416 interventions in 1\.80 s\./);
});

test('numbers of hostile files are unknown', () => {
  for (const wrong of [null, 7, {}, {members: 'x', circuit: {}}, {members: [], circuit: null}])
    assert.equal(readNumbers(wrong), null);
  const read = readNumbers({
    members: ['a', 7, {}],
    circuit: {taken: {necessity: Infinity, sufficiency: '1'}, partly: null},
    answer: null,
    random: null,
    boxes: [null, {name: {}, necessity: []}],
    scores: 'x',
    features: '7',
  });
  assert.deepEqual(read.members, ['a']);
  assert.equal(read.circuit.taken.necessity, null);
  assert.equal(read.boxes[1].name, '');
  assert.equal(rows(read)[0].values[0], '–');
  assert.match(words(read), /–/);
});
