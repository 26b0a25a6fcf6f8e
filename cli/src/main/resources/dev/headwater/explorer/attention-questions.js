// Asks the model about attention: each question once, the newest of a kind only, the one before it is cancelled.

const MOST_KEPT = 200;
const PATIENCE = 180; // milliseconds; whoever walks through heads or edges asks about the one where they stop

export class Questions {
  #answers = new Map();
  #asking = {};
  #graph = null;

  /**
   * @param run     (request, onStatus, signal): a promise of the answer, null if it was cancelled
   * @param changed called when an answer has come, or why there is none
   */
  constructor(run, changed) {
    this.run = run;
    this.changed = changed;
  }

  /** Which graph is asked about; what was known of another is forgotten. */
  about(graph, name) {
    if (this.#graph === graph) return;
    this.cancel();
    this.#graph = graph;
    this.#answers = new Map();
    this.name = name;
  }

  /** What is known: {value}, {failure}, {cancelled} or undefined. */
  known(kind, key) {
    return this.#answers.get(kind + ' ' + key);
  }

  /** Whether the answer is on its way, and how far it has come. */
  asking(kind, key) {
    const now = this.#asking[kind];
    return now && now.key === key ? now.phase || 'Waiting for the model…' : null;
  }

  /**
   * @param {string} kind
   * @param {string} key  tells questions of a kind apart
   * @param request       what to ask
   * @param pick          (answer): the part that matters
   */
  ask(kind, key, request, pick) {
    if (this.asking(kind, key) !== null || this.known(kind, key)) return;
    this.#asking[kind]?.abort.abort();
    const graph = this.#graph,
      mine = {key, phase: '', abort: new AbortController()};
    this.#asking[kind] = mine;
    const done = answer => {
      if (this.#asking[kind] === mine) delete this.#asking[kind];
      if (this.#graph !== graph || mine.abort.signal.aborted) return;
      this.#answers.set(kind + ' ' + key, answer);
      if (this.#answers.size > MOST_KEPT) this.#answers.delete(this.#answers.keys().next().value);
      this.changed();
    };
    setTimeout(async () => {
      if (mine.abort.signal.aborted) return;
      try {
        const answer = await this.run(
          {graph: this.name, ...request},
          status => (mine.phase = status.state === 'RUNNING' ? status.phase : ''),
          mine.abort.signal,
        );
        done(answer ? {value: pick(answer)} : {cancelled: true});
      } catch (failure) {
        done({failure: failure.message});
      }
    }, PATIENCE);
  }

  /** Ends what is being asked, of one kind or all; that it was is remembered, so that nothing asks again by itself. */
  cancel(kind = null) {
    for (const each of kind ? [kind] : Object.keys(this.#asking)) {
      const now = this.#asking[each];
      if (!now) continue;
      now.abort.abort();
      delete this.#asking[each];
      if (kind) this.#answers.set(each + ' ' + now.key, {cancelled: true});
    }
  }

  /** Forgets that there was no answer. */
  again(kind, key) {
    this.#answers.delete(kind + ' ' + key);
  }
}
