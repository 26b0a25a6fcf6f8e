// Takes the diagram out of the page: as SVG, as PNG, or with the whole page around it as one HTML file that needs no server.

import {bounds} from './diagram.js';
import {colours} from './palette.js';
import {fits} from './explaining.js';
import {FEATURE} from './model.js';
import {caption} from './numbers.js';

const MOST_FEATURES = 120;
const LINE = 16; // pixels of a line below the diagram
const CHARACTER = 6.2; // and of a character, at most
const MARGIN = 24;

export function save(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The diagram's place, and what is written below it: the numbers of its circuit, if it has been judged. */
function picture({items, graph, annotations}) {
  const b = bounds(items);
  const lines = fits(annotations.numbers, graph, annotations) ? caption(annotations.numbers) : [];
  const width = Math.max(b.width, ...lines.map(line => line.length * CHARACTER + 2 * MARGIN));
  return {...b, width, lines, bottom: b.y + b.height, height: b.height + lines.length * LINE};
}

/** The diagram as SVG text; all its looks are attributes, so it needs no style sheet. */
export function diagramSvg(view) {
  const b = picture(view);
  const c = colours();
  const svg = view.svg.cloneNode(true);
  svg.removeAttribute('class');
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('viewBox', `${b.x} ${b.y} ${b.width} ${b.height}`);
  svg.setAttribute('width', Math.round(b.width));
  svg.setAttribute('height', Math.round(b.height));
  svg.setAttribute('font-family', 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif');
  svg.querySelector('g').removeAttribute('transform');
  for (const box of svg.querySelectorAll('.box'))
    ['tabindex', 'role', 'aria-pressed', 'class', 'data-id'].forEach(name => box.removeAttribute(name));
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  Object.entries({x: b.x, y: b.y, width: b.width, height: b.height, fill: c.panel}).forEach(([name, value]) =>
    ground.setAttribute(name, value),
  );
  svg.prepend(ground);
  b.lines.forEach((line, i) => {
    const text = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    Object.entries({x: b.x + MARGIN, y: b.bottom + i * LINE - 4, 'font-size': 11, fill: c.ink}).forEach(
      ([name, value]) => text.setAttribute(name, String(value)),
    );
    text.textContent = line;
    svg.append(text);
  });
  return new XMLSerializer().serializeToString(svg);
}

export function diagramPng(view) {
  const {width, height} = picture(view);
  return svgPng(diagramSvg(view), width, height);
}

/** A picture of SVG text. */
export async function svgPng(svg, width, height, scale = 2) {
  const url = URL.createObjectURL(new Blob([svg], {type: 'image/svg+xml'}));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil(width * scale);
    canvas.height = Math.ceil(height * scale);
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * The page with this graph inside. Modules become data: addresses under an import map, because files opened from disk may not import each
 * other; the evidence about the pinned features and the most influential ones comes along.
 */
export async function standalone(graph, json, qParams, labels, source) {
  const text = async file => {
    const response = await fetch('assets/' + file);
    if (!response.ok) throw new Error(`The page can't be exported: ${file} is missing.`);
    return response.text();
  };
  const modules = new Map();
  const collect = async file => {
    if (modules.has(file)) return;
    modules.set(file, '');
    const code = await text(file);
    modules.set(file, code.replace(/(from\s+|import\s*\(\s*)'\.\/([\w-]+\.js)'/g, "$1'headwater/$2'"));
    await Promise.all([...code.matchAll(/from\s+'\.\/([\w-]+\.js)'/g)].map(match => collect(match[1])));
  };
  const [html, d3] = await Promise.all([text('index.html'), text('d3.min.js'), collect('main.js')]);
  const sheets = [...html.matchAll(/href="assets\/([\w-]+\.css)"/g)].map(match => match[1]);
  const css = await Promise.all(sheets.map(text));
  const pinned = new Set(qParams.pinnedIds);
  const chosen = graph.nodes
    .filter(node => node.kind === FEATURE && node.feature >= 0)
    .sort(
      (a, b) => Number(pinned.has(b.id)) - Number(pinned.has(a.id)) || graph.through[b.index] - graph.through[a.index],
    )
    .slice(0, MOST_FEATURES);
  const features = {};
  await Promise.all(
    chosen.map(async node => {
      const record = await source.feature(graph.scan, node.layer, node.feature).catch(() => null);
      if (record) features[`${node.layer}/${node.feature}`] = record;
    }),
  );
  const data = JSON.stringify({graph: {...json, qParams: {...json.qParams, ...qParams}}, labels, features})
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  const imports = Object.fromEntries(
    [...modules].map(([file, code]) => [
      'headwater/' + file,
      'data:text/javascript;charset=utf-8,' + encodeURIComponent(code),
    ]),
  );
  // Put together as text: a document made here would be under this page's policy, which allows no inline styles.
  const head = [
    '<style>',
    css.join('\n'),
    '</style>',
    '<script type="importmap">',
    JSON.stringify({imports}).replaceAll('<', '\\u003c'),
    '</script>',
  ];
  const body = [
    '<script type="application/json" id="embedded">',
    data,
    '</script>',
    '<script>',
    d3.replaceAll('</script', '<\\/script'),
    '</script>',
    '<script type="module">import \'headwater/main.js\';</script>',
  ];
  return html
    .replace(/^\s*<(link|script)\b.*\n/gm, '')
    .replace('</head>', () => head.join('\n') + '\n</head>')
    .replace('</body>', () => body.join('\n') + '\n</body>');
}
