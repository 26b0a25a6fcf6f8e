import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ofExamples, shownExample} from '../../main/resources/dev/headwater/explorer/gallery.js';
import {EXAMPLES, SCAN} from '../../main/resources/dev/headwater/explorer/gallery-examples.js';

test('what examples speak of is in them', () => {
  assert.equal(new Set(EXAMPLES.map(each => each.name)).size, EXAMPLES.length);
  const groupsOf = name => EXAMPLES.find(each => each.name === name).annotations.supernodes.map(([label]) => label);
  for (const {name, annotations, steps} of EXAMPLES) {
    assert.match(name, /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/);
    const members = annotations.supernodes.flatMap(([, ...ids]) => ids);
    assert.equal(new Set(members).size, members.length, `${name}: a node is in one group`);
    const known = [...annotations.pinnedIds, ...members, 'output', undefined];
    for (const {at, title, select, group, tab = 'subgraph', experiment} of steps) {
      assert.match(at, /^#[a-z-]+$/);
      assert.ok(known.includes(select), `${name}, ${title}: ${select} is no part of the circuit`);
      assert.ok(group === undefined || groupsOf(name).includes(group));
      assert.ok(['subgraph', 'attention', 'steer'].includes(tab));
      for (const label of Object.keys(experiment?.factors ?? {})) assert.ok(groupsOf(name).includes(label), label);
      for (const put of experiment?.put ?? []) assert.ok(groupsOf(put.example).includes(put.group), put.group);
    }
    assert.ok(
      steps.some(step => step.experiment),
      `${name} has an experiment`,
    );
  }
});

test('an example is known by its prompt too, and needs the bundled model', () => {
  const [{name, prompt}] = EXAMPLES;
  const graph = text => /** @type {any} */ ({prompt: text});
  assert.equal(shownExample({name, graph: graph('<bos>' + prompt)}).name, name);
  assert.equal(shownExample({name, graph: graph('something else')}), undefined);
  assert.equal(shownExample({name: 'other', graph: graph(prompt)}), undefined);
  assert.ok(!shownExample({name, graph: null}));
  assert.equal(ofExamples([{id: 'gemma', scans: [SCAN]}]), undefined);
  assert.equal(ofExamples([{id: 'atlas', scans: ['atlas-clt', SCAN]}]).id, 'atlas');
});
