// What tokens say. A character of several bytes can be cut into several tokens, each of which says nothing alone: files have U+FFFD
// there, or <0xE6>. The prompt as text knows the character; here each token learns which bytes of it are its own.

const encoder = new TextEncoder();
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;
const MOST_TRIES = 100_000; // of cutting a run of bytes into its tokens

/**
 * @typedef {object} Word what a token is part of
 * @property {string} text   the characters that the token belongs to
 * @property {number} first  position of the first token of these characters
 * @property {number} last   position of the last one
 * @property {number[]} bytes the token's own bytes, where it is no text of its own; else empty
 */

/** True for the text of a token that holds a part of a character only. */
export function isPartial(text) {
  return text.includes('\ufffd') || BYTE.test(text);
}

/** "0xE6 0x97" */
export function hex(bytes) {
  return bytes.map(byte => '0x' + byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
}

/**
 * The word of each token.
 *
 * @param {string[]} tokens their texts
 * @param {string} prompt   the text that they make; what can't be found there stays as it is
 * @returns {Word[]}
 */
export function words(tokens, prompt) {
  const result = tokens.map((text, i) => ({text, first: i, last: i, bytes: byteOf(text)}));
  let at = 0;
  for (let i = 0; i < tokens.length;) {
    if (!isPartial(tokens[i])) {
      const found = prompt.startsWith(tokens[i], at) ? at : prompt.indexOf(tokens[i], at);
      if (found >= 0) at = found + tokens[i].length;
      i++;
      continue;
    }
    let end = i;
    while (end < tokens.length && isPartial(tokens[end])) end++;
    const next = end < tokens.length ? prompt.indexOf(tokens[end], at) : prompt.length;
    assign(tokens, i, end, candidates(prompt, at, next, tokens[end]), result);
    i = end;
  }
  return result;
}

/** Texts that the run may stand for, the shortest first: what follows it may occur within it too. */
function* candidates(prompt, at, next, following) {
  while (next >= 0) {
    yield prompt.slice(at, next);
    if (following === undefined) return;
    next = prompt.indexOf(following, next + 1);
  }
}

function assign(tokens, from, to, texts, result) {
  for (const text of texts) {
    const bytes = encoder.encode(text);
    if (bytes.length > 16 * (to - from)) return; // the text that follows is a later one
    const cuts = divide(tokens, from, to, bytes);
    if (!cuts) continue;
    join(from, to, text, bytes, cuts, result);
    return;
  }
}

/** Where each token ends within the bytes, so that each reads as its text; null if there is no way. */
function divide(tokens, from, to, bytes) {
  const dead = new Set();
  let tries = 0;
  const ends = [];
  const step = (i, at) => {
    if (i === to) return at === bytes.length;
    if (bytes.length - at < to - i || tries > MOST_TRIES) return false;
    const key = (i - from) * (bytes.length + 1) + at;
    if (dead.has(key)) return false;
    for (let end = at + 1; end <= Math.min(bytes.length, at + 16 + tokens[i].length * 3); end++) {
      if (tries++ > MOST_TRIES || !reads(bytes, at, end, tokens[i])) continue;
      ends[i - from] = end;
      if (step(i + 1, end)) return true;
    }
    dead.add(key);
    return false;
  };
  return step(from, 0) ? ends : null;
}

function reads(bytes, at, end, text) {
  const byte = BYTE.exec(text);
  if (byte) return end === at + 1 && bytes[at] === parseInt(byte[1], 16);
  return new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes.subarray(at, end)) === text;
}

/** Tokens that share a character belong together. */
function join(from, to, text, bytes, cuts, result) {
  const starts = new Set([0]);
  let sum = 0;
  for (const character of text) starts.add((sum += encoder.encode(character).length));
  const decoder = new TextDecoder();
  let first = from,
    begin = 0;
  for (let i = from; i < to; i++) {
    const end = cuts[i - from];
    if (!starts.has(end)) continue;
    const own = decoder.decode(bytes.subarray(begin, end));
    for (let k = first; k <= i; k++) {
      const start = k === from ? 0 : cuts[k - from - 1];
      result[k] = {text: own, first, last: i, bytes: [...bytes.subarray(start, cuts[k - from])]};
    }
    first = i + 1;
    begin = end;
  }
}

function byteOf(text) {
  const byte = BYTE.exec(text);
  return byte ? [parseInt(byte[1], 16)] : [];
}
