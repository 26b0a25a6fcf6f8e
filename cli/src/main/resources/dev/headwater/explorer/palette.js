// Colours and shapes. Everything that is drawn asks here, so that a change of theme reaches canvases too.

import {ERROR, FEATURE} from './model.js';

let theme = null;

/** The colours of the page's current theme, by their names in theme.css. */
export function colours() {
  if (!theme) {
    const style = getComputedStyle(document.documentElement);
    theme = Object.fromEntries(
      [
        'paper',
        'panel',
        'ink',
        'muted',
        'faint',
        'line',
        'accent',
        'accent-soft',
        'node',
        'node-line',
        'positive',
        'negative',
        'pinned',
        'wash',
      ].map(name => [name, style.getPropertyValue('--' + name).trim()]),
    );
    theme.dark = style.getPropertyValue('--scheme').trim() === 'dark';
    theme.groups = name => style.getPropertyValue('--group-' + name).trim();
  }
  return theme;
}

/** To be called when the theme has changed. */
export function forgetColours() {
  theme = null;
}

const SATURATED = 0.4;

/** Purple to green by the sign and size of a share of a node's input; full colour from 40 %. */
export function signedColour(share) {
  const t = Math.min(1, Math.sqrt(Math.min(1, Math.abs(share) / SATURATED)));
  const {dark} = colours();
  // The middle of PRGn is white: leave it out, so that weak edges can be seen on paper and on slate.
  const scheme =
    share >= 0
      ? d3.interpolateRgb(dark ? '#3c5a44' : '#c3e0bf', dark ? '#8fe09a' : '#12642c')
      : d3.interpolateRgb(dark ? '#574668' : '#dccbe4', dark ? '#d9a9ee' : '#6b2379');
  return scheme(0.12 + 0.88 * t);
}

export function edgeWidth(share) {
  return 0.6 + 5 * Math.sqrt(Math.min(1, Math.abs(share)));
}

/** Adds a node's outline to a canvas path: circles for features, diamonds for errors, squares for tokens and outputs. */
export function trace(path, kind, x, y, r) {
  if (kind === FEATURE) {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
  } else if (kind === ERROR) {
    const d = r * 1.15;
    path.moveTo(x, y - d);
    path.lineTo(x + d, y);
    path.lineTo(x, y + d);
    path.lineTo(x - d, y);
    path.closePath();
  } else {
    const h = r * 0.88;
    path.rect(x - h, y - h, 2 * h, 2 * h);
  }
}

/** The same as the path of an SVG element. */
export function shape(kind, r) {
  if (kind === FEATURE) return `M${-r},0a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`;
  if (kind === ERROR) return `M0,${-r * 1.15}L${r * 1.15},0L0,${r * 1.15}L${-r * 1.15},0Z`;
  const h = r * 0.88;
  return `M${-h},${-h}H${h}V${h}H${-h}Z`;
}
