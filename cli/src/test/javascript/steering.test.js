import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  edits,
  effects,
  positions,
  shareOfOriginal,
  siteOf,
  watched,
} from '../../main/resources/dev/headwater/explorer/steering.js';
import {check, parse} from '../../main/resources/dev/headwater/explorer/target-fields.js';
import {templateOptions} from '../../main/resources/dev/headwater/explorer/prompt-fields.js';
import {origin} from '../../main/resources/dev/headwater/explorer/new-graph.js';
import {sample} from './samples.js';

const graph = sample('dallas-austin');

test('positions are read as people write them', () => {
  assert.deepEqual(positions('3', 11), [3]);
  assert.deepEqual(positions(' 7, 2-4 ,-1', 11), [2, 3, 4, 7, 10]);
  assert.deepEqual(positions('', 11), []);
  assert.equal(positions('all', 3).length, 3);
  for (const wrong of ['x', '11', '5-2', '1.5', '-12', '3;4']) assert.equal(positions(wrong, 11), null, wrong);
});

test('a feature is set at every position asked for, onward from the last', () => {
  const site = {layer: 3, position: 10, feature: 1932};
  assert.deepEqual(edits(site, 2, [], true), [{site, value: 2, onward: true}]);
  assert.deepEqual(
    edits(site, 2, [4, 9], true).map(edit => [edit.site.position, edit.onward]),
    [
      [4, false],
      [9, true],
    ],
  );
});

test('what was set is what is shown, and outputs change by their probability', () => {
  const node = graph.node('3_1932_10');
  const changes = edits(siteOf(node), -0.127, [], false);
  const nodes = watched(graph, changes, new Uint8Array(graph.size), ['5_1320_10']);
  assert.deepEqual(
    nodes.map(each => each.id),
    ['3_1932_10', '5_1320_10'],
  );
  const outcome = (activations, probability) => ({activations, next: [{id: 3913, token: ' Austin', probability}]});
  const found = effects(graph, nodes, changes, {original: outcome([0.127, 2], 0.99), steered: outcome([0, 1], 0.11)});
  assert.deepEqual(found.get('3_1932_10'), [0.127, -0.127]);
  assert.equal(shareOfOriginal([graph.node('5_1320_10')], found), 0.5);
  assert.equal(shareOfOriginal([graph.node('7_3913_10')], found), 0.11 / 0.99);
  assert.equal(shareOfOriginal([graph.node('E_5352_9')], found), null);
});

test('targets are lists, a line each, blanks kept', () => {
  assert.deepEqual(parse('tokens', ' Austin\nAustin\n'), {tokens: [' Austin', 'Austin']});
  assert.equal(parse('next', 'x'), null);
  assert.equal(check('difference', ' a\n b'), '');
  assert.match(check('difference', ' a'), /here are 1/);
  assert.match(check('features', '2/10'), /layer\/position\/number/);
  assert.equal(check('features', '2/10/607\n3/1/2'), '');
});

test('a graph’s prompt is taken without the token that the model puts before it', () => {
  assert.deepEqual(origin(graph).prompt, {text: 'Fact: the capital of the state containing Dallas is'});
  assert.equal(origin(graph).scan, 'atlas-plt');
});

test('a concept has two sides with a dash between them', () => {
  assert.deepEqual(parse('concept', ' Austin\n Sacramento\n-\n Texas\n'), {
    concept: [' Austin', ' Sacramento'],
    minus: [' Texas'],
  });
  assert.equal(check('concept', ' Austin\n-\n Texas'), '');
  assert.match(check('concept', ' Austin'), /line with a dash/);
});

test('template options are names with JSON values, or texts', () => {
  assert.deepEqual(templateOptions('enable_search=false, depth=3, tone=kind'), {
    enable_search: false,
    depth: 3,
    tone: 'kind',
  });
  assert.deepEqual(templateOptions(''), {});
});
