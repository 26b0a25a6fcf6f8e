// The rows of controls above the panels.

import {circuits} from './circuits.js';
import {h, fill, icon} from './dom.js';
import {write} from './annotations.js';
import {count, percent} from './format.js';
import {ofExamples, shownExample} from './gallery.js';
import {diagramPng, diagramSvg, save, standalone} from './export.js';
import {markdown} from './explaining.js';

const LEAST_DENSITY = -5; // of the density slider, a power of ten

function iconButton(name, label, onclick, props = {}) {
  return h('button', {class: 'icon-button', 'aria-label': label, title: label, onclick, ...props}, icon(name));
}

/** Lets a panel fill the window; main says which one does. */
export function fullButton(onclick) {
  return h('button', {class: 'icon-button full-button', onclick}, icon('full'));
}

/** A button with a list of actions under it. entries: [label, action] */
export function menu(label, entries) {
  const list = h(
    'div',
    {class: 'menu-list', role: 'menu', hidden: true, popover: 'auto'},
    entries.map(([text, action]) =>
      h(
        'button',
        {
          role: 'menuitem',
          onclick: () => {
            close();
            action();
          },
        },
        text,
      ),
    ),
  );
  const close = () => list.hidePopover();
  const button = h(
    'button',
    {class: 'small', 'aria-haspopup': 'menu', 'aria-expanded': 'false', onclick: () => list.togglePopover()},
    label,
    ' ▾',
  );
  list.hidden = false;
  list.addEventListener('toggle', event => {
    const open = event.newState === 'open';
    button.setAttribute('aria-expanded', String(open));
    if (!open) return;
    const at = button.getBoundingClientRect();
    list.style.left = Math.max(8, Math.min(at.left, innerWidth - list.offsetWidth - 8)) + 'px';
    list.style.top =
      at.bottom + list.offsetHeight + 8 > innerHeight ? at.top - list.offsetHeight - 4 + 'px' : at.bottom + 4 + 'px';
    list.querySelector('button').focus();
  });
  list.addEventListener('keydown', event => {
    const items = [...list.querySelectorAll('button')],
      i = items.indexOf(document.activeElement);
    if (event.key === 'ArrowDown') items[(i + 1) % items.length].focus();
    else if (event.key === 'ArrowUp') items[(i + items.length - 1) % items.length].focus();
    else return;
    event.preventDefault();
  });
  return {element: h('div', {class: 'menu'}, button, list), button};
}

export function headerTools(host, store, source, actions) {
  const undo = iconButton('undo', 'Undo', actions.undo, {id: 'undo'}),
    redo = iconButton('redo', 'Redo', actions.redo, {id: 'redo'});
  const state = h('span', {class: 'save-state', role: 'status'});
  const create = h(
    'button',
    {class: 'primary small', id: 'new-graph', onclick: () => actions.newGraph()},
    icon('plus'),
    'New graph',
  );
  const compare = h(
    'button',
    {class: 'small', id: 'compare-button', onclick: actions.compare},
    icon('compare'),
    h('span', {class: 'spare'}, 'Compare'),
  );
  const remix = h(
    'button',
    {class: 'small', id: 'remix', title: 'Remix: a new graph from this one’s prompt', onclick: actions.remix},
    icon('remix'),
    h('span', {class: 'spare'}, 'Remix'),
  );
  const shareButton = iconButton('share', 'Share: link and frame', actions.share, {id: 'share'});
  const gallery = iconButton('gallery', 'Examples, with guides', actions.gallery, {id: 'gallery-button'});
  const guide = h('button', {class: 'small', id: 'guide', onclick: actions.guide}, 'Guide');
  fill(
    host,
    state,
    undo,
    redo,
    source.live ? [guide, gallery, shareButton, remix, compare, create] : null,
    iconButton('help', 'Take the tour', actions.tour, {id: 'tour-button'}),
    iconButton('moon', 'Light or dark', actions.theme, {id: 'theme-button'}),
  );
  const set = (button, verb, what) => {
    button.setAttribute('aria-disabled', String(what === null)); // a disabled button that has the focus would swallow shortcuts
    button.title = what === null ? verb : `${verb}: ${what}`;
    button.setAttribute('aria-label', button.title);
  };
  return {
    update() {
      set(undo, 'Undo', store.undoable);
      set(redo, 'Redo', store.redoable);
      compare.disabled = shareButton.disabled = !store.state.graph;
      gallery.hidden = !ofExamples(store.state.models);
      guide.hidden = !shownExample(store.state);
      remix.hidden = !store.state.graph || store.state.models.length === 0;
    },
    saving(kind, text) {
      state.className = 'save-state ' + kind;
      state.textContent = text;
    },
  };
}

