// The graph view: tokens across, layers up, on canvas. It shows what it is told and reports what people do.

import {FEATURE} from './model.js';
import {h, fill} from './dom.js';
import {layout} from './layout.js';
import {
  paintAxes,
  paintEdges,
  paintHover,
  paintLinks,
  paintNodes,
  nodeRadius,
  prepare,
  project,
  tokenWidths,
} from './painter.js';
import {name, place as whereIs} from './naming.js';
import {number, percent, signed} from './format.js';
import {groupOf} from './annotations.js';
import {colours} from './palette.js';

const REACH = 18; // pixels from which the pointer catches a node
const SETTLE = 140; // milliseconds after which edges are painted anew when zooming
const MARGIN = {left: 56, right: 14, top: 10, level: 30, slanted: 70}; // level and slanted: below, as the tokens' names need it

export class GraphView {
  /** what is shown: graph, annotations, clicked, pruning, edgeShare, showErrors, linkType, found */
  props = null;
  /** @type {import('d3').Quadtree<any>} shown nodes by their places */
  tree = null;

  /**
   * @param host    an empty element
   * @param actions select(id or null), pin(id), hover(index or -1)
   * @param title   what a screen reader says this is
   */
  constructor(host, actions, title = 'Attribution graph') {
    this.host = host;
    this.actions = actions;
    this.zoom = d3.zoomIdentity;
    this.hovered = -1;
    this.painted = {};
    this.canvas = Object.fromEntries(
      ['axes', 'edges', 'links', 'nodes', 'hover'].map(layer => [
        layer,
        h('canvas', {class: 'layer', 'aria-hidden': 'true'}),
      ]),
    );
    this.edgeFrame = h('div', {class: 'edge-frame'}, this.canvas.edges);
    this.tooltip = h('div', {class: 'tooltip', hidden: true});
    this.live = h('div', {class: 'sr-only', 'aria-live': 'polite'});
    this.plot = h(
      'div',
      {
        class: 'plot',
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'graph',
        'aria-label': `${title}. Arrow keys move between nodes, Enter selects, P pins, plus and minus zoom, zero shows everything. The table view lists the same nodes.`,
      },
      this.canvas.axes,
      this.edgeFrame,
      this.canvas.links,
      this.canvas.nodes,
      this.canvas.hover,
    );
    fill(host, this.plot, this.tooltip, this.live);
    this.behaviour = d3
      .zoom()
      .scaleExtent([1, 24])
      .on('zoom', event => this.zoomed(event.transform));
    d3.select(this.plot).call(this.behaviour).on('dblclick.zoom', null);
    this.listen();
    new ResizeObserver(([entry]) => this.resized(entry.contentRect)).observe(host);
    this.size = {width: host.clientWidth, height: host.clientHeight};
  }

  /** props: graph, annotations, clicked (id), pruning, edgeShare, showErrors, linkType, found (a Set of indices or null) */
  update(props) {
    const before = this.props ?? {graph: null};
    this.props = props;
    if (props.graph !== before.graph) {
      this.place = this.shown = this.edges = null;
      this.width = 0; // the names decide about the margin
      this.names = props.graph ? tokenWidths(this.canvas.axes.getContext('2d'), props.graph) : [];
      this.hovered = -1;
      this.resetZoom();
    }
    if (!props.graph || !this.measure()) return;
    this.pinned = new Set(props.annotations.pinned);
    if (!this.place) this.place = this.arrange(props.graph);
    // While the view has no size nothing of this is made, so a change may be long past.
    if (this.changed(before, ['pruning', 'showErrors', 'annotations']) || !this.shown) {
      this.shown = props.graph.visible(props.pruning, props.showErrors, this.pinned);
      this.tree = null;
    }
    if (this.changed(before, ['edgeShare']) || !this.edges)
      this.edges = props.graph.edgesByScore.subarray(0, props.graph.edgesCovering(props.edgeShare));
    this.links = this.linksOf(props);
    this.paint();
  }

  changed(before, names) {
    return names.some(name => before[name] !== this.props[name]);
  }

  /** The clicked node's edges, the strongest first, as the choice of direction asks for. */
  linksOf({graph, clicked, linkType}) {
    const node = clicked ? graph.node(clicked) : null;
    if (!node) return [];
    const edges = [
      ...(linkType === 'output' ? [] : graph.inputsOf(node.index)),
      ...(linkType === 'input' ? [] : graph.outputsOf(node.index)),
    ];
    return edges
      .filter(e => this.shown[graph.source[e]] && this.shown[graph.target[e]])
      .map(edge => ({edge, share: graph.share[edge]}))
      .sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
  }

