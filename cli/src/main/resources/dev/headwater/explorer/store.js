// The page's state: one object, replaced on each change, with undo for annotations.

import {EMPTY} from './annotations.js';

const MOST_UNDO = 200;

/** The state before a graph is opened. */
export const START = {
  graph: null,
  name: null,
  version: null,
  annotations: EMPTY,
  edited: false,
  clicked: null,
  pruning: 1,
  edgeShare: 0.8,
  showErrors: true,
  fold: true,
  linkType: 'both',
  found: null,
  table: false,
  tab: 'subgraph',
  models: [],
  other: null,
  history: {},
  labelled: 0,
  group: null, // the id of the group that was clicked last
  full: null, // the panel that fills the window
  embed: null,
  density: 1, // features that fire on a larger share of tokens are hidden
  edge: null, // the selected edge: {source, target}, ids of its ends
  head: null, // the attention head that is looked at: {layer, head}
  look: null, // from where at what: {query, key}
  filter: null, // heads to see the graph through: {mode: all, only or without; chosen: a Set of "layer/head"}
  through: null, // the graph as it is through them
  effects: null, // of steering, by node id: [before, after]
};

export class Store {
  #listeners = [];
  #past = [];
  #future = [];
  #changed = new Set();

  constructor(state) {
    this.state = state;
  }

  /** Sets members of the state; nothing happens for those that stay the same. */
  set(patch) {
    const names = Object.keys(patch).filter(name => patch[name] !== this.state[name]);
    if (names.length === 0) return;
    this.state = {...this.state, ...patch};
    if (this.#changed.size === 0) queueMicrotask(() => this.#notify());
    names.forEach(name => this.#changed.add(name));
  }

  /** Calls back, once per turn, with the state whenever one of these members has changed. */
  on(names, listener) {
    this.#listeners.push({names, listener});
  }

  /** A change of the annotations that can be undone. @param what for people, such as "Pin Texas" */
  annotate(what, change) {
    const before = this.state.annotations;
    const after = change(before);
    if (after === before) return;
    this.#past.push({what, before, after});
    if (this.#past.length > MOST_UNDO) this.#past.shift();
    this.#future = [];
    this.set({annotations: after, edited: true, history: {}});
  }

  undo() {
    const step = this.#past.pop();
    if (!step) return null;
    this.#future.push(step);
    this.set({annotations: step.before, edited: true, history: {}});
    return step.what;
  }

  redo() {
    const step = this.#future.pop();
    if (!step) return null;
    this.#past.push(step);
    this.set({annotations: step.after, edited: true, history: {}});
    return step.what;
  }

  get undoable() {
    return this.#past.at(-1)?.what ?? null;
  }

  get redoable() {
    return this.#future.at(-1)?.what ?? null;
  }

  /** Forgets what could be undone: another graph is shown. */
  restart(patch) {
    this.#past = [];
    this.#future = [];
    this.set({...patch, history: {}});
  }

  #notify() {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const {names, listener} of this.#listeners) {
      if (names.some(name => changed.has(name))) listener(this.state);
    }
  }
}
