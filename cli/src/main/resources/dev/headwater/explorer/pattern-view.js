// Where a head looks: a map of the prompt's tokens, query by key, and a cursor that pointer and arrow keys move.

import {h, fill} from './dom.js';
import {colours} from './palette.js';
import {percent, shorten, token, word} from './format.js';

const MARGIN = {left: 74, top: 8, right: 8, bottom: 62};
const LINE = 12; // pixels between names
const LONGEST = 10;

/** The colour of a probability: the square root tells small ones apart. */
export function shade(value, c = colours()) {
  return d3.interpolateRgb(c.wash, c.accent)(Math.sqrt(Math.max(0, Math.min(1, value))));
}

export class PatternView {
  /** @type {{tokens: string[], at: (query: number, key: number) => number | null, look: {query: number, key: number} | null}} */
  props = null;

  /** @param actions look({query, key}) */
  constructor(actions) {
    this.actions = actions;
    this.canvas = h('canvas', {class: 'layer', 'aria-hidden': 'true'});
    this.marks = h('canvas', {class: 'layer', 'aria-hidden': 'true'});
    this.tip = h('div', {class: 'tooltip', hidden: true});
    this.live = h('div', {class: 'sr-only', 'aria-live': 'polite'});
    this.element = h(
      'div',
      {
        class: 'pattern',
        id: 'pattern',
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'attention pattern',
        'aria-label':
          'Where the head looks. Arrow keys move over queries (up and down) and keys (left and right), Enter explains the score there.',
      },
      this.canvas,
      this.marks,
    );
    this.host = h('div', {class: 'pattern-host'}, this.element, this.tip, this.live);
    new ResizeObserver(() => this.paint()).observe(this.host);
    this.listen();
  }

  /** at(query, key): the probability, null where it is not known */
  update(props) {
    this.props = props;
    this.cursor = props.look ? {...props.look} : null;
    this.tip.hidden = true;
    this.paint();
  }

  get frame() {
    const width = this.host.clientWidth,
      height = this.host.clientHeight;
    const n = this.props.tokens.length;
    const size = Math.max(1, Math.min(width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom, n * 34));
    return {left: MARGIN.left, top: MARGIN.top, size, cell: size / n, width, height, n};
  }

  paint() {
    if (!this.props || this.host.clientWidth < 100 || this.host.clientHeight < 90) return;
    const frame = this.frame,
      c = colours();
    const context = this.prepare(this.canvas, frame);
    const {left, top, size, cell, n} = frame;
    context.fillStyle = c.wash;
    context.fillRect(left, top, size, size);
    const steps = Array.from({length: 33}, (_, i) => shade((i / 32) ** 2, c));
    for (let query = 0; query < n; query++) {
      for (let key = 0; key <= query; key++) {
        const value = this.props.at(query, key);
        if (value === null || value < 1e-3) continue;
        context.fillStyle = steps[Math.min(32, Math.round(32 * Math.sqrt(value)))];
        const gap = cell > 6 ? 0.5 : 0;
        context.fillRect(left + key * cell, top + query * cell, Math.max(1, cell - gap), Math.max(1, cell - gap));
      }
    }
    // What a head cannot see: keys after their query.
    context.fillStyle = c.panel;
    for (let query = 0; query < n; query++)
      context.fillRect(left + (query + 1) * cell, top + query * cell, size - (query + 1) * cell, cell + 0.5);
    this.names(context, frame, c);
    this.mark();
  }

  names(context, {left, top, size, cell, n}, c) {
    context.font = `11px ${getComputedStyle(document.documentElement).getPropertyValue('--mono')}`;
    context.textBaseline = 'middle';
    const every = Math.max(1, Math.ceil(LINE / cell));
    for (let i = 0; i < n; i++) {
      if (i % every !== 0) continue;
      const text = shorten(token(this.props.tokens[i]), LONGEST);
      context.fillStyle = c.muted;
      context.textAlign = 'right';
      context.fillText(text, left - 6, top + (i + 0.5) * cell);
      context.save();
      context.translate(left + (i + 0.5) * cell + 3, top + size + 8);
      context.rotate(-Math.PI / 4);
      context.fillText(text, 0, 0);
      context.restore();
    }
  }

