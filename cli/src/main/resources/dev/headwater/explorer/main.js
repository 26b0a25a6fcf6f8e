// Puts the page together: the state, the views that show it, and what people can do with it.
import * as notes from './annotations.js';
import {AttentionView} from './attention-view.js';
import {startingShare, suggestedCircuit} from './beginning.js';
import {CompareView} from './compare-view.js';
import {comparing} from './comparing.js';
import {ConnectionsView} from './connections-view.js';
import {chooseGraph, keys} from './dialogs.js';
import {Explaining} from './explain.js';
import {FeatureView} from './feature-view.js';
import {count} from './format.js';
import {GraphView} from './graph-view.js';
import {guiding} from './guiding.js';
import {listen} from './keyboard.js';
import {canAsk, lowerPanel} from './lower-panel.js';
import {Inspector} from './inspector.js';
import {Graph, LOGIT} from './model.js';
import {name as nameOf} from './naming.js';
import {newGraph, origin} from './new-graph.js';
import {applyTheme, nextTheme, showPanels, splitters} from './page.js';
import {notice} from './notice.js';
import {Saving} from './saving.js';
import {EMBEDS, share} from './sharing.js';
import {ScoreView} from './score-view.js';
import {Search} from './search.js';
import {EmbeddedSource, ServerSource} from './source.js';
import {SteerView} from './steer-view.js';
import {START, Store} from './store.js';
import {SubgraphView} from './subgraph-view.js';
import {TableView} from './table-view.js';
import {fullButton, graphTools, headerTools, subgraphTools} from './toolbars.js';
import {chosen, decode, encode, parameters, sameButSelected} from './url.js';

const PEEK = 150; // milliseconds on a node until the feature panel is about it
const $ = id => document.getElementById(id);

const embedded = $('embedded');
const source = embedded ? new EmbeddedSource(JSON.parse(embedded.textContent)) : new ServerSource();
const store = new Store(START);
let json = null,
  labels = {};
let modelsKnown = Promise.resolve();

// What people can do --------------------------------------------------------------------------------------------------

const actions = {
  select: id => store.set({clicked: id, group: null, edge: null}),
  selectEdge: edge => {
    store.set({edge, head: null, look: null, tab: 'attention'});
    requestAnimationFrame(() => $('attention-heads').focus({preventScroll: true}));
  },
  steerHead: change => {
    steerView.heads.add(change);
    store.set({tab: 'steer'});
  },
  selectGroup: id => store.set({group: id}),
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
  explain: () => explaining.find(),
  suggest: () => store.annotate('Suggested circuit', a => notes.pin(a, suggestedCircuit(store.state.graph))),
  showAll: () => store.set({pruning: store.state.graph.largestInfluence, edgeShare: 1, showErrors: true, density: 1}),
  tidy: () => {
    store.annotate('Tidy up', a => notes.tidy(a));
    subgraphView.fit();
  },
  undo: () => tell(store.undo(), 'Undone'),
  redo: () => tell(store.redo(), 'Redone'),
  newGraph: async (given = {}) => {
    await modelsKnown;
    const made = await newGraph(source, store.state.models, given);
    if (made) await open(made);
  },
  remix: () => actions.newGraph({title: 'Remix', ...origin(store.state.graph)}),
  trace: nodes =>
    actions.newGraph({
      title: 'Trace features',
      ...origin(store.state.graph),
      targets: {features: nodes.map(node => `${node.layer}/${node.position}/${node.feature}`)},
    }),
  share: () => share(store.state, notice),
  clearEffects: () => store.set({effects: null}),
  compare: async () => {
    const other = await chooseGraph(source, store.state.other, 'Compare with');
    if (other) await comparison.begin(other);
  },
  tour: () => guides.tour(),
  gallery: () => welcome(),
  guide: () => guides.guide(),
  theme: () => {
    nextTheme();
    repaint();
  },
  notice,
};

function tell(what, verb) {
  if (what) notice(`${verb}: ${what}`);
}

// The views -----------------------------------------------------------------------------------------------------------

