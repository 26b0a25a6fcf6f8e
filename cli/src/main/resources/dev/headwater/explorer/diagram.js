// The pinned subgraph as a circuit diagram: what its boxes are, how strongly they are tied, and where they stand.

import {groupId} from './annotations.js';
import {name} from './naming.js';
import {FEATURE, LOGIT, TOKEN} from './model.js';
import {shorten, word} from './format.js';

export const BOX_HEIGHT = 42;
const GAP = 18;
const LEVEL = 74;
const NOMINAL_WIDTH = 560;
const WEAKEST = 0.015; // of a box's input; weaker ties are not drawn

/**
 * Boxes and ties. A tie's share is what its source gives of the target's input from outside the target, members of a group weighted by how much of
 * their input comes from outside.
 *
 * @return items {id, label, detail, members, group, row, position, kind, width}, ties {from, to, share}
 */
export function diagram(graph, annotations, measure) {
  const items = [],
    itemOf = new Map();
  const add = (id, members, group) => {
    if (members.length === 0) return;
    const item = {
      id,
      members,
      group,
      kind: members[0].kind,
      row: d3.mean(members, n => n.row),
      position: d3.mean(members, n => n.position),
    };
    item.label = group ? group.label : name(members[0], annotations);
    item.detail = detail(item, graph);
    item.width = Math.max(
      64,
      Math.min(236, Math.max(measure(shorten(item.label, 26), 13), measure(item.detail, 11)) + 26),
    );
    items.push(item);
    members.forEach(node => itemOf.set(node.index, item));
  };
  const nodes = ids => ids.map(id => graph.node(id)).filter(Boolean);
  annotations.groups.forEach(group =>
    add(
      groupId(group),
      nodes(group.members).filter(node => !itemOf.has(node.index)),
      group,
    ),
  );
  nodes(annotations.pinned)
    .filter(node => !itemOf.has(node.index))
    .forEach(node => add(node.id, [node], null));

  const ties = new Map();
  for (const item of items) {
    const outside = new Map(
      item.members.map(node => [
        node,
        d3.sum(graph.inputsOf(node.index), e => (itemOf.get(graph.source[e]) === item ? 0 : Math.abs(graph.weight[e]))),
      ]),
    );
    const weights = item.members.map(node =>
      graph.inputSum[node.index] > 0 ? outside.get(node) / graph.inputSum[node.index] : 0,
    );
    const total = d3.sum(weights) || 1;
    item.members.forEach((node, i) => {
      for (const e of graph.inputsOf(node.index)) {
        const from = itemOf.get(graph.source[e]);
        if (!from || from === item || !outside.get(node)) continue;
        const key = from.id + '\n' + item.id;
        if (!ties.has(key)) ties.set(key, {from, to: item, share: 0});
        ties.get(key).share += ((graph.weight[e] / outside.get(node)) * weights[i]) / total;
      }
    });
  }
  return {
    items,
    ties: [...ties.values()]
      .filter(tie => Math.abs(tie.share) >= WEAKEST)
      .sort((a, b) => Math.abs(a.share) - Math.abs(b.share)),
  };
}

function detail(item, graph) {
  const at = word(graph.textAt(Math.round(item.position)));
  if (item.members.length === 1) {
    const [node] = item.members;
    return node.kind === TOKEN
      ? `token ${node.position}`
      : node.kind === LOGIT
        ? node.target
          ? 'target'
          : `p = ${node.probability.toFixed(2)}`
        : `L${node.layer} · ${shorten(at, 12)}`;
  }
  const [low, high] = d3.extent(item.members, node => node.layer);
  const places = new Set(item.members.map(node => node.position)).size;
  const what = item.members.every(node => node.kind === FEATURE) ? 'features' : 'nodes';
  return `${item.members.length} ${what} · L${low === high ? low : low + '–' + high}${places === 1 ? ' · ' + shorten(at, 12) : ''}`;
}