/** @param at gives the page's places for tools, by their ids */
export function graphTools(at, store, view, actions) {
  const slider = (id, label, title) => {
    const value = h('output', {for: id});
    const input = h('input', {id, type: 'range', min: 0, max: 1, step: 'any', title});
    return {input, value, element: h('label', {class: 'slider'}, h('span', {}, label), input, value)};
  };
  const pruning = slider(
    'pruning',
    'Influence',
    'Keep the nodes that together have this share of the influence on the outputs',
  );
  const edges = slider('edges', 'Edges', 'Draw the edges that together have this share of the influence');
  pruning.input.addEventListener('input', () => {
    const most = store.state.graph.largestInfluence,
      value = Number(pruning.input.value);
    store.set({pruning: value > most - 1e-4 ? most : value}); // a slider rounds
  });
  edges.input.addEventListener('input', () => store.set({edgeShare: Number(edges.input.value)}));
  const density = slider('density', 'Density', 'Hide features that fire on more than this share of the corpus’ tokens');
  density.input.addEventListener('input', () => store.set({density: 10 ** Number(density.input.value)}));
  density.input.min = String(LEAST_DENSITY);
  density.input.max = '0';
  const errors = h(
    'button',
    {
      class: 'small toggle',
      id: 'errors',
      'aria-pressed': 'true',
      title: 'Show error nodes',
      onclick: () => store.set({showErrors: !store.state.showErrors}),
    },
    'Errors',
  );
  const table = iconButton('table', 'Show the nodes as a table', () => store.set({table: !store.state.table}), {
    id: 'table-button',
    'aria-pressed': 'false',
  });
  const direction = h(
    'select',
    {
      id: 'link-type',
      'aria-label': 'Edges of the selected node',
      onchange: () => store.set({linkType: direction.value}),
    },
    [
      ['both', 'Inputs and outputs'],
      ['input', 'Inputs'],
      ['output', 'Outputs'],
    ].map(([value, text]) => h('option', {value}, text)),
  );
  const all = h(
    'button',
    {class: 'small quiet', id: 'show-all', title: 'Show all nodes and edges', onclick: actions.showAll},
    'Show all',
  );
  const fold = h(
    'button',
    {
      class: 'small toggle',
      id: 'fold',
      title: 'Draw columns without features as one',
      onclick: () => store.set({fold: !store.state.fold}),
    },
    'Fold',
  );
  const heads = h(
    'button',
    {class: 'small', id: 'all-heads', onclick: () => store.set({filter: null, through: null})},
    icon('close'),
    h('span', {}),
  );
  fill(at('graph-tools'), heads, pruning.element, edges.element, density.element, errors, fold);
  fill(at('graph-more'), all);
  fill(
    at('view-tools'),
    table,
    iconButton('minus', 'Zoom out', () => view.zoomBy(1 / 1.5)),
    iconButton('plus', 'Zoom in', () => view.zoomBy(1.5)),
    iconButton('fit', 'Show everything', () => view.resetZoom(), {id: 'fit'}),
  );
  fill(at('connection-tools'), direction);
  return {
    update() {
      const {graph, pruning: share, edgeShare, showErrors, table: asTable, linkType, filter, through} = store.state;
      heads.hidden = !through;
      if (through) {
        const which = [...filter.chosen].join(', ');
        heads.title = `Edges weigh what passed ${filter.mode === 'only' ? 'only' : 'all but'} heads ${which}: show all`;
        heads.querySelector('span').textContent =
          (filter.mode === 'only' ? 'Only ' : 'Without ') +
          (filter.chosen.size > 2 ? `${filter.chosen.size} heads` : which);
      }
      pruning.input.max = graph.largestInfluence;
      pruning.input.min = 0;
      pruning.input.value = share;
      pruning.input.disabled = graph.largestInfluence === 0;
      pruning.value.textContent = percent(share);
      edges.input.value = edgeShare;
      edges.value.textContent = edgeShare >= 1 ? 'all' : percent(edgeShare);
      edges.input.setAttribute('aria-valuetext', `${count((through ?? graph).edgesCovering(edgeShare))} edges`);
      errors.setAttribute('aria-pressed', String(showErrors));
      const dense = graph.nodes.some(node => node.density > 0);
      density.element.hidden = !dense;
      density.input.value = Math.log10(store.state.density);
      density.value.textContent = store.state.density >= 1 ? 'any' : `≤ ${percent(store.state.density)}`;
      fold.setAttribute('aria-pressed', String(store.state.fold));
      fold.hidden = !view.foldable?.length;
      all.hidden = share >= graph.largestInfluence && edgeShare >= 1 && showErrors && store.state.density >= 1;
      table.setAttribute('aria-pressed', String(asTable));
      direction.value = linkType;
    },
  };
}

