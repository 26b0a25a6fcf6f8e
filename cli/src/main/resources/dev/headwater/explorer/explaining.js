// What explaining a graph comes to, without a page: what is asked for, the circuit as annotations, all of it as markdown.

import {COLOURS, keep} from './annotations.js';
import {number, percent, quoted, signed} from './format.js';
import {FEATURE, LOGIT, TOKEN} from './model.js';
import {effectRows, layerRows, LAYERS} from './card.js';
import {about, COLUMNS, readNumbers, rows, share, words} from './numbers.js';
import {keyOf, siteOf} from './steering.js';

/** The outputs that a circuit can be looked for, the most probable one in front. */
export function answers(graph) {
  return graph.nodes
    .filter(node => node.kind === LOGIT && !node.target && /^\d+$/.test(node.key))
    .sort((a, b) => b.probability - a.probability);
}

/** The pinned features. */
export function pinnedFeatures(graph, annotations) {
  return annotations.pinned.map(id => graph.node(id)).filter(node => node?.kind === FEATURE && node.feature >= 0);
}

/** Nodes of the graph's features by where they are. */
export function bySite(graph) {
  return new Map(
    graph.nodes.filter(node => node.kind === FEATURE && node.feature >= 0).map(node => [keyOf(siteOf(node)), node]),
  );
}

/**
 * The circuit that was found: its features in their boxes, with the answer and the tokens that boxes stand at.
 *
 * @param result as the server gives it
 * @returns {import('./annotations.js').Circuit}
 */
export function circuitOf(graph, result) {
  const nodes = bySite(graph);
  const groups = result.boxes
    .map(box => ({
      label: box.name,
      members: box.members.map(member => nodes.get(keyOf(member.feature))?.id).filter(Boolean),
    }))
    .filter(group => group.members.length > 0)
    .map((group, i) => ({...group, colour: COLOURS[i % COLOURS.length]}));
  const members = groups.flatMap(group => group.members);
  const positions = new Set(result.boxes.map(box => box.position));
  const ends = graph.nodes.filter(
    node =>
      (node.kind === TOKEN && positions.has(node.position)) ||
      (node.kind === LOGIT && !node.target && node.key === String(result.answer.token)),
  );
  const effects = new Map(result.flows.filter(flow => flow.to === 'answer').map(flow => [flow.from, flow.effect]));
  const boxes = result.boxes.map(box => ({...box, effect: effects.get(box.name) ?? null}));
  return {
    pinned: [...members, ...ends.map(node => node.id)],
    groups,
    places: {},
    numbers: readNumbers({...result, members, boxes}),
  };
}

/** Shows a circuit in the place of what is pinned, which is kept under a name unless it is already. */
export function shown(a, circuit) {
  const now = JSON.stringify([a.pinned, a.groups]);
  const kept = Object.values(a.circuits).some(({pinned, groups}) => JSON.stringify([pinned, groups]) === now);
  const same = now === JSON.stringify([circuit.pinned, circuit.groups]);
  return {...(a.pinned.length === 0 || kept || same ? a : keep(a, free(a.circuits, 'pinned before'))), ...circuit};
}

function free(circuits, name) {
  let tried = name;
  for (let i = 2; tried in circuits; i++) tried = `${name} (${i})`;
  return tried;
}

/** Whether numbers are of the features that are pinned now. */
export function fits(numbers, graph, annotations) {
  const pinned = pinnedFeatures(graph, annotations).map(node => node.id);
  return numbers !== null && JSON.stringify([...numbers.members].sort()) === JSON.stringify(pinned.sort());
}

/** What holds another answer down, in a sentence. */
export function doubtInWords(doubt) {
  const place = margin => `${number(Math.abs(margin))} logits ${margin < 0 ? 'behind' : 'ahead of'}`;
  const now = `${quoted(doubt.token)}: P ${percent(doubt.probability)}, ${place(doubt.margin)} the strongest other.`;
  const count = doubt.features.length;
  return count === 0
    ? `${now} No feature of the graph holds it down.`
    : `${now} Without ${count === 1 ? 'this one' : `these ${count} together`}: P ${percent(doubt.probabilityWithout)}, ${place(doubt.marginWithout)} ${quoted(doubt.then)}.`;
}

/**
 * The numbers as a document.
 *
 * @param {import('./numbers.js').Numbers} numbers
 * @param {any} card  what else to know of the circuit, or null
 * @param {any} doubt what holds another answer down, or null
 */
export function markdown(graph, numbers, card, doubt) {
  const row = cells => `| ${cells.map(escaped).join(' | ')} |`;
  const lines = [`# ${escaped(graph.prompt)}`, '', about(numbers).map(escaped).join(' '), ''];
  if (numbers.boxes.length > 0) {
    lines.push(
      row(['box', 'token', 'to the answer', 'necessity', 'P(answer) without']),
      '| --- | --- | ---: | ---: | ---: |',
    );
    for (const box of numbers.boxes)
      lines.push(row([box.name, box.token, signed(box.effect), share(box.necessity), percent(box.probabilityWithout)]));
    lines.push('');
  }
  lines.push(
    row(['of the answer', 'circuit', 'top influence', 'random (lowest to highest)']),
    '| --- | ---: | ---: | --- |',
  );
  for (const {name, values} of rows(numbers)) lines.push(row([name, ...values]));
  lines.push('', escaped(words(numbers)), '', ...rows(numbers).map(({name, read}) => `- ${escaped(name)}: ${read}`));
  lines.push('', COLUMNS, '');
  if (card && JSON.stringify([...card.members].sort()) === JSON.stringify([...numbers.members].sort())) {
    lines.push(row(['when one is taken away', 'correlation', 'relative error']), '| --- | ---: | ---: |');
    for (const {name, values} of effectRows(card)) lines.push(row([name, ...values]));
    const layers = layerRows(card);
    if (layers.length) {
      lines.push('', row(['layer', 'unexplained', 'P(answer)', 'lead', 'KL']), '| --- | ---: | ---: | ---: | ---: |');
      lines.push(...layers.map(row), '', LAYERS);
    }
    lines.push('');
  }
  if (doubt) {
    lines.push(`Why not ${escaped(doubtInWords(doubt))}`, '');
    for (const {feature, label, alone, own} of doubt.features)
      lines.push(`- ${keyOf(feature)} ${escaped(label)}: ${signed(alone)}, by its own logit ${signed(own)}`);
    lines.push('');
  }
  return lines.join('\n');
}

/** Prompts and labels come from anywhere: none of their characters is markdown's. */
function escaped(text) {
  return String(text)
    .replace(/\s*[\r\n]+\s*/g, ' ↵ ')
    .replace(/[\\`*_{}[\]<>#|!]/g, '\\$&');
}
