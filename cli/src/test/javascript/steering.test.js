import assert from 'node:assert/strict';
import {test} from 'node:test';
import {groupsOf, placeProblem, SteerAdding} from '../../main/resources/dev/headwater/explorer/steer-adding.js';
import {elsewhere, HERE, taken, told} from '../../main/resources/dev/headwater/explorer/steer-from.js';
import {
  command,
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
  const two = () => ({value: 2});
  assert.deepEqual(edits(site, two, [], true), [{site, value: 2, onward: true}]);
  assert.deepEqual(
    edits(site, two, [4, 9], true).map(edit => [edit.site.position, edit.onward]),
    [
      [4, false],
      [9, true],
    ],
  );
});

test('what was set is what is shown, and outputs change by their probability', () => {
  const node = graph.node('3_1932_10');
  const changes = edits(siteOf(node), () => ({value: -0.127}), [], false);
  const nodes = watched(graph, changes, new Uint8Array(graph.size), ['5_1320_10']);
  assert.deepEqual(
    nodes.map(each => each.id),
    ['3_1932_10', '5_1320_10'],
  );
  const outcome = (activations, probability) => ({activations, next: [{id: 3913, token: ' Austin', probability}]});
  const found = effects(graph, nodes, {
    original: outcome([0.127, 2], 0.99),
    steered: outcome([0, 1], 0.11),
    set: [{site: siteOf(node), before: 0.127, after: -0.127}],
  });
  assert.deepEqual(found.get('3_1932_10'), [0.127, -0.127]);
  assert.equal(shareOfOriginal([graph.node('5_1320_10')], found), 0.5);
  assert.equal(shareOfOriginal([graph.node('7_3913_10')], found), 0.11 / 0.99);
  assert.equal(shareOfOriginal([graph.node('E_5352_9')], found), null);
});

test('an activation may come from elsewhere', () => {
  assert.equal(elsewhere(HERE), false);
  const prompts = 'The capital of Italy is\n\n The capital of Spain is';
  const texts = [{text: 'The capital of Italy is'}, {text: ' The capital of Spain is'}];
  assert.deepEqual(taken({position: '', prompts}, 9, 2, 11), {prompts: texts, position: 9, factor: 2});
  assert.deepEqual(taken({position: '−1', prompts}, 9, 2, 11), {prompts: texts, position: -1, factor: 2});
  assert.deepEqual(taken({position: '-1', prompts: ' '}, 9, 2, 11), {prompts: [], position: 10, factor: 2});
  for (const position of ['11', '-12', '1-2', 'x'])
    assert.equal(taken({position, prompts: ''}, 9, 1, 11), null, position);
  assert.equal(told({position: '-1', prompts}, 2), '× 2.00 of what it is at -1 of 2 prompts, on average');
});

test('groups of another graph bring the activations that they have there', () => {
  const oakland = sample('oakland-sacramento');
  const some = oakland.nodes.filter(node => node.kind === 0 && node.feature >= 0).slice(0, 3);
  const groups = groupsOf(oakland, {supernodes: [['California', some[0].id, some[1].id]], pinnedIds: [some[2].id]});
  assert.deepEqual(
    groups.map(group => [group.label, group.features.length]),
    [
      ['California', 2],
      ['pinned', 3],
    ],
  );
  assert.deepEqual(groups[0].features[0], {...siteOf(some[0]), activation: some[0].activation});
  assert.equal(placeProblem('', graph, oakland), '');
  assert.match(placeProblem('', graph, {tokens: ['a']}), /has 1 tokens and this one 11/);
  assert.match(placeProblem('99', graph, oakland), /positions from 0 to 10/);
});

test('the strongest features are those of the first ranks', () => {
  const adding = new SteerAdding(null, () => {});
  assert.deepEqual(adding.items(graph), []);
  adding.setStrongest(5);
  const [item] = adding.items(graph);
  assert.equal(item.members.length, 5);
  const weakest = Math.max(...item.members.map(node => node.rank));
  assert.equal(graph.nodes.filter(node => node.kind === 0 && node.feature >= 0 && node.rank < weakest).length, 4);
});

test('on the command line, what came from elsewhere is what it was', () => {
  const site = {layer: 3, position: 10, feature: 1932};
  const request = {
    edits: [{site, from: {prompts: [], position: 4, factor: 2}, onward: false}],
    heads: [],
    freezeAttention: true,
    newTokens: 5,
    temperature: 0.7,
    seed: 3,
    samples: 4,
  };
  const model = {id: 'atlas', transcoders: ['atlas-plt'], scans: [graph.scan]};
  const said = command(graph, model, request, [{site, after: 0.25}]).replace(/\s*\\\s+/g, ' ');
  assert.match(said, /--set 3\/10\/1932=0.25 --generate 5 --temperature 0.7 --seed 3 --samples 4$/);
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
