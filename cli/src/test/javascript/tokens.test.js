import assert from 'node:assert/strict';
import {test} from 'node:test';
import {quoted, token} from '../../main/resources/dev/headwater/explorer/format.js';
import {name, place} from '../../main/resources/dev/headwater/explorer/naming.js';
import {words} from '../../main/resources/dev/headwater/explorer/tokens.js';
import {made} from './samples.js';

/** Tokens of these numbers of bytes, as a lossy decoder shows them. */
function cut(text, lengths) {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return lengths.map(n => new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes.subarray(at, (at += n))));
}

test('characters of one byte a token are put together again', () => {
  for (const text of ['日本の首都', '👩‍🚀🇩🇪', 'שלום', 'مرحبا', 'ñandú', 'a日b']) {
    const tokens = cut(text, Array(new TextEncoder().encode(text).length).fill(1));
    assert.equal(
      words(tokens, text)
        .filter((word, i) => word.first === i)
        .map(word => word.text)
        .join(''),
      text,
    );
  }
});

test('tokens of any number of bytes know which are theirs', () => {
  const tokens = cut('京の都', [2, 4, 1, 2]);
  const found = words(tokens, '京の都');
  assert.deepEqual(
    found.map(word => [word.text, word.first, word.last]),
    [
      ['京の', 0, 1],
      ['京の', 0, 1],
      ['都', 2, 3],
      ['都', 2, 3],
    ],
  );
  assert.deepEqual(found[0].bytes, [0xe4, 0xba]);
});

test('byte tokens that are written as such are joined too', () => {
  const found = words(['<bos>', '<0xE6>', '<0x97>', '<0xA5>', '本'], '<bos>日本');
  assert.deepEqual(
    found.map(word => word.text),
    ['<bos>', '日', '日', '日', '本'],
  );
  assert.deepEqual(found[2].bytes, [0x97]);
});

test('what the prompt does not tell stays as it is, and hostile prompts end soon', () => {
  assert.equal(words(['\ufffd', 'x'], '')[0].text, '\ufffd');
  const bad = Array(3000).fill('\ufffd');
  const start = performance.now();
  assert.equal(words([...bad, 'end'], 'é'.repeat(2000) + 'end').length, 3001);
  words([...bad, 'a'], '\u00e9a'.repeat(3000));
  assert.ok(performance.now() - start < 20_000);
});

test('a part of a character says its byte, its place and its id', () => {
  const graph = made(['<bos>', '\ufffd', '\ufffd', '\ufffd', ' pet'], [[0, 1, 2]], [], '<bos>日 pet');
  const node = graph.node('E_2');
  assert.equal(name(node, {labels: {}}), '“日”');
  assert.equal(place(node, graph), 'Token 2, byte 0x97, part 2 of 3');
  assert.equal(name(graph.node('E_4'), {labels: {}}), '“ pet”');
  assert.equal(place(graph.nodes[0], graph), 'Layer 0, feature 1, at “日”');
});

test('blanks and invisible characters are told', () => {
  assert.notEqual(quoted(' pet'), quoted('pet'));
  assert.equal(quoted('\u200b'), '“⟨U+200B⟩”');
  assert.equal(token(' \u202ex'), '·⟨U+202E⟩x');
  assert.equal(quoted('👩‍🚀'), '“👩‍🚀”');
});