  prepare(canvas, {width, height}) {
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = width + 'px';
    canvas.style.height = height + 'px';
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  /** The chosen cell and where the pointer or the keys are. */
  mark() {
    const frame = this.frame,
      c = colours();
    const context = this.prepare(this.marks, frame);
    const {left, top, cell, size} = frame;
    const outline = ({query, key}, width, colour) => {
      context.strokeStyle = colour;
      context.lineWidth = width;
      const grow = Math.max(0, (7 - cell) / 2);
      context.strokeRect(
        left + key * cell - grow,
        top + query * cell - grow,
        Math.max(cell, 7) - 0.5,
        Math.max(cell, 7) - 0.5,
      );
    };
    if (this.props.look) {
      context.fillStyle = c.faint;
      context.globalAlpha = 0.45;
      context.fillRect(left, top + this.props.look.query * cell, this.props.look.key * cell, cell);
      context.fillRect(
        left + this.props.look.key * cell,
        top + (this.props.look.query + 1) * cell,
        cell,
        size - (this.props.look.query + 1) * cell,
      );
      context.globalAlpha = 1;
      outline(this.props.look, 2.2, c.ink);
    }
    if (this.pointed) outline(this.pointed, 1.6, c.pinned);
  }

  describe({query, key}) {
    const {tokens, at} = this.props;
    const value = at(query, key);
    return `From “${word(tokens[query])}” (${query}) at “${word(tokens[key])}” (${key}): ${value === null ? 'not known' : percent(value)}`;
  }

  point(cell) {
    this.pointed = cell;
    this.mark();
    this.tip.hidden = !cell;
    if (!cell) return;
    fill(this.tip, this.describe(cell));
    const {left, top, cell: size, width, height} = this.frame;
    const {offsetWidth: w, offsetHeight: hh} = this.tip;
    const x = left + (cell.key + 1) * size + 8,
      y = top + cell.query * size;
    this.tip.style.left = Math.max(2, Math.min(width - w - 2, x)) + 'px';
    this.tip.style.top = Math.max(2, Math.min(height - hh - 2, y)) + 'px';
  }

  /** The cell under a pointer; null outside of what the head sees. */
  cellAt(event) {
    const box = this.element.getBoundingClientRect(),
      {left, top, cell, n} = this.frame;
    const key = Math.floor((event.clientX - box.left - left) / cell),
      query = Math.floor((event.clientY - box.top - top) / cell);
    return query >= 0 && query < n && key >= 0 && key <= query ? {query, key} : null;
  }

  listen() {
    this.element.addEventListener('pointermove', event => this.props && this.point(this.cellAt(event)));
    this.element.addEventListener('pointerleave', () => this.props && this.point(null));
    this.element.addEventListener('blur', () => this.props && this.point(null));
    this.element.addEventListener('click', event => {
      const cell = this.props && this.cellAt(event);
      if (cell) this.actions.look(cell);
    });
    this.element.addEventListener('keydown', event => {
      const moves = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
      if (!this.props || event.ctrlKey || event.metaKey || event.altKey) return;
      if (moves[event.key]) this.step(...moves[event.key]);
      else if ((event.key === 'Enter' || event.key === ' ') && this.cursor) this.actions.look({...this.cursor});
      else return;
      event.preventDefault();
    });
  }

  step(down, right) {
    const n = this.props.tokens.length;
    const from = this.cursor ?? {query: n - 1, key: n - 1};
    const query = Math.max(0, Math.min(n - 1, from.query + down));
    const key = Math.max(0, Math.min(query, from.key + right));
    this.cursor = {query, key};
    this.point(this.cursor);
    this.live.textContent = this.describe(this.cursor);
  }
}