applyTheme();
const graphView = new GraphView($('graph'), {...actions, hover: peek});
const tableView = new TableView($('table'), actions);
const connections = new ConnectionsView($('connections'), {
  ...actions,
  traceable: () => canAsk(store.state, source)[0],
});
const featureView = new FeatureView($('feature'), {
  rename: actions.label,
  evidence: node =>
    node.feature < 0 ? Promise.resolve(null) : source.feature(store.state.graph.scan, node.layer, node.feature),
  connections: node => source.connections(store.state.graph.scan, node.layer, node.feature),
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
const steerView = new SteerView($('steer-tab'), source, {
  select: actions.select,
  run: (request, onStatus, signal) => source.job('intervene', request, onStatus, signal),
  paint: effects => store.set({effects, tab: effects ? 'subgraph' : store.state.tab}),
});
const attentionView = new AttentionView($('attention-tab'), {
  set: patch => store.set(patch),
  select: actions.select,
  hover: actions.hover,
  steer: actions.steerHead,
  run: (question, onStatus, signal) => source.job('attention', question, onStatus, signal),
  notice,
});
const explaining = new Explaining($, store, source, notice);
lowerPanel(store, source, {attention: attentionView, steer: steerView}, state => shownOf(state));
const compareView = new CompareView($('compare'), {close: () => comparison.end(), choose: actions.compare});
const comparison = comparing(store, source, compareView, notice);
const scoreView = new ScoreView($('scores'));
const search = new Search($('search'), $('search-results'), {
  select: actions.select,
  hover: actions.hover,
  found: found => store.set({found}),
});
const guides = guiding(store, source, $('welcome'), steerView, {
  open: name => open(name),
  newGraph: () => actions.newGraph(),
  choose: () => choose(),
});
const header = headerTools($('header-tools'), store, source, actions);
const graphBar = graphTools($, store, graphView, actions);
const subgraphBar = subgraphTools($('subgraph-tools'), store, source, subgraphView, actions, () => ({
  json,
  labels,
  card: explaining.card,
  doubt: explaining.doubt,
}));
const saving = source.live ? new Saving(store, source, (state, text) => header.saving(state, text)) : null;
const suggestSplit = splitters(document.querySelectorAll('.splitter'), $('main'));
for (const panel of document.querySelectorAll('.workspace > .panel'))
  panel
    .querySelector('.panel-head')
    .append(fullButton(() => store.set({full: store.state.full === panel.id ? null : panel.id})));
globalThis.headwater = {store, graphView, subgraphView, source}; // for the browser's console

const shownOf = ({graph, pruning, showErrors, annotations, density}) =>
  graph.visible(pruning, showErrors, new Set(annotations.pinned), density);

/** What the graph is seen through: some heads only, or all there is. */
const weighed = state => ({...state, graph: state.through ?? state.graph});

let peeking;
/** What is pointed at in the graph is marked in the list, and a moment later the feature panel is about it. */
function peek(index) {
  connections.mark(index);
  clearTimeout(peeking);
  if ($('feature').contains(document.activeElement)) return;
  peeking = setTimeout(
    () => {
      const {graph, clicked} = store.state;
      $('feature-panel').classList.toggle('peeking', index >= 0);
      if (graph) featureView.update({...store.state, clicked: graph.nodes[index]?.id ?? clicked});
    },
    index >= 0 ? PEEK : 2 * PEEK,
  );
}

const DRAWN = [
  'graph',
  'through',
  'edge',
  'annotations',
  'clicked',
  'pruning',
  'edgeShare',
  'showErrors',
  'fold',
  'density',
  'group',
  'linkType',
  'found',
  'labelled',
];

store.on([...DRAWN, 'table'], state => {
  if (!state.graph) return;
  $('graph').hidden = state.table;
  $('table').hidden = !state.table;
  graphView.update(weighed(state));
  graphBar.update();
});
store.on([...DRAWN.filter(name => name !== 'found' && name !== 'linkType'), 'table'], state => {
  if (!state.graph) return;
  const shown = shownOf(state),
    {graph} = weighed(state);
  const n = d3.sum(shown);
  $('graph-count').textContent =
    `${count(n)} of ${count(state.graph.size)} nodes, ${count(graph.edgesCovering(state.edgeShare))} of ${count(graph.edgeCount)} edges`;
  if (state.table) tableView.update({...state, shown});
  connections.update({...state, graph, shown});
});
store.on(['graph', 'annotations', 'clicked', 'labelled', 'effects'], state => {
  if (!state.graph) return;
  featureView.update(state);
  subgraphView.update(state);
  search.update(state.graph, state.annotations);
});
store.on(['graph', 'annotations'], state => state.graph && scoreView.update(state));
store.on(['history', 'graph', 'other', 'models'], () => header.update());
store.on(['full', 'embed'], ({full, embed}) => showPanels(full, embed));
showPanels(null, null);
// Choosing an edge or a head is a step that the browser's back button takes back.
let addressed = {graph: null, chosen: ''};
store.on(['graph', 'annotations', 'clicked', 'pruning', 'other', 'embed', 'edge', 'head', 'look'], state => {
  if (!state.graph || !source.live) return;
  const hash = '#' + encode(state);
  const step = addressed.graph === state.graph && addressed.chosen !== chosen(state);
  if (hash !== location.hash) history[step ? 'pushState' : 'replaceState'](null, '', location.pathname + hash);
  addressed = {graph: state.graph, chosen: chosen(state)};
});

// Opening graphs ------------------------------------------------------------------------------------------------------

async function open(name, params = new URLSearchParams()) {
  await saving?.now();
  document.body.classList.add('busy');
  try {
    const loaded = await source.graph(name);
    const graph = new Graph(loaded.json);
    json = loaded.json;
    labels = {};
    comparison.end();
    guides.end();
    $('welcome').hidden = true;
    $('main').hidden = false;
    $('graph-name').textContent = name;
    $('prompt').textContent = graph.prompt;
    $('prompt').title = graph.prompt;
    document.title = `${name} – Headwater`;
    const state = decode(params, graph);
    suggestSplit('row', Math.max(52, Math.min(66, 46 + 0.5 * graph.rows))); // many layers need height
    store.restart({
      graph,
      name,
      version: loaded.version,
      edited: false,
      found: null,
      edgeShare: startingShare(graph),
      labelled: 0,
      group: null,
      density: 1,
      effects: null,
      edge: null,
      head: null,
      look: null,
      filter: null,
      through: null,
      embed: params.get('embed') in EMBEDS ? params.get('embed') : store.state.embed,
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
    graph.describe(given);
    labels = given;
    if (store.state.graph === graph) store.set({labelled: store.state.labelled + 1});
  } catch {
    // Features go by their numbers, then.
  }
}

async function choose() {
  const name = await chooseGraph(source, store.state.name);
  if (name) await open(name);
}

function repaint() {
  graphView.repaint();
  compareView.repaint();
  if (!store.state.graph) return;
  subgraphView.draw();
  connections.update({...weighed(store.state), shown: shownOf(store.state)});
  if (store.state.tab === 'attention') attentionView.render();
}

function welcome(problem = '') {
  comparison.end();
  $('welcome').hidden = false;
  $('main').hidden = true;
  guides.end();
  guides.show(problem);
}

// Keys ----------------------------------------------------------------------------------------------------------------

listen({
  undo: actions.undo,
  redo: actions.redo,
  search: () => $('search').focus(),
  group: () => subgraphView.startGrouping(),
  endGroup: () => subgraphView.endGrouping(),
  pin: () => store.state.clicked && actions.pin(store.state.clicked),
  escape: () => (store.state.full ? store.set({full: null}) : actions.select(null)),
  keys,
  ready: () => store.state.graph !== null,
});
$('graph-button').addEventListener('click', choose);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  applyTheme();
  repaint();
});
addEventListener('hashchange', () => {
  const params = parameters(location);
  const now = new URLSearchParams(encode(store.state));
  if (!params.get('slug') || params.toString() === now.toString()) return;
  if (store.state.graph && sameButSelected(params, now)) {
    const {clicked, edge, head, look, tab = store.state.tab} = decode(params, store.state.graph);
    store.set({clicked: clicked ?? store.state.clicked, edge, head, look, tab});
  } else open(params.get('slug'), params);
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
  if (!name || params.has('gallery')) {
    await modelsKnown;
    return welcome();
  }
  await open(name, params);
  if (params.get('compare')) await comparison.begin(params.get('compare'));
  if (params.has('tour')) guides.tour();
}

begin();
