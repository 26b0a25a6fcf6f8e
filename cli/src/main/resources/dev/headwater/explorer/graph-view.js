// The graph view: tokens across, layers up, on canvas. It shows what it is told and reports what people do.

import {h, fill} from './dom.js';
import {columnReach, outputReach, paintAxes, paintOutputs, tokenWidths} from './axes.js';
import {listen, nearest, sideways} from './graph-input.js';
import {describe, step} from './graph-keys.js';
import {emptyRuns, layout} from './layout.js';
import {paintEdges, paintHover, paintLinks, paintNodes, paintSelectedEdge, prepare, project} from './painter.js';
import {Tooltip} from './tooltip.js';
import {groupOf} from './annotations.js';
import {links} from './flows.js';
import {colours} from './palette.js';

const SETTLE = 140; // milliseconds after which edges are painted anew when zooming
const MARGIN = {left: 56, right: 16, top: 10, level: 30, scroller: 12}; // level: below, for tokens' names that are not slanted
const CLOSEST = 24;

export class GraphView {
  /** what is shown: graph, annotations, clicked, pruning, edgeShare, showErrors, linkType, found */
  props = null;

  /**
   * @param host    an empty element
   * @param actions select(id or null), pin(id), hover(index or -1); selectEdge({source, target}), if edges can be selected
   * @param title   what a screen reader says this is
   */
  constructor(host, actions, title = 'Attribution graph') {
    this.host = host;
    this.actions = actions;
    this.zoom = d3.zoomIdentity;
    this.scrolledTo = 0; // where the scroller was put or scrolled to last
    this.hovered = -1;
    this.painted = {};
    this.canvas = Object.fromEntries(
      ['axes', 'edges', 'links', 'nodes', 'hover'].map(layer => [
        layer,
        h('canvas', {class: 'layer', 'aria-hidden': 'true'}),
      ]),
    );
    this.edgeFrame = h('div', {class: 'edge-frame'}, this.canvas.edges);
    this.tooltip = new Tooltip();
    this.scrolled = h('div', {});
    this.scroller = h(
      'div',
      {class: 'graph-scroller', tabindex: 0, role: 'group', 'aria-label': 'Scroll across the graph', hidden: true},
      this.scrolled,
    );
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
    fill(host, this.plot, this.scroller, this.tooltip.element, this.live);
    this.behaviour = d3
      .zoom()
      .filter(event => !event.button && !(event.type === 'wheel' && sideways(event)))
      .on('zoom', event => this.zoomed(event.transform));
    d3.select(this.plot).call(this.behaviour).on('dblclick.zoom', null);
    listen(this);
    new ResizeObserver(([entry]) => this.resized(entry.contentRect)).observe(host);
    this.size = {width: host.clientWidth, height: host.clientHeight};
  }

  /** props: graph, annotations, clicked (id), pruning, edgeShare, showErrors, linkType, fold, found (a Set of indices or null) */
  update(props) {
    const before = this.props ?? {graph: null};
    this.props = props;
    if (props.graph?.nodes !== before.graph?.nodes) {
      this.place = this.shown = this.edges = null;
      this.width = 0; // the names decide about the margins
      const context = this.canvas.axes.getContext('2d');
      this.names = props.graph ? tokenWidths(context, props.graph) : [];
      this.slanted = props.graph ? Math.max(MARGIN.level, columnReach(context, props.graph)) : MARGIN.level;
      this.reach = props.graph ? outputReach(context, props.graph) : 0;
      this.hovered = -1;
      this.fresh = true; // not arranged yet, which may have to wait for room
    }
    if (before.clicked !== props.clicked) this.tooltip.hide();
    if (!props.graph || !this.measure()) return;
    this.pinned = new Set(props.annotations.pinned);
    // While the view has no size nothing of this is made, so a change may be long past.
    if (this.changed(before, ['pruning', 'showErrors', 'annotations', 'density', 'labelled']) || !this.shown) {
      const shown = props.graph.visible(props.pruning, props.showErrors, this.pinned, props.density);
      if (!this.shown || shown.some((each, i) => each !== this.shown[i])) this.place = null;
      this.shown = shown;
    }
    if (before.fold !== props.fold) this.place = null;
    if (!this.place) {
      this.arrange(this.fresh);
      this.fresh = false;
    }
    if (this.changed(before, ['edgeShare', 'graph']) || !this.edges)
      this.edges = props.graph.edgesByScore.subarray(0, props.graph.edgesCovering(props.edgeShare));
    this.links = links(props, this.shown);
    this.paint();
  }

