// Puts the page together: the state, the views that show it, and what people can do with it.

import * as notes from './annotations.js';
import {CompareView} from './compare-view.js';
import {ConnectionsView} from './connections-view.js';
import {chooseGraph, keys, newGraph} from './dialogs.js';
import {h, fill} from './dom.js';
import {FeatureView} from './feature-view.js';
import {count, percent} from './format.js';
import {GraphView} from './graph-view.js';
import {Inspector} from './inspector.js';
import {Graph, FEATURE, LOGIT} from './model.js';
import {name as nameOf} from './naming.js';
import {applyTheme, nextTheme, splitters} from './page.js';
import {Saving} from './saving.js';
import {scores} from './scores.js';
import {Search} from './search.js';
import {EmbeddedSource, ServerSource} from './source.js';
import {SteerView} from './steer-view.js';
import {Store} from './store.js';
import {SubgraphView} from './subgraph-view.js';
import {TableView} from './table-view.js';
import {graphTools, headerTools, subgraphTools} from './toolbars.js';
import {Tour} from './tour.js';
import {decode, encode, parameters} from './url.js';

const FEWEST_EDGES = 1500; // drawn at first, in graphs that have more
const $ = id => document.getElementById(id);

const embedded = $('embedded');
const source = embedded ? new EmbeddedSource(JSON.parse(embedded.textContent)) : new ServerSource();
const store = new Store({
  graph: null,
  name: null,
  version: null,
  annotations: notes.EMPTY,
  edited: false,
  clicked: null,
  pruning: 1,
  edgeShare: 0.8,
  showErrors: true,
  linkType: 'both',
  found: null,
  table: false,
  tab: 'subgraph',
  models: [],
  other: null,
  history: {},
  labelled: 0,
});
let json = null,
  labels = {};
let modelsKnown = Promise.resolve();

// What people can do --------------------------------------------------------------------------------------------------

const actions = {
  select: id => store.set({clicked: id}),
  hover: index => graphView.hover(index),
  pin: id => {
    const {graph, annotations} = store.state;
    const what = nameOf(graph.node(id), annotations);
    if (annotations.pinned.includes(id)) store.annotate(`Unpin ${what}`, a => notes.unpin(a, [id]));
    else store.annotate(`Pin ${what}`, a => notes.pin(a, [id]));
  },
  unpin: ids => store.annotate(ids.length > 1 ? `Unpin ${ids.length} nodes` : 'Unpin', a => notes.unpin(a, ids)),
  group: (ids, label) => store.annotate(`Group ${label}`, a => notes.group(a, ids, label)),
  ungroup: id => store.annotate('Ungroup', a => notes.ungroup(a, id)),
  leave: id => store.annotate('Take out of the group', a => notes.leaveGroup(a, id)),
  renameGroup: (id, label) => store.annotate(`Rename to ${label}`, a => notes.renameGroup(a, id, label)),
  colourGroup: (id, colour) => store.annotate('Colour', a => notes.colourGroup(a, id, colour)),
  label: (node, text) => store.annotate(text ? `Name ${text}` : 'Remove the name', a => notes.label(a, node.key, text)),
  place: (id, x, y) => store.annotate('Move', a => notes.place(a, id, x, y)),
  tidy: () => {
    store.annotate('Tidy up', a => notes.tidy(a));
    subgraphView.fit();
  },
  undo: () => tell(store.undo(), 'Undone'),
  redo: () => tell(store.redo(), 'Redone'),
  openGraph: () => choose(),
  newGraph: async () => {
    await modelsKnown;
    const made = await newGraph(source, store.state.models);
    if (made) await open(made);
  },
  compare: async () => {
    const other = await chooseGraph(source, store.state.other, 'Compare with');
    if (other) await compare(other);
  },
  tour: () => tour.start(),
  keys: () => keys(),
  theme: () => {
    nextTheme();
    repaint();
  },
  notice,
};

function tell(what, verb) {
  if (what) notice(`${verb}: ${what}`);
}

let noticeTimer;
function notice(text, failure = false) {
  const box = $('notice');
  box.textContent = text;
  box.className = 'notice shown' + (failure ? ' failure' : '');
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(
    () => {
      box.className = 'notice';
    },
    failure ? 8000 : 2500,
  );
}

