// Paints a laid-out graph on stacked canvases. Each canvas is painted only when what it shows has changed.

import {FEATURE} from './model.js';
import {colours, edgeWidth, signedColour, trace} from './palette.js';
import {shorten, token} from './format.js';
import {layerName} from './naming.js';

const EDGE_BUCKETS = 5;

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

/** From a place in the layout to one on the screen. frame: left, top, width, height of the plot; zoom: d3's k, x, y. */
export function project(place, frame, zoom, index) {
  return [frame.left + zoom.x + place.x[index] * zoom.k, frame.top + zoom.y + place.y[index] * zoom.k];
}

function clip(context, frame) {
  context.beginPath();
  context.rect(frame.left, frame.top, frame.width, frame.height);
  context.clip();
}

/** Layer bands, column lines, token and layer names. */
export function paintAxes(context, {graph, place, frame, zoom, highlight}) {
  const c = colours();
  const font = getComputedStyle(document.body).fontFamily;
  context.save();
  context.lineWidth = 1;
  context.strokeStyle = c.faint;
  context.save();
  context.beginPath();
  context.rect(0, frame.top, frame.left + frame.width, frame.height);
  context.clip();
  const labelEvery = Math.max(1, Math.ceil(13 / ((place.rows[0][1] - place.rows[0][0]) * zoom.k)));
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  context.font = `11px ${font}`;
  place.rows.forEach(([top, bottom], row) => {
    const y0 = frame.top + zoom.y + top * zoom.k,
      y1 = frame.top + zoom.y + bottom * zoom.k;
    if (row % 2 === 1) {
      context.fillStyle = c.wash;
      context.fillRect(frame.left, y0, frame.width, y1 - y0);
    }
    const edge = row === 0 || row === graph.rows - 1;
    if (edge || (row - 1) % labelEvery === 0) {
      context.fillStyle = highlight?.row === row ? c.ink : c.muted;
      context.fillText(
        edge
          ? layerName(row, graph)
          : (row === 1 || (labelEvery === 1 && graph.rows < 16) ? 'L' : '') + layerName(row, graph),
        frame.left - 8,
        (y0 + y1) / 2,
      );
    }
  });
  context.restore();
  paintColumns(context, graph, place, frame, zoom, highlight, c);
  context.restore();
}

function tokenFont() {
  return `11px ${getComputedStyle(document.documentElement).getPropertyValue('--mono')}`;
}

/** How wide the names under the columns are, in pixels, with some air. */
export function tokenWidths(context, graph) {
  context.font = tokenFont();
  return graph.tokens.map(text => context.measureText(shorten(token(text), 14)).width + 10);
}

function paintColumns(context, graph, place, frame, zoom, highlight, c) {
  context.save();
  context.beginPath();
  context.rect(0, frame.top, frame.left + frame.width + 14, frame.height + frame.bottom);
  context.clip();
  context.font = tokenFont();
  const widths = place.columns.map(([a, b]) => (b - a) * zoom.k);
  const slanted =
    zoom.k === 1
      ? frame.slanted
      : graph.tokens.some((text, i) => context.measureText(shorten(token(text), 14)).width > widths[i] - 4);
  let last = -Infinity;
  graph.tokens.forEach((text, position) => {
    const [a, b] = place.columns[position];
    const x0 = frame.left + zoom.x + a * zoom.k,
      x1 = frame.left + zoom.x + b * zoom.k;
    if ((x0 + x1) / 2 < frame.left || (x0 + x1) / 2 > frame.left + frame.width) return;
    if (position > 0 && x0 > frame.left) {
      context.strokeStyle = c.faint;
      context.beginPath();
      context.moveTo(Math.round(x0) + 0.5, frame.top);
      context.lineTo(Math.round(x0) + 0.5, frame.top + frame.height);
      context.stroke();
    }
    const middle = (x0 + x1) / 2;
    const marked = highlight?.position === position;
    if (slanted && middle - last < 12 && !marked) return;
    last = middle;
    context.fillStyle = marked ? c.ink : c.muted;
    const label = shorten(token(text), slanted ? 11 : 14);
    if (slanted) {
      context.save();
      context.translate(middle + 3, frame.top + frame.height + 8);
      context.rotate(-Math.PI / 4);
      context.textAlign = 'right';
      context.textBaseline = 'middle';
      context.fillText(label, 0, 0);
      context.restore();
    } else {
      context.textAlign = 'center';
      context.textBaseline = 'top';
      context.fillText(label, middle, frame.top + frame.height + 8);
    }
  });
  context.restore();
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
  const crowd = Math.min(1, Math.sqrt(400 / Math.max(edges.length, 1)));
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
  for (const {edge, share} of links.toReversed()) {
    context.beginPath();
    curve(context, place, frame, zoom, graph.source[edge], graph.target[edge]);
    context.strokeStyle = signedColour(share);
    context.lineWidth = edgeWidth(share);
    context.globalAlpha = 0.85;
    context.stroke();
  }
  context.restore();
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
    const fill =
      rank === 3 ? c.accent : share !== undefined && !found ? signedColour(share) : (groupColour(node.id) ?? c.pinned);
    draw(
      [node],
      rank === 1 ? r : r * 1.35,
      fill,
      rank === 1 ? c['node-line'] : c.ink,
      rank === 1 ? 0.9 : 1.8,
      faint ? 0.25 : 1,
    );
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

export function nodeRadius(place, zoom) {
  return place.radius * Math.min(2.6, Math.pow(zoom.k, 0.6));
}
