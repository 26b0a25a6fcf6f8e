import assert from 'node:assert/strict';
import {test} from 'node:test';
import {behind, numbers} from '../../main/resources/dev/headwater/explorer/prompts.js';

test('ranges are the numbers in them', () => {
  assert.deepEqual(numbers('0-2,7'), [0, 1, 2, 7]);
  assert.deepEqual(numbers('5'), [5]);
  assert.deepEqual(numbers('3-1,x'), []);
});

test('an edge of a merged circuit says which prompts are behind it', () => {
  const about = behind({
    graphs: ['a', 'b', 'c', 'd', 'e'].map(slug => ({slug})),
    edges: [{source: '0_1_2', target: '3_4_5', deviation: 0.25, graphs: '0-2,4'}],
  });
  assert.equal(about('0_1_2', '3_4_5'), '± 0.250 in 4 of 5 prompts: a, b, c, …');
  assert.equal(about('3_4_5', '0_1_2'), '');
});

test('files of one prompt, and what is not of this form, say nothing', () => {
  for (const block of [
    undefined,
    null,
    {},
    {graphs: 1, edges: []},
    {graphs: [], edges: [{source: 'a', target: 'b'}]},
  ]) {
    assert.equal(behind(block)('a', 'b'), '');
  }
});
