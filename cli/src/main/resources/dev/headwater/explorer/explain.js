// Explains the open graph: one question at a time, with its progress and an end; what is found goes into the annotations, in one step.

import {judged} from './annotations.js';
import {h, fill, refill} from './dom.js';
import {circuitOf, fits, pinnedFeatures, shown} from './explaining.js';
import {ExplainView} from './explain-view.js';
import {count} from './format.js';
import {canAsk} from './lower-panel.js';
import {LOGIT} from './model.js';
import {readNumbers, share} from './numbers.js';
import {siteOf} from './steering.js';

export class Explaining {
  /** @type {{kind: string, graph: import('./model.js').Graph, abort: AbortController, status: any}} what is computed now */ running =
    null;
  failure = '';
  /** what holds another answer down: as the server says it */ doubt = null;
  /** what else to know of a circuit: as the server says it, with its members */ card = null;
  /** answer: the token's id, empty for the most probable one */ options = {
    answer: '',
    size: 15,
    budget: 2000,
    token: '',
  };

  /**
   * @param {(id: string) => HTMLElement} $ the page's places by their ids
   * @param {import('./store.js').Store} store
   * @param source  where jobs run
   * @param notice  tells people something
   */
  constructor($, store, source, notice) {
    this.store = store;
    this.source = source;
    this.notice = notice;
    this.strip = $('explain-strip');
    this.view = new ExplainView($('explain-tab'), this);
    store.on(['graph'], () => {
      this.stop();
      this.failure = '';
      this.doubt = this.card = null;
      this.options = {...this.options, answer: '', token: ''};
    });
    store.on(['graph', 'annotations', 'tab', 'models', 'labelled'], () => this.render());
  }

  /** Whether there is a model to ask; if not, why. @returns {[boolean, string]} */
  get live() {
    const {graph} = this.store.state;
    const elsewhere = graph?.nodes.some(node => node.kind === LOGIT && node.position !== graph.tokens.length - 1);
    return elsewhere
      ? [false, 'This graph has outputs within its text; what comes after the last token can be explained.']
      : canAsk(this.store.state, this.source, 'Explaining');
  }

  /** Whether it can be asked now. @returns {[boolean, string]} */
  get can() {
    const [can, reason] = this.live;
    return can && this.running ? [false, 'An explanation is being computed.'] : [can, reason];
  }

  async find() {
    const {answer, size, budget} = this.options;
    const {graph} = this.store.state;
    const result = await this.ask('explain', {size, budget, ...(answer === '' ? {} : {answer: Number(answer)})});
    if (!result) return;
    const circuit = circuitOf(graph, result);
    const before = Object.keys(this.store.state.annotations.circuits);
    this.store.annotate('Explain', a => shown(a, circuit));
    const kept = Object.keys(this.store.state.annotations.circuits).find(name => !before.includes(name));
    const {members} = circuit.numbers;
    this.notice(
      `${count(members.length)} features in ${count(circuit.groups.length)} boxes.` +
        (kept ? ` What was pinned is under Circuits, as “${kept}”.` : ''),
    );
  }

  /** Asks about the pinned features. */
  async askOf(features, kind) {
    if (features.length === 0) {
      this.notice('Pin the features of the circuit first.', true);
      return null;
    }
    const {answer} = this.options;
    return this.ask(kind, {
      features: features.map(siteOf),
      ...(answer === '' ? {} : {answer: Number(answer)}),
    });
  }

  async judge() {
    const {graph, annotations} = this.store.state;
    const features = pinnedFeatures(graph, annotations);
    const result = await this.askOf(features, 'judge');
    if (!result) return;
    const before = annotations.numbers;
    const boxes = fits(before, graph, annotations) && before.answer.text === result.answer.text ? before.boxes : [];
    const numbers = readNumbers({...result, members: features.map(node => node.id), boxes});
    this.store.annotate('Judge the circuit', a => judged(a, numbers));
    const silent = features.length - result.size;
    if (silent > 0) this.notice(`${count(silent)} of the pinned features do not fire and count for nothing.`);
  }

  async believe() {
    const {graph, annotations} = this.store.state;
    const features = pinnedFeatures(graph, annotations);
    const result = await this.askOf(features, 'card');
    if (!result) return;
    this.card = {...result, members: features.map(node => node.id)};
    this.render();
    this.view.reveal('explain-card-head');
  }

