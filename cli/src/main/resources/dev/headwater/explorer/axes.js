// What stands around a laid-out graph: layer bands and names, columns and the tokens' names, the outputs' names.

import {LOGIT} from './model.js';
import {layerName} from './naming.js';
import {colours} from './palette.js';
import {shorten, token} from './format.js';

const LONGEST = {level: 14, slanted: 11, output: 12};
const LINE = 12; // pixels between names that are written slanted
const ROW_NAME = 12; // pixels between layers' names
const SLANT = Math.PI / 4;

function tokenFont() {
  return `11px ${getComputedStyle(document.documentElement).getPropertyValue('--mono')}`;
}

/** The names under the columns: {first, last, text}; tokens that share a character have one. */
export function columnNames(graph) {
  return graph.words
    .filter((word, i) => word.first === i)
    .map(({first, last, text}) => ({first, last, text: token(text)}));
}

/** How wide each column's name is, in pixels, with some air. */
export function tokenWidths(context, graph) {
  context.font = tokenFont();
  const widths = new Array(graph.tokens.length).fill(0);
  for (const {first, last, text} of columnNames(graph)) {
    const width = context.measureText(shorten(text, LONGEST.level)).width + 10;
    for (let i = first; i <= last; i++) widths[i] = width / (last - first + 1);
  }
  return widths;
}

/** How far the outputs' names reach up and to the right, in pixels. */
export function outputReach(context, graph) {
  context.font = tokenFont();
  const widths = graph.nodes
    .filter(node => node.kind === LOGIT)
    .map(node => context.measureText(outputName(node)).width);
  return Math.min(64, Math.max(0, ...widths) * Math.SQRT1_2 + 6);
}

/** How far the columns' names reach down when they are written slanted, in pixels. */
export function columnReach(context, graph) {
  context.font = tokenFont();
  const widths = columnNames(graph).map(({text}) => context.measureText(shorten(text, LONGEST.slanted)).width);
  return Math.max(0, ...widths) * Math.SQRT1_2 + 18;
}

function outputName(node) {
  return shorten(node.target || token(node.token), LONGEST.output);
}

/** Layer bands and names, column lines, tokens' names. */
export function paintAxes(context, view) {
  const {frame} = view;
  const c = colours();
  context.save();
  context.lineWidth = 1;
  paintRows(context, view, c);
  context.beginPath();
  context.rect(0, frame.top, frame.left + frame.width + 14, frame.height + frame.bottom);
  context.clip();
  paintColumns(context, view, c);
  context.restore();
}

function paintRows(context, {graph, place, frame, highlight}, c) {
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const [top, bottom] = place.rows[Math.min(1, graph.rows - 1)];
  const every = Math.max(1, Math.ceil(ROW_NAME / (bottom - top)));
  const last = graph.rows - 1;
  place.rows.forEach(([y0, y1], row) => {
    if (row % 2 === 1) {
      context.fillStyle = c.wash;
      context.fillRect(frame.left, frame.top + y0, frame.width, y1 - y0);
    }
    const end = row === 0 || row === last;
    const marked = highlight?.row === row;
    const besideMarked =
      !marked &&
      highlight &&
      !end &&
      Math.abs(highlight.row - row) * (bottom - top) < ROW_NAME &&
      highlight.row % last !== 0;
    if (besideMarked || !(end || marked || (row - 1) % every === 0)) return;
    context.fillStyle = marked ? c.ink : c.muted;
    const text = (end || (row !== 1 && (every > 1 || graph.rows >= 16)) ? '' : 'L') + layerName(row, graph);
    context.fillText(text, frame.left - 8, frame.top + (y0 + y1) / 2);
  });
}

function paintColumns(context, view, c) {
  const {graph, place, frame, zoom, highlight} = view;
  const at = x => frame.left + zoom.x + x * zoom.k;
  const folded = new Map(place.folded.map(run => [run[0], run]));
  const inRun = new Set(place.folded.flatMap(([first, last]) => d3.range(first, last + 1)));
  const names = columnNames(graph)
    .filter(({first}) => !inRun.has(first))
    .map(each => ({...each, x0: at(place.columns[each.first][0]), x1: at(place.columns[each.last][1])}));
  for (const [first, last] of folded.values())
    names.push({
      first,
      last,
      text: `⋯${last - first + 1}`,
      x0: at(place.columns[first][0]),
      x1: at(place.columns[last][1]),
      folded: true,
    });
  const seen = names.filter(({x0, x1}) => x1 > frame.left && x0 < frame.left + frame.width).sort((a, b) => a.x0 - b.x0);
  context.font = tokenFont();
  const slanted =
    !(place.level && zoom.k >= 1) &&
    seen.some(({text, x0, x1}) => context.measureText(shorten(text, LONGEST.level)).width > x1 - x0 - 4);
  const y = frame.top + frame.height;
  let before = -Infinity;
  for (const {first, last, text, x0, x1, folded: run} of seen) {
    if (run) {
      context.fillStyle = c.wash;
      context.fillRect(
        Math.max(x0, frame.left),
        frame.top,
        Math.min(x1, frame.left + frame.width) - Math.max(x0, frame.left),
        frame.height,
      );
    }
    if (first > 0 && x0 > frame.left) line(context, x0, frame, c);
    const middle = (x0 + x1) / 2;
    const marked = highlight && highlight.position >= first && highlight.position <= last;
    if (middle < frame.left || middle > frame.left + frame.width || (slanted && middle - before < LINE && !marked))
      continue;
    before = middle;
    context.fillStyle = marked ? c.ink : c.muted;
    context.textBaseline = slanted ? 'middle' : 'top';
    context.textAlign = slanted ? 'right' : 'center';
    if (slanted) write(context, shorten(text, LONGEST.slanted), middle + 3, y + 8, -SLANT);
    else context.fillText(shorten(text, LONGEST.level), middle, y + 8);
  }
}

function line(context, x, frame, c) {
  context.strokeStyle = c.faint;
  context.beginPath();
  context.moveTo(Math.round(x) + 0.5, frame.top);
  context.lineTo(Math.round(x) + 0.5, frame.top + frame.height);
  context.stroke();
}

function write(context, text, x, y, angle) {
  context.save();
  context.translate(x, y);
  context.rotate(angle);
  context.fillText(text, 0, 0);
  context.restore();
}

/** The outputs' names above them, slanted; where there is no room for all, the first ones and the marked one. */
export function paintOutputs(context, {graph, place, frame, zoom, shown, highlight}) {
  const c = colours();
  context.save();
  context.font = tokenFont();
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  let before = -Infinity;
  for (const node of graph.nodes) {
    if (node.kind !== LOGIT || !shown[node.index]) continue;
    const x = frame.left + zoom.x + place.x[node.index] * zoom.k,
      y = frame.top + place.y[node.index];
    const marked = highlight === node;
    if (x < frame.left || x > frame.left + frame.width + 2 || (x - before < LINE && !marked)) continue;
    before = x;
    context.fillStyle = marked ? c.ink : c.muted;
    write(context, outputName(node), x + 2, y - 8, -SLANT);
  }
  context.restore();
}
