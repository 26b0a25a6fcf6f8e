// Keeps the file's annotations up with the page's: a moment after each change, one request at a time, conflicts settled by asking.

import {read, write} from './annotations.js';
import {conflict} from './dialogs.js';

const QUIET = 700; // milliseconds

export class Saving {
  /** onState('saved' | 'saving' | 'unsaved' | 'failed', sentence) */
  constructor(store, source, onState) {
    this.store = store;
    this.source = source;
    this.onState = onState;
    store.on(['annotations'], state => state.edited && this.soon());
    addEventListener('beforeunload', event => {
      if (this.failed) event.preventDefault();
    });
    addEventListener('pagehide', () => this.leave());
  }

  soon() {
    this.pending = true;
    this.onState('unsaved', 'Not saved yet');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), QUIET);
  }

  async now() {
    clearTimeout(this.timer);
    if (!this.pending) return;
    if (this.busy) {
      await this.busy;
      return this.now();
    }
    this.pending = false;
    this.busy = this.send().finally(() => {
      this.busy = null;
    });
    await this.busy;
  }

  /** The last change, when there is no time left to wait for an answer. */
  leave() {
    if (!this.pending || this.failed) return;
    this.pending = false;
    const {name, version} = this.store.state;
    this.source.save(name, version, this.body(), true).catch(() => {});
  }

  body() {
    const {annotations, clicked} = this.store.state;
    return {...write(annotations), clickedId: clicked ?? ''};
  }

  async send() {
    const {name, version, graph} = this.store.state;
    this.onState('saving', 'Saving…');
    try {
      const next = await this.source.save(name, version, this.body());
      this.failed = false;
      if (this.store.state.graph === graph) this.store.set({version: next});
      if (!this.pending) this.onState('saved', 'Saved');
    } catch (failure) {
      if (failure.status === 412 && this.store.state.graph === graph) return this.settle(failure.answer);
      this.pending = this.failed = true;
      this.onState('failed', failure.message);
    }
  }

  async settle({version, annotations}) {
    this.pending = this.failed = true;
    this.onState('failed', 'Somebody else saved this graph');
    const answer = await conflict();
    if (!answer) return;
    const {graph} = this.store.state;
    this.store.set({version: `"${version}"`});
    if (answer === 'theirs') {
      this.store.annotate('Take theirs', () => read(annotations, graph));
    }
    this.soon();
  }
}