  changed(before, names) {
    return names.some(name => before[name] !== this.props[name]);
  }

  /** False while there is no room. */
  measure() {
    const {width, height} = this.size;
    if (width < 80 || height < 80) return false;
    if (this.width !== width || this.height !== height) {
      this.width = width;
      this.height = height;
      this.place = null;
    }
    return true;
  }

  /** Places the nodes anew. @param home whether to show the beginning of a graph rather than what was shown */
  arrange(home) {
    const {graph, fold = true} = this.props;
    const right = Math.max(MARGIN.right, this.reach),
      top = Math.max(MARGIN.top, this.reach + 4),
      inner = this.width - MARGIN.left - right;
    const put = bottom => {
      this.frame = {left: MARGIN.left, top, width: inner, height: this.height - top - bottom, bottom};
    };
    put(this.slanted);
    const place = folded => layout(graph, inner, this.frame.height, this.names, this.shown, folded);
    this.place = place([]);
    this.foldable = this.place.width > inner ? emptyRuns(graph, this.shown) : [];
    if (fold && this.foldable.length) this.place = place(this.foldable);
    this.wide = this.place.width > inner + 1;
    if (this.place.level || this.wide) {
      put(this.place.level ? MARGIN.level : this.slanted + MARGIN.scroller);
      this.place = place(this.place.folded);
    }
    this.fitCanvases();
    const least = inner / this.place.width;
    this.behaviour.scaleExtent([Math.min(1, least), CLOSEST]);
    const k = home ? 1 : Math.max(least, this.zoom.k);
    this.moveTo(k, home || this.atEnd ? inner - this.place.width * k : this.zoom.x);
    this.placeScroller(); // at once: a scroller of another width tells of a place where nobody scrolled to
  }

  fitCanvases() {
    const {left, top, width, height} = this.frame;
    const put = (element, values) =>
      Object.entries(values).forEach(([key, v]) => element.style.setProperty(key, v + 'px'));
    put(this.edgeFrame, {left, top, width, height});
    put(this.canvas.edges, {left: -left, top: -top});
    Object.values(this.canvas).forEach(canvas => put(canvas, {width: this.width, height: this.height}));
    put(this.scroller, {left, width});
    const corners = (w, hh) =>
      /** @type {[[number, number], [number, number]]} */ ([
        [0, 0],
        [w, hh],
      ]);
    this.behaviour.extent(corners(width, height)).translateExtent(corners(this.place.width, height));
  }

  /** Zooms to a factor with the plane's left edge at x, as far as the plane goes. */
  moveTo(k, x) {
    const width = this.frame.width,
      least = Math.min(0, width - this.place.width * k);
    d3.select(this.plot).call(
      this.behaviour.transform,
      d3.zoomIdentity.translate(Math.min(0, Math.max(least, x)), 0).scale(k),
    );
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

  /** Whether one node's or group's links stand out. */
  get focused() {
    return this.clickedIndex >= 0 || Boolean(this.props.group);
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
    const highlight = at >= 0 ? graph.nodes[at] : null;
    paintAxes(prepare(this.canvas.axes, this.width, this.height), {...view, highlight});
    paintLinks(prepare(this.canvas.links, this.width, this.height), view, this.links);
    if (this.props.edge) paintSelectedEdge(this.canvas.links.getContext('2d'), view, this.props.edge);
    const tint = this.focused ? new Map(this.links.map(({other, share}) => [other, share])) : null;
    paintNodes(prepare(this.canvas.nodes, this.width, this.height), view, {
      tint,
      clicked: this.props.group ? -1 : this.clickedIndex,
      pinned: this.pinned,
      found,
      groupColour: id => this.groupColour(annotations, id),
    });
    paintOutputs(this.canvas.nodes.getContext('2d'), {...view, highlight});
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
      this.edgeFrame.classList.toggle('dimmed', this.focused);
      paintEdges(prepare(this.canvas.edges, this.width, this.height), this.view, this.edges);
    };
    this.edgeTimer = setTimeout(() => requestAnimationFrame(paint), delay);
  }

