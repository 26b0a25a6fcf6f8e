// How numbers and tokens read.

const MINUS = '−';

/** 1234 as 1,234. */
export function count(n) {
  return n.toLocaleString('en');
}

/** Three significant digits, with a true minus: 0.0123, 12.3, −1.20. */
export function number(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return '–';
  const a = Math.abs(x);
  const text =
    a === 0
      ? '0'
      : a >= 1000
        ? count(Math.round(a))
        : a >= 100
          ? a.toFixed(0)
          : a >= 10
            ? a.toFixed(1)
            : a >= 0.01
              ? a.toFixed(a >= 1 ? 2 : 3)
              : a >= 1e-4
                ? a.toPrecision(2)
                : a.toExponential(1).replace('e-', 'e' + MINUS);
  return x < 0 ? MINUS + text : text;
}

export function signed(x) {
  return x > 0 ? '+' + number(x) : number(x);
}

/** A share of one as a percentage: 0.1234 as 12.3 %. */
export function percent(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return '–';
  const p = Math.abs(100 * x);
  const text =
    p >= 99.95
      ? '100'
      : p >= 9.95
        ? p.toFixed(p >= 99 ? 1 : 0)
        : p >= 0.095
          ? p.toFixed(1)
          : p === 0
            ? '0'
            : p >= 0.0095
              ? p.toFixed(2)
              : '<0.01';
  return (x < 0 ? MINUS : '') + text + ' %';
}

/** A token so that its blanks, breaks and invisible characters can be seen. */
export function token(text) {
  return visible(text).replaceAll(' ', '·') || '∅';
}

/** A token within running text: the blanks around it are not shown. */
export function word(text) {
  const bare = text.trim();
  return bare === '' ? token(text) : visible(bare);
}

/** A token in quotation marks, its blanks kept: “ pet” is another token than “pet”. */
export function quoted(text) {
  return `“${text.trim() === '' ? token(text) : visible(text)}”`;
}

/** Line ends and tabs as signs; what has no width, or turns the direction of text, as its code. */
function visible(text) {
  return text
    .replace(/\r\n|[\n\r\u2028\u2029]/g, '↵')
    .replaceAll('\t', '⇥')
    .replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}]/gu, code)
    .replace(/^[\u200c\u200d\ufe0f]+$/u, run => [...run].map(code).join(''));
}

function code(character) {
  return `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

export function shorten(text, length) {
  const points = [...text];
  return points.length <= length
    ? text
    : points
        .slice(0, length - 1)
        .join('')
        .trimEnd() + '…';
}

/** A file or slug name made from free text. */
export function slug(text) {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)
    .replace(/-+$/, '');
}

/** Seconds as people say them: 3 s, 2 min, 1.5 h. */
export function duration(seconds) {
  if (seconds < 1) return 'a second';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export function date(milliseconds) {
  return new Date(milliseconds).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
}

export function bytes(n) {
  return n < 1 << 20 ? Math.max(1, Math.round(n / 1024)) + ' KB' : (n / (1 << 20)).toFixed(1) + ' MB';
}
