import assert from 'node:assert/strict';
import {readFileSync, readdirSync} from 'node:fs';
import {test} from 'node:test';

const FOLDER = new URL('../../main/resources/dev/headwater/explorer/', import.meta.url);
const files = readdirSync(FOLDER).filter(name => /\.(js|html|css)$/.test(name));
const text = name => readFileSync(new URL(name, FOLDER), 'utf8');

test('every address is relative, so that the page works below any path', () => {
  for (const name of files) {
    const absolute = text(name).match(/["'`(=]\/(api|assets|features|data)\b/);
    assert.equal(absolute, null, `${name}: ${absolute?.[0]}`);
  }
});

test('the page names no other host', () => {
  for (const name of files) {
    const others = (text(name).match(/https?:\/\/[^\s'"`)]+/g) ?? []).filter(
      url => !url.startsWith('http://www.w3.org/'),
    );
    assert.deepEqual(others, [], name);
  }
});

test('every script that is imported is there, and every one that is there is imported', () => {
  const scripts = files.filter(name => name.endsWith('.js'));
  const imported = new Set(
    scripts.flatMap(name =>
      [...text(name).matchAll(/^(?:import|export) [^']*from '\.\/([\w-]+\.js)';/gms)].map(match => match[1]),
    ),
  );
  assert.deepEqual(
    scripts.filter(name => name !== 'main.js' && !imported.has(name)),
    [],
  );
  assert.deepEqual(
    [...imported].filter(name => !scripts.includes(name)),
    [],
  );
});
