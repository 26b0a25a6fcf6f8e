import assert from 'node:assert/strict';
import {test} from 'node:test';
import {chosen, decode, encode, sameButSelected} from '../../main/resources/dev/headwater/explorer/url.js';
import {made} from './samples.js';

const graph = () => made(['a', ' b'], [[0, 1, 1, 0.5]], [['E_0', '0_1_1', 2]]);

function decoded(address) {
  const {edge, head, look, tab} = decode(new URLSearchParams(address), graph());
  return {edge, head, look, tab};
}

test('an address keeps the edge, the head and where it looks', () => {
  const state = {
    edge: {source: 'E_0', target: '0_1_1'},
    head: {layer: 2, head: 11},
    look: {query: 1, key: 0},
    tab: 'attention',
  };
  const {annotations} = decode(new URLSearchParams(), graph());
  assert.deepEqual(decoded(encode({...state, annotations, name: 'g'})), state);
  assert.equal(chosen(state), 'E_0,0_1_1 2/11');
  assert.equal(chosen({edge: null, head: null}), ' ');
});

test('what the graph cannot have is passed over', () => {
  const nothing = {edge: null, head: null, look: null, tab: undefined};
  for (const address of [
    '',
    'edge=E_0',
    'edge=0_1_1,E_0',
    'edge=x,0_1_1',
    'head=2',
    'head=-1/2',
    'head=1e3/2',
    'look=1,0',
  ])
    assert.deepEqual(decoded(address), nothing, address);
  for (const look of ['2,0', '0,1', '-1,0', '1', 'x,y'])
    assert.deepEqual(decoded(`head=1/2&look=${look}`).look, null, look);
});

test('addresses that differ in what is selected are of the same graph', () => {
  const of = text => new URLSearchParams(text);
  assert.ok(sameButSelected(of('slug=a&edge=x,y&head=1/2'), of('slug=a&clickedId=z')));
  assert.ok(!sameButSelected(of('slug=a&pinnedIds=x'), of('slug=a')));
});
