// What is wrong with the boxes of the controls under a root: what is cut off, what lies on another, what is wider than its place.
// The body of a function of the root's selector.

const root = arguments[0] ?? 'body';
const chosen =
  'button, select, input, textarea, output, summary, .slider > span, .score, h1, h2, h3, h4, .muted, .readout, .row-name, .row-share, .row-weight, .token, .warning';
const ACROSS = '.table-scroll, .command, .graph-scroller, .pattern, .sr-only'; // scroll across on purpose, or are not to be seen
const box = e => e.getBoundingClientRect();
const named = e => (e.id || e.getAttribute('aria-label') || e.textContent.trim().slice(0, 24) || e.className) + ` <${e.tagName.toLowerCase()}>`;
const problems = [];

/** What of an element can be seen, and the nearest element that cuts it. */
const seen = e => {
  let {left, right, top, bottom} = box(e);
  for (let at = e.parentElement, position = getComputedStyle(e).position; at; at = at.parentElement) {
    if (position === 'fixed') break;
    const style = getComputedStyle(at);
    position = style.position;
    if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
    const b = box(at);
    [left, right, top, bottom] = [Math.max(left, b.left), Math.min(right, b.right), Math.max(top, b.top), Math.min(bottom, b.bottom)];
  }
  return {left, right, top, bottom};
};
const cutter = e => {
  for (let at = e.parentElement; at; at = at.parentElement) if (getComputedStyle(at).overflowX !== 'visible' || getComputedStyle(at).overflowY !== 'visible') return at;
  return document.documentElement;
};
const sticky = e => {
  for (let at = e; at; at = at.parentElement) if (['sticky', 'fixed', 'absolute'].includes(getComputedStyle(at).position)) return at;
  return null;
};
const controls = [...document.querySelector(root).querySelectorAll(chosen)].filter(
  e => e.checkVisibility() && e.getClientRects().length && box(e).width > 1 && box(e).height > 1 && !e.closest(ACROSS + ', svg') && getComputedStyle(e).clipPath === 'none',
);
for (const e of controls) {
  const b = box(e),
    around = cutter(e),
    c = box(around),
    style = getComputedStyle(around);
  if (b.left < c.left - 0.5 || b.right > c.right + 0.5) problems.push(named(e) + ' is cut off at the side');
  if (style.overflowY === 'hidden' && (b.top < c.top - 0.5 || b.bottom > c.bottom + 0.5)) problems.push(named(e) + ' is cut off');
  if (b.left < -0.5 || b.right > innerWidth + 0.5) problems.push(named(e) + ' leaves the window');
  if (e.matches('button:not(.graph-button, .row), .score') && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')
    problems.push(named(e) + ' holds more than it shows');
}
const visible = controls
  .map(e => ({e, ...seen(e), layer: sticky(e)}))
  .filter(({left, right, top, bottom}) => right > left && bottom > top)
  .sort((p, q) => p.top - q.top);
visible.forEach((p, i) => {
  for (let j = i + 1; j < visible.length && visible[j].top < p.bottom - 1; j++) {
    const q = visible[j];
    if (Math.min(p.right, q.right) - Math.max(p.left, q.left) <= 1 || Math.min(p.bottom, q.bottom) - q.top <= 1) continue;
    if (p.layer === q.layer && !p.e.contains(q.e) && !q.e.contains(p.e)) problems.push(`${named(p.e)} lies on ${named(q.e)}`);
  }
});
for (const e of document.querySelector(root).querySelectorAll('div, section, ul, p, dialog, form, pre')) {
  if (e.scrollWidth <= e.clientWidth + 1 || e.closest(ACROSS) || !e.checkVisibility()) continue;
  if (['auto', 'scroll'].includes(getComputedStyle(e).overflowX)) problems.push(`${named(e)} .${e.className} scrolls sideways`);
}
if (document.documentElement.scrollWidth > innerWidth) problems.push('the page is wider than the window');
return [...new Set(problems)];