export function subgraphTools(host, store, source, view, actions, file) {
  const name = () => store.state.name || 'graph';
  const notes = () => ({...write(store.state.annotations), clickedId: store.state.clicked ?? ''});
  const attempt = action => async () => {
    try {
      await action();
    } catch (failure) {
      actions.notice(failure.message, true);
    }
  };
  const exports = menu('Export', [
    [
      'Picture (SVG)',
      attempt(async () => save(name() + '.svg', new Blob([diagramSvg(view)], {type: 'image/svg+xml'}))),
    ],
    ['Picture (PNG)', attempt(async () => save(name() + '.png', await diagramPng(view)))],
    [
      'Numbers (Markdown)',
      attempt(async () => {
        const {graph, annotations} = store.state;
        if (!annotations.numbers) throw new Error('This circuit has no numbers yet: Explain the graph, or judge it.');
        const text = markdown(graph, annotations.numbers, file().card, file().doubt);
        save(name() + '.md', new Blob([text], {type: 'text/markdown'}));
      }),
    ],
    ...(source.live
      ? [
          [
            'Page (HTML), works from disk',
            attempt(async () => {
              const {json, labels} = file();
              save(
                name() + '.html',
                new Blob([await standalone(store.state.graph, json, notes(), labels, source)], {type: 'text/html'}),
              );
            }),
          ],
          [
            'Graph file (JSON)',
            attempt(async () => {
              const {json} = file();
              save(
                name() + '.json',
                new Blob([JSON.stringify({...json, qParams: {...json.qParams, ...notes()}}, null, 2)], {
                  type: 'application/json',
                }),
              );
            }),
          ],
        ]
      : []),
  ]);
  exports.button.id = 'export';
  const group = h(
    'button',
    {class: 'small', id: 'group', title: 'Group the marked boxes (G)', onclick: () => view.groupMarked()},
    'Group',
  );
  const tidy = h(
    'button',
    {class: 'small', id: 'tidy', title: 'Forget where boxes were dragged to', onclick: actions.tidy},
    'Tidy up',
  );
  const clear = h(
    'button',
    {class: 'small', id: 'unpin-all', onclick: () => actions.unpin(store.state.annotations.pinned)},
    'Unpin all',
  );
  const kept = h(
    'button',
    {
      class: 'small',
      id: 'circuits',
      title: 'Circuits that are kept with this graph',
      onclick: () => circuits(store),
    },
    'Circuits…',
  );
  const explain = h('button', {class: 'small explain-button', id: 'explain', onclick: actions.explain}, 'Explain');
  fill(
    host,
    source.live ? explain : null,
    kept,
    group,
    tidy,
    clear,
    iconButton('fit', 'Show the whole diagram', () => view.fit()),
    exports.element,
  );
  return {
    update() {
      const {annotations} = store.state;
      group.disabled = view.marked.size < 2;
      tidy.disabled = Object.keys(annotations.places).length === 0;
      clear.disabled = annotations.pinned.length === 0;
    },
  };
}