// The views -----------------------------------------------------------------------------------------------------------

applyTheme();
const graphView = new GraphView($('graph'), {...actions, hover: () => {}});
const tableView = new TableView($('table'), actions);
const connections = new ConnectionsView($('connections'), actions);
const featureView = new FeatureView($('feature'), {
  rename: actions.label,
  evidence: node =>
    node.feature < 0 ? Promise.resolve(null) : source.feature(store.state.graph.scan, node.layer, node.feature),
});
const inspector = new Inspector($('inspector'), {
  ...actions,
  groupAs: actions.group,
  group: () => subgraphView.groupMarked(),
  rename: actions.renameGroup,
  colour: actions.colourGroup,
});
const subgraphView = new SubgraphView($('diagram'), {...actions, rename: () => inspector.editName()}, items => {
  inspector.update(store.state, items);
  subgraphBar.update();
});
const steerView = new SteerView($('steer-tab'), {
  select: actions.select,
  run: (request, onStatus, signal) => source.job('intervene', request, onStatus, signal),
});
const compareView = new CompareView($('compare'), {close: endComparison, choose: actions.compare});
const search = new Search($('search'), $('search-results'), {
  select: actions.select,
  hover: actions.hover,
  found: found => store.set({found}),
});
const tour = new Tour({
  prepare: () => store.state.clicked || selectInteresting(),
  onEnd: () => store.set({tour: false}),
});
const header = headerTools($('header-tools'), store, source, actions);
const graphBar = graphTools($('graph-tools'), $('connection-tools'), store, graphView);
const subgraphBar = subgraphTools($('subgraph-tools'), store, source, subgraphView, actions, () => ({json, labels}));
const saving = source.live ? new Saving(store, source, (state, text) => header.saving(state, text)) : null;
splitters(document.querySelectorAll('.splitter'), $('main'));
globalThis.headwater = {store, graphView, subgraphView, source}; // for the browser's console

const shownOf = ({graph, pruning, showErrors, annotations}) =>
  graph.visible(pruning, showErrors, new Set(annotations.pinned));
const DRAWN = [
  'graph',
  'annotations',
  'clicked',
  'pruning',
  'edgeShare',
  'showErrors',
  'linkType',
  'found',
  'labelled',
];

store.on([...DRAWN, 'table'], state => {
  if (!state.graph) return;
  $('graph').hidden = state.table;
  $('table').hidden = !state.table;
  graphView.update(state);
  graphBar.update();
});
store.on(['graph', 'annotations', 'clicked', 'pruning', 'edgeShare', 'showErrors', 'labelled', 'table'], state => {
  if (!state.graph) return;
  const shown = shownOf(state);
  const n = d3.sum(shown);
  $('graph-count').textContent =
    `${count(n)} of ${count(state.graph.size)} nodes, ${count(state.graph.edgesCovering(state.edgeShare))} of ${count(state.graph.edgeCount)} edges`;
  if (state.table) tableView.update({...state, shown});
  connections.update({...state, shown});
});
store.on(['graph', 'annotations', 'clicked', 'labelled'], state => {
  if (!state.graph) return;
  featureView.update(state);
  subgraphView.update(state);
  search.update(state.graph, state.annotations);
});
store.on(['graph', 'annotations'], state => state.graph && showScores(state));
store.on(['graph', 'annotations', 'tab', 'models', 'labelled'], state => {
  const steering = state.tab === 'steer';
  $('subgraph-tab').hidden = steering;
  $('steer-tab').hidden = !steering;
  for (const [id, on] of [
    ['tab-subgraph', !steering],
    ['tab-steer', steering],
  ]) {
    $(id).setAttribute('aria-selected', String(on));
    $(id).tabIndex = on ? 0 : -1;
  }
  if (steering && state.graph) steerView.update({...state, shown: shownOf(state)}, ...steerable(state));
});
store.on(['history', 'graph', 'other'], () => header.update());
store.on(['graph', 'annotations', 'clicked', 'pruning', 'other'], state => {
  if (state.graph && source.live) history.replaceState(null, '', location.pathname + '#' + encode(state));
});

