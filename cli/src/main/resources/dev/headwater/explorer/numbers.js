// A circuit's numbers: how necessary and how sufficient it is, beside others of its size. As they are kept with it, in rows, in words.

import {count, number, percent, quoted} from './format.js';

/**
 * @typedef {{necessity: number, sufficiency: number, probabilityWithout: number, probabilityAlone: number}} Measures null where unknown
 * @typedef {{mean: number, lowest: number, highest: number}} Range
 * @typedef {{name: string, token: string, necessity: number, probabilityWithout: number, effect: number}} Box effect: on the answer, directly
 * @typedef {{
 *   answer: {text: string, rival: string, probability: number, margin: number},
 *   members: string[], features: number,
 *   circuit: {taken: Measures, partly: Measures, turned: Measures, live: Measures},
 *   strongest: Measures, random: {necessity: Range, sufficiency: Range},
 *   scores: {replacement: number, completeness: number},
 *   boxes: Box[], interventions: number, seconds: number}} Numbers members: ids of the circuit's features; features: that are at stake
 */

const MEASURES = ['necessity', 'sufficiency', 'probabilityWithout', 'probabilityAlone'];
const RANGE = ['mean', 'lowest', 'highest'];
const LONGEST = 200; // characters of a name
const MOST = 1000; // boxes and members

/**
 * From a file or from the server; anything that is none of the numbers is unknown.
 *
 * @returns {Numbers} null if there are none
 */
export function readNumbers(value) {
  if (!Array.isArray(value?.members) || typeof value.circuit !== 'object' || value.circuit === null) return null;
  const {circuit, random = {}, answer = {}} = value;
  return {
    answer: {
      text: text(answer?.text),
      rival: text(answer?.rival),
      probability: real(answer?.probability),
      margin: real(answer?.margin),
    },
    members: value.members.filter(id => typeof id === 'string').slice(0, MOST),
    features: real(value.features),
    circuit: {
      taken: /** @type {Measures} */ (reals(circuit.taken, MEASURES)),
      partly: /** @type {Measures} */ (reals(circuit.partly, MEASURES)),
      turned: /** @type {Measures} */ (reals(circuit.turned, MEASURES)),
      live: /** @type {Measures} */ (reals(circuit.live, MEASURES)),
    },
    strongest: /** @type {Measures} */ (reals(value.strongest, MEASURES)),
    random: {
      necessity: /** @type {Range} */ (reals(random?.necessity, RANGE)),
      sufficiency: /** @type {Range} */ (reals(random?.sufficiency, RANGE)),
    },
    scores: /** @type {Numbers['scores']} */ (reals(value.scores, ['replacement', 'completeness'])),
    boxes: (Array.isArray(value.boxes) ? value.boxes : []).slice(0, MOST).map(box => ({
      name: text(box?.name),
      token: text(box?.token),
      necessity: real(box?.necessity),
      probabilityWithout: real(box?.probabilityWithout),
      effect: real(box?.effect),
    })),
    interventions: real(value.interventions),
    seconds: real(value.seconds),
  };
}

function real(value) {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function reals(value, names) {
  return Object.fromEntries(names.map(name => [name, real(value?.[name])]));
}

function text(value) {
  return typeof value === 'string' ? value.slice(0, LONGEST) : '';
}

/** Two decimals, with a true minus: what necessity and sufficiency are told in. */
export function share(x) {
  return x === null ? '–' : x.toFixed(2).replace('-', '−').replace('−0.00', '0.00');
}

function pair({necessity, sufficiency}) {
  return `${share(necessity)}, ${share(sufficiency)}`;
}

function range({mean, lowest, highest}) {
  return `${share(mean)} (${share(lowest)} to ${share(highest)})`;
}

/** How the columns of the table are to be read. */
export const COLUMNS =
  'Top influence: as many features of the graph, those of most influence on the answer. Random: as many of its features drawn at random, on average, and the lowest and highest.';

/** The table: of each number its name, how to read it, and what it is for the circuit, the most influential features and random ones. */
export function rows({circuit, strongest, random, scores}) {
  return [
    {
      name: 'Necessity',
      read: 'What is lost of the answer’s lead without the circuit: 0 nothing, 1 as much as without all features.',
      values: [share(circuit.taken.necessity), share(strongest.necessity), range(random.necessity)],
    },
    {
      name: 'Sufficiency',
      read: 'What is kept of the lead with the circuit alone: 0 nothing, 1 all that the features give.',
      values: [share(circuit.taken.sufficiency), share(strongest.sufficiency), range(random.sufficiency)],
    },
    {
      name: 'P(answer) without',
      read: 'The answer’s probability when the circuit is taken away.',
      values: [percent(circuit.taken.probabilityWithout), percent(strongest.probabilityWithout), ''],
    },
    {
      name: 'P(answer) alone',
      read: 'The answer’s probability when all other features are.',
      values: [percent(circuit.taken.probabilityAlone), percent(strongest.probabilityAlone), ''],
    },
    {
      name: 'Spread: a quarter left',
      read: 'Necessity, sufficiency where taking away leaves a quarter. A circuit to rely on changes little from here on.',
      values: [pair(circuit.partly), '', ''],
    },
    {
      name: 'Spread: a quarter turned round',
      read: 'Both, where it leaves minus a quarter.',
      values: [pair(circuit.turned), '', ''],
    },
    {
      name: 'Spread: attention responds',
      read: 'Both, where heads may look elsewhere. Much lower: the answer also rests on where they look.',
      values: [pair(circuit.live), '', ''],
    },
    {
      name: 'Replacement, completeness',
      read: 'Scores of the graph in which the circuit alone counts as explained; they come from its edges, not from trying.',
      values: [`${percent(scores.replacement)}, ${percent(scores.completeness)}`, '', ''],
    },
  ];
}

/** The main numbers in one sentence. */
export function words({answer, circuit: {taken}}) {
  const what = quoted(answer.text);
  return `Without the circuit ${what} loses ${percent(taken.necessity)} of the lead that it owes to features (P ${percent(taken.probabilityWithout)}); with the circuit alone it keeps ${percent(taken.sufficiency)} (P ${percent(taken.probabilityAlone)}).`;
}

/** What was explained, how large the circuit is, and what it took. */
export function about({answer, members, features, interventions, seconds}) {
  return [
    `Answer ${quoted(answer.text)}, ${percent(answer.probability)}, ${number(answer.margin)} logits ahead of ${quoted(answer.rival)}.`,
    `${count(members.length)} of ${features === null ? '–' : count(features)} features.`,
    `${interventions === null ? '–' : count(interventions)} interventions in ${number(seconds)} s.`,
  ];
}

/** For below a picture. */
export function caption(numbers) {
  const {circuit, strongest, random, members} = numbers;
  const line = (name, own, top, drawn) =>
    `${name} ${share(own)} (as many of most influence: ${share(top)}, at random: ${share(drawn)})`;
  return [
    `${quoted(numbers.answer.text)}, ${count(members.length)} of ${numbers.features === null ? '–' : count(numbers.features)} features`,
    line('Necessity', circuit.taken.necessity, strongest.necessity, random.necessity.mean),
    line('Sufficiency', circuit.taken.sufficiency, strongest.sufficiency, random.sufficiency.mean),
  ];
}
