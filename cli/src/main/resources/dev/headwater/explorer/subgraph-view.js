// The pinned subgraph: drag boxes, drop one on another to group them, or mark several and press G.

import {h, s, fill} from './dom.js';
import {arrange, bounds, BOX_HEIGHT, diagram} from './diagram.js';
import {groupId} from './annotations.js';
import {colours, edgeWidth, signedColour} from './palette.js';
import {percent, shorten} from './format.js';
import {shareOfOriginal} from './steering.js';
import {LOGIT, TOKEN} from './model.js';

const CLICK = 4; // pixels that a click may wander
const PAINTED = 38; // pixels above the diagram for what says that effects are painted

export class SubgraphView {
  /** @type {import('./model.js').Graph} */ graph = null;
  /** @type {import('./annotations.js').Annotations} */ annotations = null;
  /** @type {string} */ clicked = null;
  labelled = 0;
  /** @type {Map<string, [number, number]>} of steering, by node id: before and after */ effects = null;
  font = '';

  /** actions: select(id), group(ids, label), place(id, x, y), unpin(ids), hover(index); onChoice(items): what the inspector is about */
  constructor(host, actions, onChoice) {
    this.host = host;
    this.actions = actions;
    this.onChoice = onChoice;
    this.marked = new Set();
    this.grouping = false;
    this.content = s('g', {});
    this.svg = s(
      'svg',
      {class: 'diagram', role: 'group', 'aria-label': 'Circuit diagram of the pinned nodes'},
      this.content,
    );
    this.hint = h(
      'div',
      {class: 'grouping-hint', hidden: true},
      'Click the boxes that belong together, then release G',
    );
    this.blank = h(
      'div',
      {class: 'empty'},
      h('p', {}, 'Pin nodes to draw the circuit they form.'),
      h(
        'p',
        {class: 'muted'},
        'Double-click a node, press ',
        h('kbd', {}, 'P'),
        ', or use ',
        h('kbd', {}, 'Ctrl'),
        '-click. Pinned nodes can be grouped, named and exported.',
      ),
      h(
        'div',
        {class: 'button-row'},
        h('button', {id: 'explain-start', class: 'explain-button', onclick: () => this.actions.explain()}, 'Explain'),
        h('button', {id: 'suggest', onclick: () => this.actions.suggest()}, 'Suggest a circuit to start from'),
      ),
      h('p', {id: 'explain-reason', class: 'muted'}),
    );
    this.painted = h(
      'div',
      {class: 'painted', hidden: true},
      'Percent of the original activation or probability, after steering',
      h('button', {class: 'small', id: 'effects-clear', onclick: () => this.actions.clearEffects()}, 'Clear'),
    );
    fill(host, this.svg, this.blank, this.hint, this.painted);
    this.measuring = document.createElement('canvas').getContext('2d');
    this.zoom = d3
      .zoom()
      .scaleExtent([0.2, 4])
      .extent(() => [
        [0, 0],
        [this.size.width, this.size.height],
      ])
      .filter(event => !event.target.closest?.('.box') && !event.button)
      .on('zoom', event => {
        this.content.setAttribute('transform', event.transform);
        if (event.sourceEvent) this.moved = true;
      });
    d3.select(this.svg).call(this.zoom).on('dblclick.zoom', null);
    this.svg.addEventListener('click', event => event.target.closest('.box') || this.choose(new Set()));
    this.size = {width: 0, height: 0};
    new ResizeObserver(([entry]) => {
      this.size = entry.contentRect;
      if (!this.moved) this.fit();
    }).observe(host);
  }

  update({graph, annotations, clicked, labelled, effects}) {
    const first = this.graph !== graph;
    const before = this.items?.length ?? 0;
    const same = !first && this.annotations === annotations && this.labelled === labelled;
    const painted = Boolean(this.effects) !== Boolean(effects);
    Object.assign(this, {graph, annotations, clicked, labelled, effects});
    this.painted.hidden = !effects;
    if (!graph) return;
    if (same) {
      this.draw();
      if (painted && !this.moved) this.fit();
      return;
    }
    const font = (this.font ||= getComputedStyle(document.body).fontFamily);
    const {items, ties} = diagram(graph, annotations, (text, size) => {
      this.measuring.font = `600 ${size}px ${font}`;
      return this.measuring.measureText(text).width;
    });
    this.items = items;
    this.ties = ties;
    arrange(this, annotations.places);
    const known = new Set(items.map(item => item.id));
    this.marked = new Set([...this.marked].filter(id => known.has(id)));
    this.blank.hidden = items.length > 0;
    this.svg.classList.toggle('blank', items.length === 0);
    this.draw();
    if (first || before !== items.length) this.moved = false;
    if (!this.moved) this.fit();
    this.onChoice(this.chosen);
  }

