import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bytes, number, percent, shorten, slug, token} from '../../main/resources/dev/headwater/explorer/format.js';

test('numbers have three digits and a true minus', () => {
  assert.deepEqual([0, 0.0012345, 0.0123456, 1.2345, 12.345, 123.45, 1234.5, -0.5, null, NaN].map(number), [
    '0',
    '0.0012',
    '0.012',
    '1.23',
    '12.3',
    '123',
    '1,235',
    '−0.500',
    '–',
    '–',
  ]);
});

test('shares are percentages; a tiny one is not called nothing', () => {
  assert.deepEqual([0, 0.00001, 0.0005, 0.0123, 0.5, 0.9999, 1, -0.25, null].map(percent), [
    '0 %',
    '<0.01 %',
    '0.05 %',
    '1.2 %',
    '50 %',
    '100 %',
    '100 %',
    '−25 %',
    '–',
  ]);
});

test('blanks of a token can be seen', () => {
  assert.equal(token(' a\n\tb '), '·a↵⇥b·');
  assert.equal(token(''), '∅');
});

test('names are cut by characters, not by halves of them', () => {
  assert.equal(shorten('👩‍🚀👩‍🚀', 20), '👩‍🚀👩‍🚀');
  assert.equal([...shorten('𝒜𝒷𝒸𝒹', 3)].length, 3);
  assert.equal(slug('The Capital of São Tomé is…'), 'the-capital-of-sao-tome-is');
  assert.equal(bytes(29 << 20), '29.0 MB');
});