function steerable({graph, models}) {
  if (!source.live) return [false, 'This page was exported: steering needs a live model.'];
  if (models.length === 0) return [false, 'This explorer runs without a live model.'];
  if (!models.some(model => model.scans.includes(graph.scan)))
    return [false, `The live model did not make this graph (${graph.scan}).`];
  return [true, ''];
}

function showScores({graph, annotations}) {
  const chosen = new Uint8Array(graph.size);
  annotations.pinned.forEach(id => {
    const node = graph.node(id);
    if (node) chosen[node.index] = 1;
  });
  const {replacement, completeness} = scores(graph, chosen);
  const meter = (label, value, title) => {
    const bar = h('span', {class: 'meter-bar'});
    bar.style.width = percentOf(value);
    return h(
      'span',
      {class: 'score', title},
      h('span', {class: 'muted'}, label),
      h('span', {class: 'meter', 'aria-hidden': 'true'}, bar),
      h('strong', {}, percent(value)),
    );
  };
  fill(
    $('scores'),
    meter(
      'Replacement',
      replacement,
      'Share of the influence on the outputs that reaches tokens through pinned features instead of ending in errors or in features that are not pinned',
    ),
    meter(
      'Completeness',
      completeness,
      'Share of the nodes’ inputs, weighted by influence, that pinned features and tokens explain',
    ),
  );
}

function percentOf(x) {
  return Math.round(100 * (x || 0)) + '%';
}

// Opening graphs ------------------------------------------------------------------------------------------------------

async function open(name, params = new URLSearchParams()) {
  await saving?.now();
  document.body.classList.add('busy');
  try {
    const loaded = await source.graph(name);
    const graph = new Graph(loaded.json);
    json = loaded.json;
    labels = {};
    endComparison();
    $('welcome').hidden = true;
    $('main').hidden = false;
    $('graph-name').textContent = name;
    $('prompt').textContent = graph.prompt;
    $('prompt').title = graph.prompt;
    document.title = `${name} – Headwater`;
    const state = decode(params, graph);
    store.restart({
      graph,
      name,
      version: loaded.version,
      edited: false,
      found: null,
      edgeShare: startingShare(graph),
      labelled: 0,
      ...state,
      clicked: state.clicked ?? graph.nodes.find(node => node.kind === LOGIT)?.id ?? null,
    });
    header.saving('saved', '');
    name && loadLabels(name, graph);
  } catch (failure) {
    notice(failure.message, true);
    if (!store.state.graph) welcome(failure.message);
  } finally {
    document.body.classList.remove('busy');
  }
}

async function loadLabels(name, graph) {
  try {
    const given = await source.labels(name);
    for (const node of graph.nodes) {
      const evidence = node.kind === FEATURE ? given[node.key] : undefined;
      if (evidence) [node.defaultLabel, node.topLogits] = [evidence.label ?? '', evidence.top ?? []];
    }
    labels = given;
    if (store.state.graph === graph) store.set({labelled: store.state.labelled + 1});
  } catch {
    // Features go by their numbers, then.
  }
}

/** Few enough edges to see something, however many there are. */
function startingShare(graph) {
  const n = graph.edgeCount;
  return n <= FEWEST_EDGES ? 1 : Math.max(0.02, Math.round(graph.cumulativeScore[FEWEST_EDGES] * 100) / 100);
}

function selectInteresting() {
  const {graph} = store.state;
  const best = d3.greatest(
    graph.nodes.filter(node => node.kind === FEATURE && node.layer > 0),
    node => graph.through[node.index],
  );
  if (best) store.set({clicked: best.id});
}

async function choose() {
  const name = await chooseGraph(source, store.state.name);
  if (name) await open(name);
}

async function compare(other) {
  try {
    const [{json: right}, comparison, rightLabels] = await Promise.all([
      source.graph(other),
      source.compare(store.state.name, other),
      source.labels(other).catch(() => ({})),
    ]);
    const graph = new Graph(right);
    for (const node of graph.nodes) if (node.kind === FEATURE) node.defaultLabel = rightLabels[node.key]?.label ?? '';
    $('main').hidden = true;
    $('compare').hidden = false;
    compareView.show(
      {name: store.state.name, graph: store.state.graph, annotations: store.state.annotations},
      {name: other, graph, annotations: notes.read(graph.qParams, graph)},
      comparison,
    );
    store.set({other});
  } catch (failure) {
    notice(failure.message, true);
  }
}