/** Gives each box x and y, its middle: tokens below, outputs above, left and right as in the prompt; what people have placed stays there. */
export function arrange({items, ties}, places) {
  const levels = levelsOf(items, ties);
  const positions = [...new Set(items.map(item => item.position))].sort(d3.ascending);
  const broadest = Math.max(NOMINAL_WIDTH, ...levels.map(level => d3.sum(level, item => item.width + GAP)));
  const column = position =>
    positions.length < 2 ? broadest / 2 : (positions.indexOf(position) / (positions.length - 1)) * broadest;
  items.forEach(item => {
    item.x = item.wish = column(item.position);
  });
  for (let sweep = 0; sweep < 4; sweep++) {
    levels.forEach(level => spread(level));
    for (const item of items) {
      const near = ties.filter(tie => tie.from === item || tie.to === item);
      const weight = d3.sum(near, tie => Math.abs(tie.share));
      const pull =
        weight > 0
          ? d3.sum(near, tie => (tie.from === item ? tie.to : tie.from).x * Math.abs(tie.share)) / weight
          : item.x;
      const own = item.kind === TOKEN ? 0.15 : 0.65; // a token stands below what it feeds
      item.wish = own * column(item.position) + (1 - own) * pull;
    }
  }
  levels.forEach((level, i) => {
    spread(level);
    level.forEach(item => {
      item.y = -i * LEVEL;
    });
  });
  for (const item of items) {
    if (places[item.id]) [item.x, item.y] = places[item.id];
  }
}

/** From below: boxes of neighbouring layers share a level unless one feeds the other. */
function levelsOf(items, ties) {
  const sorted = [...items].sort((a, b) => a.row - b.row || a.position - b.position);
  const rows = items.map(item => item.row);
  const tied = new Set(ties.map(tie => tie.from.id + '\n' + tie.to.id));
  const span = Math.max(...rows) - Math.min(...rows);
  const tolerance = Math.max(0.99, span * 0.07);
  const levels = [];
  for (const item of sorted) {
    const level = levels.at(-1);
    const fits =
      level &&
      item.row - level[0].row <= tolerance &&
      (level[0].kind === TOKEN) === (item.kind === TOKEN) &&
      (level[0].kind === LOGIT) === (item.kind === LOGIT) &&
      !level.some(other => tied.has(other.id + '\n' + item.id));
    if (fits) level.push(item);
    else levels.push([item]);
  }
  return levels;
}

/** Moves the boxes of a level apart, as little as possible from where they wish to be. */
function spread(level) {
  level.sort((a, b) => a.wish - b.wish);
  // Pooled blocks: each keeps its boxes side by side around the mean of their wishes.
  const blocks = [];
  for (const item of level) {
    let block = {items: [item], width: item.width + GAP, middle: item.wish};
    while (blocks.length && blocks.at(-1).middle + blocks.at(-1).width / 2 > block.middle - block.width / 2) {
      const left = blocks.pop();
      const width = left.width + block.width;
      block = {items: [...left.items, ...block.items], width, middle: 0};
      let x = 0,
        sum = 0;
      for (const each of block.items) {
        sum += each.wish - (x + (each.width + GAP) / 2 - width / 2);
        x += each.width + GAP;
      }
      block.middle = sum / block.items.length;
    }
    blocks.push(block);
  }
  for (const block of blocks) {
    let x = block.middle - block.width / 2;
    for (const item of block.items) {
      item.x = x + (item.width + GAP) / 2;
      x += item.width + GAP;
    }
  }
}

/** The box around everything, with a margin. */
export function bounds(items) {
  if (items.length === 0) return {x: 0, y: 0, width: 100, height: 100};
  const x0 = Math.min(...items.map(i => i.x - i.width / 2)),
    x1 = Math.max(...items.map(i => i.x + i.width / 2));
  const y0 = Math.min(...items.map(i => i.y)),
    y1 = Math.max(...items.map(i => i.y));
  return {x: x0 - 24, y: y0 - BOX_HEIGHT / 2 - 24, width: x1 - x0 + 48, height: y1 - y0 + BOX_HEIGHT + 48};
}
