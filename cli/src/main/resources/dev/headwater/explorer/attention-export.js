// Takes what is shown of attention out of the page: as a picture, or as numbers.

import {keyOf} from './attention.js';
import {svgPng, save} from './export.js';
import {shorten, signed, token} from './format.js';
import {name} from './naming.js';
import {colours, signedColour} from './palette.js';
import {shade} from './pattern-view.js';
import {called} from './qk-view.js';
import {menu} from './toolbars.js';

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const LEAST = 0.005; // smaller probabilities are left out of pictures
const BARS = 300;

/** The menu; view: the attention view. */
export function exportMenu(view, notice) {
  const attempt = action => async () => {
    try {
      await action();
    } catch (failure) {
      notice(failure.message, true);
    }
  };
  const file = () => {
    const {name: graph, head, edge} = view.state;
    return `${graph}-attention-${head ? `${head.layer}-${head.head}` : `${edge.source}-${edge.target}`}`;
  };
  const blob = (text, type) => new Blob([text], {type});
  const made = menu('Export', [
    ['Picture (SVG)', attempt(() => save(file() + '.svg', blob(picture(content(view)).svg, 'image/svg+xml')))],
    [
      'Picture (PNG)',
      attempt(async () => {
        const {svg, width, height} = picture(content(view));
        save(file() + '.png', await svgPng(svg, width, height));
      }),
    ],
    [
      'Numbers (JSON)',
      attempt(() => save(file() + '.json', blob(JSON.stringify(numbers(content(view)), null, 2), 'application/json'))),
    ],
    ['Numbers (CSV)', attempt(() => save(file() + '.csv', blob(table(numbers(content(view))), 'text/csv')))],
  ]);
  made.button.id = 'attention-export';
  return made.element;
}

/** What is shown now. */
function content(view) {
  const {graph, annotations, edge, head, look, name: of} = view.state;
  const heads = edge
    ? (view.questions.known('edge', `${edge.source}>${edge.target}`)?.value ??
      view.heads?.edge(edge.source, edge.target))
    : null;
  return {
    graph,
    annotations,
    of,
    edge,
    heads,
    head,
    look,
    attention: head ? view.attention(head) : null,
    why: view.why(),
  };
}

/** The numbers, as an object that becomes JSON. @returns {any} */
export function numbers({of, edge, heads, head, look, attention, why}) {
  return {
    graph: of,
    ...(edge && heads
      ? {edge: {...edge, weight: heads.weight, every_head: heads.whole, rest: heads.rest, layers: heads.layers}}
      : {}),
    ...(head ? {head, ...(attention ? {attention} : {})} : {}),
    ...(why?.score ? {score: scoreOf(why.score, head, look)} : {}),
  };
}

/** As `headwater attention --json` writes it. */
function scoreOf({query, key, relative, ...rest}, head, look) {
  return {
    ...(head && look ? {...head, ...look} : {}),
    ...rest,
    query_sources: query,
    key_sources: key,
    relative_sources: relative,
  };
}

/** The numbers in rows: what, layer, head, query, key, node, other, value. */
export function table({edge, head, attention, score}) {
  const rows = [['what', 'layer', 'head', 'query', 'key', 'node', 'other', 'value']];
  const at = head ? [head.layer, head.head] : ['', ''];
  for (const {layer, bypass, parts} of edge?.layers ?? []) {
    for (const part of parts) rows.push(['loading', layer, part.head, '', '', edge.source, edge.target, part.loading]);
    rows.push(['bypass', layer, '', '', '', edge.source, edge.target, bypass]);
  }
  attention?.forEach((row, query) =>
    row.forEach((value, key) => rows.push(['attention', ...at, query, key, '', '', value])),
  );
  if (score) {
    const row = (what, node, other, value) =>
      rows.push([what, ...at, score.query ?? '', score.key ?? '', node, other, value]);
    if (score.score !== undefined) row('score', '', '', score.score);
    for (const {node, value} of score.query_sources) row('query side', node, '', value);
    for (const {node, value} of score.key_sources) row('key side', node, '', value);
    for (const {node, value} of score.relative_sources) row('rather than elsewhere', node, '', value);
    for (const pair of score.pairs) row('pair', pair.query, pair.key, pair.value);
  }
  return rows.map(row => row.map(quote).join(',')).join('\n') + '\n';
}