function endComparison() {
  $('compare').hidden = true;
  fill($('compare'));
  $('main').hidden = false;
  store.set({other: null});
}

function repaint() {
  graphView.repaint();
  compareView.repaint();
  if (!store.state.graph) return;
  subgraphView.draw();
  connections.update({...store.state, shown: shownOf(store.state)});
}

function welcome(problem = '') {
  const box = $('welcome');
  box.hidden = false;
  $('main').hidden = true;
  fill(
    box,
    h(
      'div',
      {class: 'welcome-card'},
      h('h2', {}, 'Follow a model’s answer upstream'),
      problem
        ? h('p', {class: 'failure'}, problem)
        : h('p', {}, 'There is no graph here yet. Trace a prompt with a live model, or bring a graph file.'),
      h(
        'div',
        {class: 'button-row'},
        store.state.models.length ? h('button', {class: 'primary', onclick: actions.newGraph}, 'New graph') : null,
        h('button', {onclick: choose}, 'Open or upload a graph'),
      ),
    ),
  );
}

// Keys ----------------------------------------------------------------------------------------------------------------

const typing = target =>
  target.matches?.('input:not([type=range]):not([type=checkbox]), textarea, select') || target.closest?.('dialog');

addEventListener('keydown', event => {
  const ctrl = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (ctrl && key === 'z' && !typing(event.target)) {
    event.shiftKey ? actions.redo() : actions.undo();
    event.preventDefault();
  } else if (ctrl && key === 'y' && !typing(event.target)) {
    actions.redo();
    event.preventDefault();
  } else if (ctrl && key === 'k') {
    $('search').focus();
    event.preventDefault();
  } else if (ctrl || event.altKey || typing(event.target) || event.defaultPrevented || !store.state.graph) return;
  else if (key === '/') {
    $('search').focus();
    event.preventDefault();
  } else if (key === 'g' && !event.repeat) subgraphView.startGrouping();
  else if (key === 'p' && store.state.clicked) actions.pin(store.state.clicked);
  else if (event.key === 'Escape') actions.select(null);
  else if (event.key === '?') keys();
});
addEventListener('keyup', event => {
  if (event.key.toLowerCase() === 'g') subgraphView.endGrouping();
});
for (const [id, tab, other] of [
  ['tab-subgraph', 'subgraph', 'tab-steer'],
  ['tab-steer', 'steer', 'tab-subgraph'],
]) {
  $(id).addEventListener('click', () => store.set({tab}));
  $(id).addEventListener('keydown', event => {
    if (['ArrowLeft', 'ArrowRight'].includes(event.key)) {
      $(other).click();
      $(other).focus();
    }
  });
}
$('graph-button').addEventListener('click', choose);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  applyTheme();
  repaint();
});
addEventListener('hashchange', () => {
  const params = parameters(location);
  if (params.get('slug') && params.toString() !== new URLSearchParams(encode(store.state)).toString())
    open(params.get('slug'), params);
});

// Beginning -----------------------------------------------------------------------------------------------------------

async function begin() {
  const params = parameters(location);
  if (!source.live) {
    /** @type {HTMLButtonElement} */ ($('graph-button')).disabled = true;
    await open(/** @type {EmbeddedSource} */ (source).only, params);
    return;
  }
  modelsKnown = source
    .models()
    .then(models => store.set({models}))
    .catch(() => {});
  let name = params.get('slug');
  if (!name) {
    const graphs = await source.list().catch(failure => {
      notice(failure.message, true);
      return [];
    });
    name = graphs.find(graph => graph.problem === null)?.name;
  }
  if (!name) {
    await modelsKnown;
    return welcome();
  }
  await open(name, params);
  if (params.get('compare')) await compare(params.get('compare'));
  if (params.has('tour')) tour.start();
}

begin();
