// Paints a laid-out graph on stacked canvases. Each canvas is painted only when what it shows has changed.

import {FEATURE} from './model.js';
import {colours, edgeWidth, signedColour, trace} from './palette.js';

const EDGE_BUCKETS = 5;
const MANY = 250; // edges, from which on each is drawn fainter
const MANY_LINKS = 60; // of the selected node, from which on the weak ones are

/** A canvas as large as its host, in device pixels. */
export function prepare(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** From a place in the layout to one on the screen: only across is zoomed. frame: left, top, width, height of the plot; zoom: k, x */
export function project(place, frame, zoom, index) {
  return [frame.left + zoom.x + place.x[index] * zoom.k, frame.top + place.y[index]];
}

function clip(context, frame) {
  context.beginPath();
  context.rect(frame.left, frame.top, frame.width, frame.height);
  context.clip();
}

/** Adds an edge: it leaves its source upwards and arrives at its target from below. */
function curve(path, place, frame, zoom, from, to) {
  const [x0, y0] = project(place, frame, zoom, from),
    [x1, y1] = project(place, frame, zoom, to);
  const bend = (y0 - y1) * 0.42;
  path.moveTo(x0, y0);
  path.bezierCurveTo(x0, y0 - bend, x1, y1 + bend, x1, y1);
}

/** The graph's edges, faint, the strongest ones a little less so. edges: indices, the strongest first. */
export function paintEdges(context, {graph, place, frame, zoom, shown}, edges) {
  const c = colours();
  context.save();
  clip(context, frame);
  context.strokeStyle = c.muted;
  const size = Math.ceil(edges.length / EDGE_BUCKETS);
  const crowd = Math.min(1, Math.sqrt(MANY / Math.max(edges.length, 1)));
  for (let bucket = EDGE_BUCKETS - 1; bucket >= 0; bucket--) {
    context.beginPath();
    for (let i = bucket * size; i < Math.min(edges.length, (bucket + 1) * size); i++) {
      const from = graph.source[edges[i]],
        to = graph.target[edges[i]];
      if (shown[from] && shown[to]) curve(context, place, frame, zoom, from, to);
    }
    const strength = 1 - bucket / EDGE_BUCKETS;
    context.globalAlpha = (0.1 + 0.35 * strength * strength) * (0.25 + 0.75 * crowd);
    context.lineWidth = 0.5 + 0.9 * strength * strength;
    context.stroke();
  }
  context.restore();
}

/** The edges of the selected node, signed and weighted. */
export function paintLinks(context, {graph, place, frame, zoom}, links) {
  context.save();
  clip(context, frame);
  context.lineCap = 'round';
  const crowd = Math.min(1, Math.sqrt(MANY_LINKS / Math.max(links.length, 1)));
  for (const {edge, share} of links.toReversed()) {
    context.beginPath();
    curve(context, place, frame, zoom, graph.source[edge], graph.target[edge]);
    context.strokeStyle = signedColour(share);
    context.lineWidth = edgeWidth(share);
    context.globalAlpha = Math.min(0.85, 0.85 * crowd + 5 * Math.abs(share));
    context.stroke();
  }
  context.restore();
}

/** The edge that is selected itself. */
export function paintSelectedEdge(context, {graph, place, frame, zoom}, {source, target}) {
  const [from, to] = [graph.node(source), graph.node(target)];
  if (!from || !to) return;
  context.save();
  clip(context, frame);
  context.beginPath();
  curve(context, place, frame, zoom, from.index, to.index);
  context.strokeStyle = colours().panel;
  context.lineWidth = 6;
  context.stroke();
  context.strokeStyle = colours().accent;
  context.lineWidth = 3;
  context.stroke();
  context.restore();
}

/** How far a point is from an edge as it is drawn, in pixels. */
export function distanceToEdge({place, frame, zoom}, from, to, x, y) {
  const [x0, y0] = project(place, frame, zoom, from),
    [x1, y1] = project(place, frame, zoom, to);
  const bend = (y0 - y1) * 0.42;
  let least = Infinity,
    [px, py] = [x0, y0];
  for (let i = 1; i <= 16; i++) {
    const t = i / 16,
      u = 1 - t;
    const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    const [qx, qy] = [(a + b) * x0 + (c + d) * x1, a * y0 + b * (y0 - bend) + c * (y1 + bend) + d * y1];
    const [dx, dy] = [qx - px, qy - py];
    const along = Math.max(0, Math.min(1, ((x - px) * dx + (y - py) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(px + along * dx - x, py + along * dy - y));
    [px, py] = [qx, qy];
  }
  return least;
}

/**
 * All shown nodes. Those linked to the selected node carry the colour of their share; while a node is selected the others step back.
 *
 * @param tint share by node index, for the linked ones; null when nothing is selected
 */
export function paintNodes(context, view, {tint, clicked, pinned, found, groupColour}) {
  const {graph, place, frame, zoom, shown} = view;
  const c = colours();
  const r = nodeRadius(place, zoom);
  context.save();
  clip(context, {
    ...frame,
    left: frame.left - r - 2,
    width: frame.width + 2 * r + 4,
    top: frame.top - r - 2,
    height: frame.height + 2 * r + 4,
  });
  const plain = Array.from({length: 12}, () => []),
    special = [];
  for (const node of graph.nodes) {
    if (!shown[node.index]) continue;
    const share = tint?.get(node.index);
    const isPinned = pinned.has(node.id);
    const hit = found ? found.has(node.index) : false;
    const state =
      (found && !hit) || (!found && tint && share === undefined && node.index !== clicked && !isPinned)
        ? 1
        : hit && node.kind === FEATURE
          ? 2
          : 0;
    if (node.index === clicked || isPinned || (share !== undefined && !found))
      special.push({node, share, rank: node.index === clicked ? 3 : isPinned ? 2 : 1, faint: found && !hit});
    else plain[node.kind * 3 + state].push(node);
  }
  const fills = [c.node, c.panel, c.muted, c.ink],
    lines = [c['node-line'], c.muted, c['node-line'], c['node-line']];
  const draw = (nodes, radius, fill, line, width, alpha) => {
    context.beginPath();
    for (const node of nodes) {
      const [x, y] = project(place, frame, zoom, node.index);
      trace(context, node.kind, x, y, radius);
    }
    context.globalAlpha = alpha;
    context.fillStyle = fill;
    context.fill();
    context.globalAlpha = Math.max(alpha, 0.3);
    context.strokeStyle = line;
    context.lineWidth = width;
    context.stroke();
  };
  plain.forEach((nodes, i) => {
    const kind = Math.floor(i / 3),
      state = i % 3;
    if (nodes.length)
      draw(
        nodes,
        r,
        state === 2 ? c['accent-soft'] : fills[kind],
        state === 2 ? c.accent : lines[kind],
        0.9,
        state === 1 ? (found ? 0.18 : 0.38) : 1,
      );
  });
  special.sort((a, b) => a.rank - b.rank);
  for (const {node, share, rank, faint} of special) {
    // A group keeps its colour; what such a node gives or gets is the colour of its outline.
    const linked = share !== undefined && !found ? signedColour(share) : null;
    const own = rank === 2 ? groupColour(node.id) : null;
    const fill = rank === 3 ? c.accent : (own ?? linked ?? c.pinned);
    const line = rank === 1 ? c['node-line'] : (own && linked) || c.ink;
    draw([node], rank === 1 ? r : r * 1.35, fill, line, rank === 1 ? 0.9 : own && linked ? 3 : 1.8, faint ? 0.25 : 1);
  }
  context.restore();
}

/** The ring around what the pointer or the keyboard is at, and dashed ones around the same feature elsewhere. */
export function paintHover(context, {graph, place, frame, zoom, shown}, hovered) {
  if (hovered < 0) return;
  const c = colours();
  const r = nodeRadius(place, zoom);
  const node = graph.nodes[hovered];
  context.save();
  context.strokeStyle = c.accent;
  context.lineWidth = 2;
  context.beginPath();
  trace(context, node.kind, ...project(place, frame, zoom, hovered), r + 4);
  context.stroke();
  if (node.kind === FEATURE) {
    context.setLineDash([3, 2]);
    context.lineWidth = 1.3;
    context.beginPath();
    for (const other of graph.nodes) {
      if (
        other.key === node.key &&
        other.layer === node.layer &&
        other.kind === FEATURE &&
        other !== node &&
        shown[other.index]
      ) {
        trace(context, FEATURE, ...project(place, frame, zoom, other.index), r + 3);
      }
    }
    context.stroke();
  }
  context.restore();
}

/** Nodes shrink a little when columns are pressed together, and do not grow: rows keep their height. */
export function nodeRadius(place, zoom) {
  return place.radius * Math.max(0.7, Math.min(1, Math.sqrt(zoom.k)));
}
