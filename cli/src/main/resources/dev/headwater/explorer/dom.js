// Builds elements. Text is always set as text, never as markup, so nothing from a graph file is ever parsed as HTML.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element: h('button', {class: 'quiet', onclick: f, 'aria-pressed': true}, 'Pin', icon). */
export function h(tag, props, ...children) {
  return build(document.createElement(tag), props, children);
}

/** An SVG element, by the same rules. */
export function s(tag, props, ...children) {
  return build(document.createElementNS(SVG, tag), props, children);
}

/** Puts new content into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(present));
  return element;
}

/** Puts new content in; the control that has the focus keeps it, and what is being typed stays, if the new content has one of that id. */
export function refill(element, ...children) {
  const active = /** @type {HTMLInputElement} */ (document.activeElement);
  const before = element.contains(active) ? active : null;
  const {id = '', value = '', selectionStart = null, selectionEnd = null} = before ?? {};
  fill(element, ...children);
  const after = id ? element.querySelector('#' + CSS.escape(id)) : null;
  if (!after) return element;
  after.focus({preventScroll: true});
  if (after.tagName === 'INPUT' && typeof selectionStart === 'number') {
    after.value = value;
    after.setSelectionRange(selectionStart, selectionEnd);
  }
  return element;
}

function build(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || (value === false && !name.startsWith('aria-'))) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else if (name === 'value' || name === 'checked' || name === 'selected' || name === 'indeterminate')
      element[name] = value;
    else element.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : value);
  }
  element.append(...children.flat(Infinity).filter(present));
  return element;
}

function present(child) {
  return child !== null && child !== undefined && child !== false;
}

const ICONS = {
  pin: 'M8 1.5l2.2 4.4 4.8.7-3.5 3.4.8 4.8L8 12.5l-4.3 2.3.8-4.8L1 6.6l4.8-.7z',
  undo: 'M6 3L2.5 6.5 6 10M3 6.5h6.2a3.8 3.8 0 010 7.5H6',
  redo: 'M10 3l3.5 3.5L10 10m3-3.5H6.8a3.8 3.8 0 000 7.5H10',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  fit: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  full: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10M6 6h4v4H6z',
  search: 'M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.5 10.5L14 14',
  chevron: 'M4 6l4 4 4-4',
  table: 'M2.5 3h11v10h-11zM2.5 6.5h11M2.5 9.8h11M6.5 3v10',
  remix: 'M2.5 8.5V7a2.5 2.5 0 012.5-2.5h8M10.5 2L13 4.5 10.5 7M13.5 7.5V9a2.5 2.5 0 01-2.5 2.5H3M5.5 14L3 11.5 5.5 9',
  share: 'M8 10V2M5 4.5L8 1.8l3 2.7M3 8.5V14h10V8.5',
  compare: 'M2 3h5v10H2zM9 3h5v10H9z',
  help: 'M6 6.2a2 2 0 113 1.7c-.7.4-1 .8-1 1.6M8 12.2v.1M8 1.5a6.5 6.5 0 100 13 6.5 6.5 0 000-13z',
  moon: 'M13 9.5A5.7 5.7 0 016.5 3 5.7 5.7 0 1013 9.5z',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  heads: 'M2.5 13V9M6 13V3M9.5 13V7M13 13V5',
  gallery: 'M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z',
  up: 'M8 13V3M4 7l4-4 4 4',
};

/** A 16 pixel line icon; decoration only, so it is hidden from screen readers. */
export function icon(name) {
  return s(
    'svg',
    {
      viewBox: '0 0 16 16',
      width: 16,
      height: 16,
      'aria-hidden': 'true',
      class: 'icon',
      fill: 'none',
      stroke: 'currentColor',
      'stroke-width': 1.5,
      'stroke-linecap': 'round',
      'stroke-linejoin': 'round',
    },
    s('path', {d: ICONS[name]}),
  );
}