  async whyNot() {
    const {token, size} = this.options;
    if (token === '') return this.notice('Type the token that might have been the answer.', true);
    const result = await this.ask('why-not', {token, size});
    if (!result) return;
    this.doubt = result;
    this.render();
    this.view.reveal('explain-doubt-head');
  }

  /** What came of it; null if nothing did. */
  async ask(kind, question) {
    const [can, reason] = this.can;
    if (!can) {
      this.notice(reason, true);
      return null;
    }
    const {graph, name} = this.store.state;
    const running = {kind, graph, abort: new AbortController(), status: {}};
    this.running = running;
    this.failure = '';
    this.render();
    const hear = status => {
      running.status = status;
      if (this.running === running) this.progress();
    };
    let result = null;
    try {
      result = await this.source.job(kind, {graph: name, ...question}, hear, running.abort.signal);
    } catch (failure) {
      if (this.running === running) this.failure = failure.message;
    }
    if (this.running !== running) return null;
    if (this.failure && this.store.state.tab === 'subgraph') this.notice(this.failure, true);
    this.end();
    return result;
  }

  stop() {
    this.running?.abort.abort();
    if (this.running) this.end();
  }

  /** What began or stopped it may go now; the focus does not. */
  end() {
    const focused = document.activeElement !== document.body;
    this.running = null;
    this.render();
    requestAnimationFrame(() => {
      const now = document.activeElement;
      if (!focused || (now && now !== document.body && now.checkVisibility())) return;
      const button = this.store.state.tab === 'explain' ? 'explain-find' : 'explain';
      document.getElementById(button)?.focus({preventScroll: true});
    });
  }

  render() {
    const {graph, tab} = this.store.state;
    if (!graph) return;
    if (tab === 'subgraph') this.showStrip();
    else fill(this.strip);
    if (tab === 'explain') this.view.update(this.store.state);
    else fill(this.view.host);
    this.offer();
  }

  /** The buttons that begin it: on, or off and why. */
  offer() {
    const [can, reason] = this.can;
    document.getElementById('explain-reason').textContent = this.live[1];
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.explain-button'))) {
      button.setAttribute('aria-disabled', String(!can)); // one that has the focus keeps it
      button.title = can ? 'Find the few features that carry the answer, by taking features away' : reason;
    }
  }

  /** Above the diagram: how far it has come, or how its circuit is judged. */
  showStrip() {
    const {graph, annotations} = this.store.state;
    const {numbers} = annotations;
    const fitting = !this.running && fits(numbers, graph, annotations);
    this.strip.hidden = !this.running && !fitting;
    if (this.running) fill(this.strip, this.meter());
    else if (fitting)
      refill(
        this.strip,
        h(
          'span',
          {},
          `${count(numbers.members.length)} features: necessity `,
          h('strong', {}, share(numbers.circuit.taken.necessity)),
          ', sufficiency ',
          h('strong', {}, share(numbers.circuit.taken.sufficiency)),
        ),
        h(
          'button',
          {class: 'small', id: 'explain-numbers', onclick: () => this.store.set({tab: 'explain'})},
          'Numbers',
        ),
      );
  }

  /** How far it has come, with a button that ends it. */
  meter() {
    this.phase = h('span', {class: 'phase', role: 'status'}, 'Waiting for the model…');
    this.bar = h('progress', {'aria-label': 'Interventions'});
    this.progress();
    return [
      this.phase,
      this.bar,
      h('button', {class: 'small', id: 'explain-stop', onclick: () => this.stop()}, 'Stop'),
    ];
  }

  progress() {
    if (!this.bar) return;
    const {state, phase, done, total} = this.running.status;
    this.phase.textContent =
      state !== 'RUNNING'
        ? 'Waiting for the model…'
        : phase === 'interventions'
          ? `${count(done)}${total > 0 ? ` of at most ${count(total)}` : ''} interventions`
          : phase || 'Reading the graph…';
    if (total > 0) {
      this.bar.max = total;
      this.bar.value = Math.min(done, total);
    } else this.bar.removeAttribute('value');
  }
}
