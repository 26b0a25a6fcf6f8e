import assert from 'node:assert/strict';
import {test} from 'node:test';
import {FEATURE, LOGIT} from '../../main/resources/dev/headwater/explorer/model.js';
import {everything, scores} from '../../main/resources/dev/headwater/explorer/scores.js';
import {suggestions} from '../../main/resources/dev/headwater/explorer/suggest.js';
import {arrange, diagram} from '../../main/resources/dev/headwater/explorer/diagram.js';
import {find} from '../../main/resources/dev/headwater/explorer/search.js';
import {EMPTY, pin} from '../../main/resources/dev/headwater/explorer/annotations.js';
import {made, sample} from './samples.js';

const graph = sample('dallas-austin');

test('shares of a node’s inputs add up to one', () => {
  for (const node of graph.nodes) {
    const inputs = [...graph.inputsOf(node.index)];
    if (inputs.length === 0) continue;
    const sum = inputs.reduce((total, edge) => total + Math.abs(graph.share[edge]), 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, node.id);
  }
});

test('influence of outputs is their probability, and all of it arrives below', () => {
  const outputs = graph.nodes.filter(node => node.kind === LOGIT);
  assert.ok(Math.abs(outputs.reduce((sum, node) => sum + graph.goal[node.index], 0) - 1) < 1e-9);
  const covered = graph.edgesCovering(0.5);
  assert.ok(graph.cumulativeScore[covered - 1] >= 0.5 && (covered < 2 || graph.cumulativeScore[covered - 2] < 0.5));
});

test('a small graph’s scores are those of a pencil', () => {
  // The output gets 3 from the feature and 1 from the token; the feature gets all from the token.
  const small = made(
    ['a'],
    [[0, 5, 0]],
    [
      ['0_5_0', 'OUT', 3],
      ['E_0', 'OUT', 1],
      ['E_0', '0_5_0', 2],
    ],
  );
  assert.deepEqual(scores(small, everything(small)), {replacement: 1, completeness: 1});
  const none = scores(small, new Uint8Array(small.size));
  assert.equal(none.replacement, 0.25);
});

test('boxes of a diagram keep apart', () => {
  const pinned = graph.nodes.filter(node => node.kind === FEATURE).slice(0, 30);
  const view = diagram(
    graph,
    pin(
      EMPTY,
      pinned.map(node => node.id),
    ),
    text => text.length * 7,
  );
  arrange(view, {});
  assert.equal(view.items.length, 30);
  for (const a of view.items) {
    for (const b of view.items) {
      if (a === b || a.y !== b.y) continue;
      assert.ok(Math.abs(a.x - b.x) >= (a.width + b.width) / 2, `${a.id} and ${b.id}`);
    }
  }
});

test('features of one name at one token are suggested as a group', () => {
  const annotations = pin(EMPTY, ['0_94_9', '0_1862_9', '1_696_9']);
  for (const id of annotations.pinned) graph.node(id).defaultLabel = '→ Texas';
  assert.deepEqual(
    suggestions(graph, annotations).map(({label, ids}) => [label, ids.length]),
    [['→ Texas', 3]],
  );
});

test('search puts an exact number before names that contain it', () => {
  assert.equal(find(graph, EMPTY, '3/1932')[0].node.id, '3_1932_10');
  assert.equal(find(graph, EMPTY, 'dallas')[0].node.id, 'E_5352_9');
  assert.deepEqual(find(graph, EMPTY, '  '), []);
});
