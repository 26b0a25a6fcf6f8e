import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as notes from '../../main/resources/dev/headwater/explorer/annotations.js';
import {decode, encode} from '../../main/resources/dev/headwater/explorer/url.js';
import {sample} from './samples.js';

const graph = sample('dallas-austin');

test('what is written is read again', () => {
  let a = notes.pin(notes.EMPTY, ['0_94_9', '0_1862_9', '1_696_9', 'E_5352_9']);
  a = notes.group(a, ['0_94_9', '1_696_9'], 'Texas');
  a = notes.label(a, graph.node('0_94_9').key, 'a city');
  a = notes.place(a, 'group:0_94_9', 10.4, -20.6);
  assert.deepEqual(notes.read(notes.write(a), graph), a);
});

test('grouping takes members out of other groups, and empty groups go', () => {
  let a = notes.group(notes.EMPTY, ['0_94_9', '0_1862_9'], 'one');
  a = notes.group(a, ['0_94_9', '0_1862_9', '1_696_9'], 'two');
  assert.deepEqual(
    a.groups.map(group => group.label),
    ['two'],
  );
  a = notes.unpin(a, ['0_94_9']);
  assert.deepEqual(a.groups[0].members, ['0_1862_9', '1_696_9']);
});

test('an address overrides the file, and names what the graph does not have in vain', () => {
  const params = new URLSearchParams({pinnedIds: '0_94_9,nobody', clickedId: '0_94_9', pruningThreshold: '0.6'});
  const state = decode(params, graph);
  assert.deepEqual(state.annotations.pinned, ['0_94_9']);
  assert.equal(state.pruning, 0.6);
  const again = new URLSearchParams(encode({...state, graph, name: 'x', other: null}));
  assert.equal(again.get('pinnedIds'), '0_94_9');
  assert.equal(again.get('pruningThreshold'), '0.6');
});

test('hostile annotations are passed over', () => {
  const a = notes.read(
    {pinnedIds: {a: 1}, supernodes: [['x'], 7, ['y', 3]], clerps: '{', headwater: {places: {z: ['a']}}},
    graph,
  );
  assert.deepEqual(a, notes.EMPTY);
});
