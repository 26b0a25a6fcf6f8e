// Places of the nodes in the graph view: tokens across, layers up.

const NARROWEST = 1.5;
const SUBROWS = 4;

/**
 * Places in a box from 0,0 to width,height; y grows downwards, outputs are on top. A column is as wide as its busiest cell needs. Where a
 * cell has more nodes than fit side by side, they take several lines.
 *
 * @param labelWidths how wide the tokens' names are
 * @return x, y by node index; radius; columns and rows as [start, end] by position and row
 */
export function layout(graph, width, height, labelWidths = []) {
  const {nodes, tokens, rows} = graph;
  const positions = Math.max(tokens.length, 1, ...nodes.map(node => node.position + 1));
  const cells = new Map();
  for (const node of nodes) {
    const key = node.row * positions + node.position;
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(node);
  }
  const busiest = new Array(positions).fill(NARROWEST);
  for (const [key, members] of cells)
    busiest[key % positions] = Math.max(busiest[key % positions], Math.sqrt(members.length) * 1.6);
  const total = busiest.reduce((a, b) => a + b, 0);
  const named = busiest.map((_, i) => labelWidths[i] ?? 0);
  // Names first, where all of them fit; what is left goes to the busy columns.
  const room = width - named.reduce((a, b) => a + b, 0);
  const columns = [];
  let x = 0;
  busiest.forEach((share, i) =>
    columns.push([x, (x += room >= 0 ? named[i] + (share / total) * room : (share / total) * width)]),
  );
  const rowHeight = height / rows;
  const radius = Math.max(
    2,
    Math.min(5.5, rowHeight * 0.28, Math.sqrt((width * height) / Math.max(nodes.length, 1)) * 0.2),
  );
  const xs = new Float32Array(nodes.length),
    ys = new Float32Array(nodes.length);
  for (const [key, members] of cells) {
    const [start, end] = columns[key % positions];
    const row = Math.floor(key / positions);
    const middle = height - (row + 0.5) * rowHeight;
    members.sort((a, b) => (a.influence ?? 0) - (b.influence ?? 0) || a.index - b.index);
    const room = (end - start) * 0.92;
    const fitting = Math.max(1, Math.floor(room / (2.3 * radius)));
    const lines = Math.min(
      SUBROWS,
      Math.ceil(members.length / fitting),
      Math.max(1, Math.floor((rowHeight * 0.9) / (2 * radius))),
    );
    const perLine = Math.ceil(members.length / lines);
    const step = Math.min(2.6 * radius, room / perLine);
    members.forEach((node, i) => {
      const line = Math.floor(i / perLine);
      const inLine = Math.min(perLine, members.length - line * perLine);
      xs[node.index] = (start + end) / 2 + ((i % perLine) - (inLine - 1) / 2) * step;
      ys[node.index] = middle + (line - (lines - 1) / 2) * Math.min(2.2 * radius, (rowHeight * 0.9) / lines);
    });
  }
  const bands = Array.from({length: rows}, (_, row) => [height - (row + 1) * rowHeight, height - row * rowHeight]);
  return {x: xs, y: ys, radius, columns, rows: bands};
}