  zoomed(transform) {
    this.zoom = transform;
    if (!this.place) return;
    this.atEnd = transform.x + this.place.width * transform.k <= this.frame.width + 1;
    cancelAnimationFrame(this.zoomFrame);
    this.zoomFrame = requestAnimationFrame(() => {
      if (!this.place || !this.shown) return;
      // The painted edges are moved as a picture until the gesture ends.
      const from = this.edgesAt ?? d3.zoomIdentity,
        k = this.zoom.k / from.k;
      const {left, top} = this.frame;
      this.canvas.edges.style.transformOrigin = `${left}px ${top}px`;
      this.canvas.edges.style.transform = `translate(${this.zoom.x - from.x * k}px, 0) scale(${k}, 1)`;
      this.paintNow();
      this.tooltip.hide();
      this.paintEdgesSoon(SETTLE);
      this.placeScroller();
    });
  }

  placeScroller() {
    const {width} = this.frame,
      whole = this.place.width * this.zoom.k;
    this.scroller.hidden = whole <= width + 1;
    this.scrolled.style.width = whole + 'px';
    if (Math.abs(this.scroller.scrollLeft + this.zoom.x) > 1) this.scroller.scrollLeft = -this.zoom.x;
    this.scrolledTo = this.scroller.scrollLeft;
  }

  /** Zooms at the node that is pointed at or selected, if there is one in view. */
  zoomBy(factor) {
    const at = this.hovered >= 0 ? this.hovered : this.clickedIndex;
    const {left, width} = this.frame;
    const x = at >= 0 && this.shown[at] ? this.locate(at)[0] - left : width / 2;
    const centre = x >= 0 && x <= width ? x : width / 2;
    d3.select(this.plot).call(this.behaviour.scaleBy, factor, [centre, 0]);
  }

  /** Shows the plane from end to end. */
  resetZoom() {
    if (this.place) this.moveTo(Math.min(1, this.frame.width / this.place.width), 0);
  }

  /** Scrolls a node into view. */
  reveal(index) {
    if (!this.place || index < 0) return;
    const x = this.locate(index)[0] - this.frame.left;
    if (x < 0 || x > this.frame.width) this.moveTo(this.zoom.k, this.zoom.x + this.frame.width / 2 - x);
  }

  /** Where a node is within the host, for those who point at it. */
  locate(index) {
    return project(this.place, this.frame, this.zoom, index);
  }

  /** The shown node nearest to a point of the host, if it is near enough. */
  nearest(x, y) {
    return nearest(this, x, y);
  }

  /** What is pointed at; others may point too (a list's row). */
  hover(index, tooltip = false) {
    if (index !== this.hovered) {
      this.hovered = index;
      this.paintHover();
      this.actions.hover(index);
      this.plot.classList.toggle('at-node', index >= 0);
    }
    if (tooltip && index >= 0) this.tooltip.show(index, this);
    else this.tooltip.hide();
  }

  pinByKey() {
    const index = this.hovered >= 0 ? this.hovered : this.clickedIndex;
    if (index >= 0) this.actions.pin(this.props.graph.nodes[index].id);
  }

  step(dx, dy) {
    const next = step(this, dx, dy);
    if (!next) return;
    this.reveal(next.index);
    this.hover(next.index, true);
    this.live.textContent = describe(next, this.props.graph, this.props.annotations);
  }
}