  measure() {
    const {width, height} = this.size;
    if (width < 80 || height < 80) return false;
    if (this.width !== width || this.height !== height) {
      this.width = width;
      this.height = height;
      const inner = width - MARGIN.left - MARGIN.right;
      const slanted = d3.sum(this.names) > inner,
        bottom = slanted ? MARGIN.slanted : MARGIN.level;
      this.frame = {
        left: MARGIN.left,
        top: MARGIN.top,
        width: inner,
        height: height - MARGIN.top - bottom,
        bottom,
        slanted,
      };
      this.place = null;
      this.tree = null;
      const {left, top, width: w, height: hh} = this.frame;
      const put = (element, values) =>
        Object.entries(values).forEach(([key, v]) => element.style.setProperty(key, v + 'px'));
      put(this.edgeFrame, {left, top, width: w, height: hh});
      put(this.canvas.edges, {left: -left, top: -top});
      Object.values(this.canvas).forEach(canvas => put(canvas, {width, height}));
      this.behaviour
        .extent([
          [0, 0],
          [w, hh],
        ])
        .translateExtent([
          [0, 0],
          [w, hh],
        ]);
    }
    return true;
  }

  arrange(graph) {
    return layout(graph, this.frame.width, this.frame.height, this.names);
  }

  resized({width, height}) {
    this.size = {width: Math.round(width), height: Math.round(height)};
    if (this.props?.graph) this.update(this.props);
  }

  repaint() {
    if (this.props?.graph && this.place) this.paint();
  }

  get view() {
    return {graph: this.props.graph, place: this.place, frame: this.frame, zoom: this.zoom, shown: this.shown};
  }

  get clickedIndex() {
    return this.props.graph.node(this.props.clicked)?.index ?? -1;
  }

  paint() {
    this.paintNow();
    this.paintEdgesSoon(0);
  }

  /** All but the many faint edges. */
  paintNow() {
    const {graph, annotations, found} = this.props;
    const view = this.view;
    const at = this.hovered >= 0 ? this.hovered : this.clickedIndex;
    paintAxes(prepare(this.canvas.axes, this.width, this.height), {
      ...view,
      highlight: at >= 0 ? graph.nodes[at] : null,
    });
    paintLinks(prepare(this.canvas.links, this.width, this.height), view, this.links);
    const tint =
      this.clickedIndex < 0
        ? null
        : new Map(
            this.links.map(({edge, share}) => [
              graph.target[edge] === this.clickedIndex ? graph.source[edge] : graph.target[edge],
              share,
            ]),
          );
    paintNodes(prepare(this.canvas.nodes, this.width, this.height), view, {
      tint,
      clicked: this.clickedIndex,
      pinned: this.pinned,
      found,
      groupColour: id => this.groupColour(annotations, id),
    });
    this.paintHover();
  }

  groupColour(annotations, id) {
    const group = groupOf(annotations, id);
    return group ? colours().groups(group.colour) : null;
  }

  paintHover() {
    paintHover(prepare(this.canvas.hover, this.width, this.height), this.view, this.hovered);
  }

  paintEdgesSoon(delay) {
    clearTimeout(this.edgeTimer);
    const paint = () => {
      if (!this.place) return;
      this.canvas.edges.style.transform = '';
      this.edgesAt = this.zoom;
      this.edgeFrame.classList.toggle('dimmed', this.clickedIndex >= 0);
      paintEdges(prepare(this.canvas.edges, this.width, this.height), this.view, this.edges);
    };
    this.edgeTimer = setTimeout(() => requestAnimationFrame(paint), delay);
  }

  zoomed(transform) {
    this.zoom = transform;
    if (!this.place) return;
    cancelAnimationFrame(this.zoomFrame);
    this.zoomFrame = requestAnimationFrame(() => {
      // The painted edges are moved as a picture until the gesture ends.
      const from = this.edgesAt ?? d3.zoomIdentity,
        k = transform.k / from.k;
      const {left, top} = this.frame;
      this.canvas.edges.style.transformOrigin = `${left}px ${top}px`;
      this.canvas.edges.style.transform = `translate(${transform.x - from.x * k}px, ${transform.y - from.y * k}px) scale(${k})`;
      this.paintNow();
      this.hideTooltip();
      this.paintEdgesSoon(SETTLE);
    });
  }

  zoomBy(factor) {
    d3.select(this.plot).call(this.behaviour.scaleBy, factor);
  }

  resetZoom() {
    d3.select(this.plot).call(this.behaviour.transform, d3.zoomIdentity);
  }

  /** Where a node is within the host, for those who point at it. */
  locate(index) {
    return project(this.place, this.frame, this.zoom, index);
  }

  /** The shown node nearest to a point of the host, if it is near enough. */
  nearest(x, y) {
    this.tree ??= d3.quadtree(
      this.props.graph.nodes.filter(node => this.shown[node.index]),
      node => this.place.x[node.index],
      node => this.place.y[node.index],
    );
    const {left, top} = this.frame,
      {k} = this.zoom;
    const node = this.tree.find(
      (x - left - this.zoom.x) / k,
      (y - top - this.zoom.y) / k,
      Math.max(REACH, nodeRadius(this.place, this.zoom)) / k,
    );
    return node ? node.index : -1;
  }

