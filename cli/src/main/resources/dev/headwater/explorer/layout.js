// Places of the nodes in the graph view: tokens across, layers up.

const LINES = 4; // in a cell at most
const NAMED_COLUMN = 15; // pixels that a slanted name needs
const FOLDED_COLUMN = 30; // pixels of a run of columns without features
const FEWEST_FOLDED = 3; // columns; shorter runs stay
const END_ROW = 22; // least height of the tokens' row and the outputs'
const OUTPUT_STEP = 15; // pixels between outputs, so that their names fit beside each other
const GROWTH = 2.3; // of a node's radius, from one node to the next

/** Runs of columns that hold nothing but their token: [first, last] each. keep: positions that must stay. */
export function emptyRuns(graph, shown, keep = new Set()) {
  const busy = new Uint8Array(columnCount(graph));
  for (const node of graph.nodes) if (shown[node.index] && node.row > 0) busy[node.position] = 1;
  for (const position of keep) busy[position] = 1;
  const runs = [];
  for (let i = 1; i < busy.length;) {
    let end = i;
    while (end < busy.length && !busy[end]) end++;
    if (end - i >= FEWEST_FOLDED) runs.push([i, end - 1]);
    i = Math.max(end, i + 1);
  }
  return runs;
}

function columnCount(graph) {
  return graph.nodes.reduce((most, node) => Math.max(most, node.position + 1), Math.max(graph.tokens.length, 1));
}

/**
 * Places on a plane that is as wide as the box, or wider where the columns need it; y grows downwards, outputs are on top. Where a
 * cell has more nodes than fit side by side, they take several lines.
 *
 * @param labelWidths how wide the tokens' names are
 * @param shown       1 for each node that is to be seen; others take no room
 * @param folded      runs of columns to draw as one, as emptyRuns gives them
 * @return x, y by node index; width of the plane; radius; columns and rows as [start, end] by position and row; folded; level: whether
 *   every name fits below its column
 */
export function layout(graph, width, height, labelWidths = [], shown = null, folded = []) {
  const {nodes, rows} = graph;
  const positions = columnCount(graph);
  const cells = new Map();
  for (const node of nodes) {
    if (shown && !shown[node.index]) continue;
    const key = node.row * positions + node.position;
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(node);
  }
  const bands = rowBands(rows, height);
  const rowHeight = rows > 2 ? bands[1][1] - bands[1][0] : height;
  const radius = Math.max(
    2.2,
    Math.min(5.5, rowHeight * 0.36, Math.sqrt((width * height) / Math.max(nodes.length, 1)) * 0.24),
  );
  const linesOf = n => Math.min(LINES, n, Math.max(1, Math.floor((rowHeight * 0.9) / (2 * radius))));
  const needs = new Array(positions).fill(0);
  for (const [key, members] of cells) {
    if (Math.floor(key / positions) === rows - 1) continue; // outputs may reach over the columns beside theirs
    const at = key % positions;
    needs[at] = Math.max(needs[at], Math.ceil(members.length / linesOf(members.length)) * GROWTH * radius + 4);
  }
  const place = columnsOf(needs, width, labelWidths, folded);
  const xs = new Float32Array(nodes.length),
    ys = new Float32Array(nodes.length);
  for (const [key, members] of cells) {
    const [start, end] = place.columns[key % positions];
    const row = Math.floor(key / positions);
    const [top, bottom] = bands[row];
    const middle = (top + bottom) / 2;
    members.sort((a, b) => (a.influence ?? 0) - (b.influence ?? 0) || a.index - b.index);
    if (row === rows - 1) {
      const step = Math.min(OUTPUT_STEP, (0.5 * width) / members.length);
      const first = Math.min((start + end) / 2, place.width - 6 - step * (members.length - 1));
      members.forEach((node, i) => {
        xs[node.index] = first + i * step;
        ys[node.index] = middle;
      });
      continue;
    }
    const lines = linesOf(members.length);
    const perLine = Math.ceil(members.length / lines);
    const step = Math.min(2.6 * radius, ((end - start) * 0.92) / perLine);
    members.forEach((node, i) => {
      const line = Math.floor(i / perLine);
      const inLine = Math.min(perLine, members.length - line * perLine);
      xs[node.index] = (start + end) / 2 + ((i % perLine) - (inLine - 1) / 2) * step;
      ys[node.index] = middle + (line - (lines - 1) / 2) * Math.min(2.2 * radius, (rowHeight * 0.9) / lines);
    });
  }
  return {x: xs, y: ys, radius, rows: bands, folded, ...place};
}

/** From the top of the plane down: [top, bottom] of each row, tokens first. The ends get what a name needs. */
function rowBands(rows, height) {
  const end = rows > 2 ? Math.max(Math.min(END_ROW, height * 0.2), height / rows) : height / rows;
  const inner = rows > 2 ? (height - 2 * end) / (rows - 2) : end;
  return Array.from({length: rows}, (_, row) => {
    const bottom = row === 0 ? height : height - end - (row - 1) * inner;
    return [bottom - (row === 0 || row === rows - 1 ? end : inner), bottom];
  });
}

/** Names first where all of them fit; what is left goes to the busy columns. Where little fits, the plane grows wider than the box. */
function columnsOf(needs, width, labelWidths, folded) {
  const named = needs.map((_, i) => labelWidths[i] ?? 0);
  const total = named.reduce((sum, each) => sum + each, 0);
  const level = folded.length === 0 && total <= width;
  const columns = new Array(needs.length);
  const least = needs.map((need, i) => (level ? Math.max(need, named[i]) : Math.max(need, NAMED_COLUMN)));
  for (const [first, last] of folded) for (let i = first; i <= last; i++) least[i] = FOLDED_COLUMN / (last - first + 1);
  const sum = least.reduce((a, b) => a + b, 0);
  const plane = Math.max(width, sum);
  const shares = needs.map((need, i) => (least[i] < NAMED_COLUMN && !level ? 0 : Math.sqrt(need + 6)));
  const share = (plane - sum) / (shares.reduce((a, b) => a + b, 0) || 1);
  let x = 0;
  least.forEach((each, i) => (columns[i] = [x, (x += each + shares[i] * share)]));
  return {columns, width: plane, level};
}