  /** The marked items; else the one of the selected node. */
  get chosen() {
    return this.items.filter(item => this.marked.has(item.id));
  }

  choose(ids) {
    this.marked = ids;
    this.draw();
    this.onChoice(this.chosen);
  }

  draw() {
    const active = document.activeElement;
    const focused = active instanceof SVGElement && this.content.contains(active) ? active.dataset.id : null;
    const c = colours();
    fill(
      this.content,
      this.ties.map(tie => this.tie(tie)),
      this.items.map(item => this.box(item, c)),
    );
    if (focused) this.boxOf(focused)?.focus();
  }

  boxOf(id) {
    return this.content.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  tie(tie) {
    const {from, to, share} = tie;
    const width = edgeWidth(share);
    const x0 = from.x,
      y0 = from.y - BOX_HEIGHT / 2,
      x1 = to.x,
      y1 = to.y + BOX_HEIGHT / 2 + 5;
    const bend = Math.max(18, Math.abs(y0 - y1) * 0.4);
    const colour = signedColour(share);
    const at = Math.max(4, width * 1.1 + 2);
    return s(
      'g',
      {class: 'tie', 'data-from': from.id, 'data-to': to.id},
      s('title', {}, `${from.label} → ${to.label}: ${percent(share)} of its input`),
      s('path', {
        d: `M${x0},${y0}C${x0},${y0 - bend} ${x1},${y1 + bend} ${x1},${y1 + at * 0.5}`,
        fill: 'none',
        stroke: colour,
        'stroke-width': width,
        'stroke-linecap': 'butt',
        'stroke-opacity': Math.min(0.95, 0.35 + 2.2 * Math.abs(share)),
      }),
      s('path', {
        d: `M${x1},${y1 - 4}l${at},${at * 1.5}h${-2 * at}z`,
        fill: colour,
        'fill-opacity': Math.min(0.95, 0.45 + 2.2 * Math.abs(share)),
      }),
    );
  }

  box(item, c) {
    const {width, group, label, detail} = item;
    const selected = !group && item.members[0].id === this.clicked;
    const token = item.kind === TOKEN && !group,
      output = item.kind === LOGIT && !group;
    const ground = group ? c.groups(group.colour) : output ? c.ink : token ? c.wash : c.panel;
    const ink = output ? c.panel : c.ink;
    const line = this.marked.has(item.id) || selected ? c.accent : c['node-line'];
    const bounds = {x: -width / 2, y: -BOX_HEIGHT / 2, width, height: BOX_HEIGHT, rx: token || output ? 3 : 10};
    const box = s(
      'g',
      {
        class: 'box' + (this.marked.has(item.id) ? ' marked' : ''),
        'data-id': item.id,
        transform: `translate(${item.x},${item.y})`,
        tabindex: 0,
        role: 'button',
        'aria-pressed': String(this.marked.has(item.id)),
        'aria-label': `${label}, ${detail}${group ? ', group' : ''}`,
      },
      s('title', {}, `${label} (${detail})`),
      group && item.members.length > 1
        ? s('rect', {
            ...bounds,
            x: bounds.x + 4,
            y: bounds.y - 4,
            fill: ground,
            stroke: c['node-line'],
            'stroke-width': 1,
            opacity: 0.75,
          })
        : null,
      s('rect', {
        ...bounds,
        class: 'face',
        fill: ground,
        stroke: line,
        'stroke-width': this.marked.has(item.id) || selected ? 2.5 : 1.1,
      }),
      s('text', {y: -3, 'text-anchor': 'middle', 'font-size': 13, 'font-weight': 600, fill: ink}, shorten(label, 26)),
      s('text', {y: 12, 'text-anchor': 'middle', 'font-size': 11, fill: ink, opacity: 0.78}, detail),
      this.effect(item, c),
    );
    box.addEventListener('pointerdown', event => this.grab(event, item, box));
    box.addEventListener('pointerenter', () =>
      this.actions.hover(item.members.length === 1 ? item.members[0].index : -1),
    );
    box.addEventListener('pointerleave', () => this.actions.hover(-1));
    box.addEventListener('dblclick', () => this.actions.rename());
    box.addEventListener('keydown', event => this.key(event, item));
    return box;
  }

  /** After steering: what is left of a box's activation, as a bar below it and in percent above it. */
  effect(item, c) {
    const share = this.effects ? shareOfOriginal(item.members, this.effects) : null;
    if (share === null) return null;
    const {width} = item;
    const colour = share < 0 ? c.negative : c.accent;
    return s(
      'g',
      {class: 'effect'},
      s('rect', {x: -width / 2 + 5, y: BOX_HEIGHT / 2 - 5, width: width - 10, height: 3, fill: c.line}),
      s('rect', {
        x: -width / 2 + 5,
        y: BOX_HEIGHT / 2 - 5,
        width: (width - 10) * Math.min(1, Math.abs(share)),
        height: 3,
        fill: colour,
      }),
      s('rect', {
        x: width / 2 - 40,
        y: -BOX_HEIGHT / 2 - 9,
        width: 48,
        height: 17,
        rx: 8,
        fill: c.panel,
        stroke: colour,
      }),
      s(
        'text',
        {
          x: width / 2 - 16,
          y: -BOX_HEIGHT / 2 + 4,
          'text-anchor': 'middle',
          'font-size': 11,
          'font-weight': 600,
          fill: c.ink,
        },
        percent(share),
      ),
    );
  }

  grab(event, item, box) {
    if (event.button) return;
    event.preventDefault();
    box.focus();
    const start = [event.clientX, event.clientY],
      from = [item.x, item.y];
    const {k} = d3.zoomTransform(this.svg);
    let dragging = false,
      over = null;
    const move = at => {
      const dx = at.clientX - start[0],
        dy = at.clientY - start[1];
      if (!dragging && Math.hypot(dx, dy) < CLICK) return;
      dragging = true;
      item.x = from[0] + dx / k;
      item.y = from[1] + dy / k;
      over =
        this.items.find(
          other =>
            other !== item &&
            Math.abs(other.x - item.x) < other.width / 2 &&
            Math.abs(other.y - item.y) < BOX_HEIGHT / 2,
        ) ?? null;
      this.drawMoved(item, over);
    };
    const end = at => {
      box.removeEventListener('pointermove', move);
      box.removeEventListener('pointerup', end);
      box.removeEventListener('pointercancel', end);
      if (!dragging) this.click(at, item);
      else if (over) this.group([over, item]);
      else {
        this.moved = true;
        this.actions.place(item.id, item.x, item.y);
      }
    };
    box.setPointerCapture(event.pointerId);
    box.addEventListener('pointermove', move);
    box.addEventListener('pointerup', end);
    box.addEventListener('pointercancel', end);
  }

  /** While a box is dragged only it and its ties move; it would lose the pointer if all were drawn anew. */
  drawMoved(item, over) {
    this.boxOf(item.id).setAttribute('transform', `translate(${item.x},${item.y})`);
    for (const element of this.content.querySelectorAll('.tie')) {
      const tie = this.ties.find(t => t.from.id === element.dataset.from && t.to.id === element.dataset.to);
      if (tie.from === item || tie.to === item) element.replaceWith(this.tie(tie));
    }
    for (const box of this.content.querySelectorAll('.box'))
      box.classList.toggle('target', box.dataset.id === over?.id);
  }

  click(event, item) {
    if (this.grouping || event.shiftKey || event.ctrlKey || event.metaKey) {
      this.toggle(item);
    } else {
      this.choose(new Set([item.id]));
      if (item.group) this.actions.selectGroup(item.id);
      else this.actions.select(item.members[0].id);
    }
  }

  toggle(item) {
    const marked = new Set(this.marked);
    if (!marked.delete(item.id)) marked.add(item.id);
    this.choose(marked);
  }

  key(event, item) {
    if (event.key === 'Enter') this.click(event, item);
    else if (event.key === ' ' || event.key === 'm' || event.key === 'M') this.toggle(item);
    else if (event.key === 'Delete' || event.key === 'Backspace') this.actions.unpin(item.members.map(node => node.id));
    else if (event.key === 'F2') {
      this.choose(new Set([item.id]));
      this.actions.rename();
    } else return;
    event.preventDefault();
  }

  /** G is held: clicks mark. */
  startGrouping() {
    if (this.grouping || !this.items?.length) return;
    this.grouping = true;
    this.hint.hidden = false;
    this.svg.classList.add('grouping');
  }

  /** G is released: what is marked becomes a group. */
  endGrouping() {
    if (!this.grouping) return;
    this.grouping = false;
    this.hint.hidden = true;
    this.svg.classList.remove('grouping');
    this.groupMarked();
  }

  groupMarked() {
    if (this.marked.size > 1) this.group(this.chosen);
  }

  group(items) {
    const named = items.find(item => item.group) ?? items[0];
    const ids = items.flatMap(item => item.members.map(node => node.id));
    this.actions.group(ids, named.label);
    this.marked = new Set([groupId({members: ids})]);
  }

  fit() {
    const {width, height} = this.size;
    if (!width || !height || !this.items?.length) return;
    const b = bounds(this.items);
    const top = this.effects ? PAINTED : 0,
      high = height - top;
    const k = Math.min(1.25, width / b.width, high / b.height);
    d3.select(this.svg).call(
      this.zoom.transform,
      d3.zoomIdentity
        .translate((width - b.width * k) / 2 - b.x * k, top + (high - b.height * k) / 2 - b.y * k)
        .scale(k),
    );
    this.moved = false;
  }
}