  listen() {
    const at = event => {
      const box = this.plot.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.plot.addEventListener('pointermove', event => {
      if (!this.place || event.buttons) return;
      this.hover(this.nearest(...at(event)), true);
    });
    this.plot.addEventListener('pointerleave', () => this.place && this.hover(-1));
    this.plot.addEventListener('click', event => {
      if (!this.place) return;
      const index = this.nearest(...at(event));
      if (index < 0) return this.actions.select(null);
      const {id} = this.props.graph.nodes[index];
      if (event.ctrlKey || event.metaKey || event.shiftKey) this.actions.pin(id);
      else this.actions.select(id);
    });
    this.plot.addEventListener('dblclick', event => {
      const index = this.place ? this.nearest(...at(event)) : -1;
      if (index >= 0) this.actions.pin(this.props.graph.nodes[index].id);
    });
    this.plot.addEventListener('keydown', event => this.key(event));
    this.plot.addEventListener('blur', () => this.place && this.hover(-1));
  }

  /** What is pointed at; others may point too (a list's row). */
  hover(index, tooltip = false) {
    if (index !== this.hovered) {
      this.hovered = index;
      this.paintHover();
      this.actions.hover(index);
      this.plot.classList.toggle('at-node', index >= 0);
    }
    if (tooltip && index >= 0) this.showTooltip(index);
    else this.hideTooltip();
  }

  showTooltip(index) {
    const {graph, annotations} = this.props;
    const node = graph.nodes[index];
    const link = this.links.find(({edge}) => graph.source[edge] === index || graph.target[edge] === index);
    fill(
      this.tooltip,
      h('strong', {}, name(node, annotations)),
      h('span', {class: 'muted'}, whereIs(node, graph)),
      node.activation === null ? null : h('span', {}, `Activation ${number(node.activation)}`),
      node.influence === null ? null : h('span', {}, `Cumulative influence ${percent(node.influence)}`),
      link && index !== this.clickedIndex
        ? h(
            'span',
            {class: link.share < 0 ? 'negative' : 'positive'},
            `${graph.source[link.edge] === index ? 'gives the selected node' : 'gets from the selected node'} ${percent(Math.abs(link.share))} (${signed(graph.weight[link.edge])})`,
          )
        : null,
    );
    this.tooltip.hidden = false;
    const [x, y] = this.locate(index);
    const {offsetWidth: w, offsetHeight: hh} = this.tooltip;
    this.tooltip.style.left =
      Math.max(4, Math.min(this.width - w - 4, x + (x + w + 20 > this.width ? -w - 14 : 14))) + 'px';
    this.tooltip.style.top = Math.max(4, Math.min(this.height - hh - 4, y - hh / 2)) + 'px';
  }

  hideTooltip() {
    this.tooltip.hidden = true;
  }

  key(event) {
    if (!this.place || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
    const {graph} = this.props;
    if (moves[event.key]) this.step(...moves[event.key]);
    else if (event.key === 'Enter' || event.key === ' ')
      this.hovered >= 0 && this.actions.select(graph.nodes[this.hovered].id);
    else if (event.key === 'p' || event.key === 'P') this.pinByKey();
    else if (event.key === '+' || event.key === '=') this.zoomBy(1.4);
    else if (event.key === '-') this.zoomBy(1 / 1.4);
    else if (event.key === '0') this.resetZoom();
    else return;
    event.preventDefault();
  }

  pinByKey() {
    const index = this.hovered >= 0 ? this.hovered : this.clickedIndex;
    if (index >= 0) this.actions.pin(this.props.graph.nodes[index].id);
  }

  /** Moves to the next node sideways in its row, or to the nearest one in the next row that has any. */
  step(dx, dy) {
    const {graph} = this.props;
    const {x} = this.place;
    const nodes = graph.nodes.filter(node => this.shown[node.index]);
    const from =
      this.hovered >= 0
        ? graph.nodes[this.hovered]
        : this.clickedIndex >= 0
          ? graph.nodes[this.clickedIndex]
          : nodes.find(node => node.row === graph.rows - 1);
    if (!from) return;
    let candidates;
    if (this.hovered < 0 && this.clickedIndex < 0) candidates = [from];
    else if (dx) candidates = nodes.filter(node => node.row === from.row && (x[node.index] - x[from.index]) * dx > 0);
    else {
      const row =
        dy > 0
          ? Math.min(...nodes.filter(n => n.row > from.row).map(n => n.row))
          : Math.max(...nodes.filter(n => n.row < from.row).map(n => n.row));
      candidates = nodes.filter(node => node.row === row);
    }
    const next = d3.least(candidates, node => Math.abs(x[node.index] - x[from.index]));
    if (!next) return;
    this.hover(next.index, true);
    this.live.textContent = this.describe(next);
  }

  describe(node) {
    const {graph, annotations} = this.props;
    const parts = [name(node, annotations), whereIs(node, graph)];
    if (node.kind === FEATURE && node.activation !== null) parts.push(`activation ${number(node.activation)}`);
    if (this.pinned.has(node.id)) parts.push('pinned');
    return parts.join(', ');
  }
}