function quote(value) {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One picture of all: the pattern, the edge's bars, the score's sources. All its looks are attributes. */
export function picture({graph, annotations, edge, heads, head, look, attention, why}) {
  const c = colours();
  const out = [];
  let x = 16,
    height = 60;
  const text = (left, y, said, {size = 12, anchor = 'start', fill = c.ink, weight = 400, turn = ''} = {}) =>
    out.push(
      `<text x="${r(left)}" y="${r(y)}" font-size="${size}" text-anchor="${anchor}" fill="${fill}" font-weight="${weight}"${turn}>${escape(said)}</text>`,
    );
  const rect = (left, y, w, hh, fill, more = '') =>
    out.push(`<rect x="${r(left)}" y="${r(y)}" width="${r(w)}" height="${r(hh)}" fill="${fill}"${more}/>`);
  const bars = (title, rows) => {
    text(x, 26, title, {size: 14, weight: 650});
    const longest = Math.max(1e-12, ...rows.map(row => Math.abs(row.value ?? 0)));
    rows.forEach(({label, value}, i) => {
      const y = 48 + i * 18;
      if (value === undefined) return text(x, y, label, {weight: 650});
      text(x, y, shorten(label, 20), {fill: c.muted});
      const w = (50 * Math.abs(value)) / longest;
      rect(x + 190 - (value < 0 ? w : 0), y - 9, Math.max(w, 0.5), 10, signedColour((0.4 * value) / longest));
      text(x + BARS - 4, y, signed(value), {anchor: 'end', size: 11});
    });
    height = Math.max(height, 60 + rows.length * 18);
    x += BARS + 24;
  };
  if (head) {
    const n = graph.tokens.length,
      cell = Math.max(3, Math.min(26, 420 / n)),
      left = x + 80,
      top = 40;
    text(x, 26, `Head ${keyOf(head)}`, {size: 14, weight: 650});
    out.push(
      `<path d="M${left},${top}${Array.from({length: n}, (_, i) => `H${r(left + (i + 1) * cell)}v${r(cell)}`).join('')}H${left}Z" fill="${c.wash}"/>`,
    );
    attention?.forEach((row, query) =>
      row.forEach((value, key) => {
        if (value >= LEAST)
          rect(
            left + key * cell,
            top + query * cell,
            cell - (cell > 6 ? 0.5 : 0),
            cell - (cell > 6 ? 0.5 : 0),
            shade(value, c),
          );
      }),
    );
    const every = Math.max(1, Math.ceil(12 / cell));
    for (let i = 0; i < n; i += every) {
      const said = shorten(token(graph.textAt(i)), 10);
      text(left - 6, top + (i + 0.5) * cell + 4, said, {size: 10, anchor: 'end', fill: c.muted});
      const [px, py] = [left + (i + 0.5) * cell + 3, top + n * cell + 12];
      text(px, py, said, {size: 10, anchor: 'end', fill: c.muted, turn: ` transform="rotate(-45 ${r(px)} ${r(py)})"`});
    }
    if (look)
      rect(left + look.key * cell, top + look.query * cell, cell, cell, 'none', ` stroke="${c.ink}" stroke-width="2"`);
    height = Math.max(height, top + n * cell + 74);
    x = left + n * cell + 32;
  }
  if (edge && heads)
    bars(
      shorten([edge.source, edge.target].map(id => name(graph.node(id), annotations)).join(' → '), 40),
      heads.layers.flatMap(layer => [
        {label: `Layer ${layer.layer}`},
        ...layer.parts.map(part => ({label: `head ${layer.layer}/${part.head}`, value: part.loading})),
        {label: heads.whole ? 'bypass' : 'others', value: layer.bypass},
      ]),
    );
  if (why?.score)
    bars('Why it looks there', [
      {label: 'Query side'},
      ...why.score.query.map(each => ({label: called(each.node, graph, annotations).text, value: each.value})),
      {label: 'Key side'},
      ...why.score.key.map(each => ({label: called(each.node, graph, annotations).text, value: each.value})),
    ]);
  return {
    width: x,
    height,
    svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${r(x)}" height="${r(height)}" viewBox="0 0 ${r(x)} ${r(height)}" font-family='${FONT}'><rect width="100%" height="100%" fill="${c.panel}"/>${out.join('')}</svg>`,
  };
}

function r(x) {
  return Math.round(x * 100) / 100;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
