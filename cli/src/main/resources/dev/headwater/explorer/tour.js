// A walk through the page: for newcomers, or through one graph of the gallery.

import {h, fill} from './dom.js';

/**
 * @typedef {object} Step
 * @property {string} at       what it is about, as a selector
 * @property {string} title
 * @property {string} text
 * @property {boolean} [needsNode] a node should be selected
 * @property {string | null} [select] the node to select
 * @property {string} [group]  the group to select, by its label
 * @property {string} [tab]    of the lower panel
 * @property {import('./gallery.js').Experiment} [experiment] that can be run here
 */

/** @type {Step[]} */
const STEPS = [
  {
    at: '#graph-panel',
    title: 'One prompt, traced',
    text: 'Tokens run from left to right, layers from bottom to top. Circles are features that were active, squares below are the prompt’s tokens, squares on top are the tokens the model may say next; diamonds are what the transcoders do not explain.',
  },
  {
    at: '#graph-tools',
    title: 'Less or more of it',
    text: 'Influence keeps the nodes that matter most for the output; Edges sets how many of their ties are drawn. A large graph begins with its strongest nodes; the counts say how many are hidden. The wheel zooms across, Shift and the wheel scroll.',
  },
  {
    at: '#connections-panel',
    title: 'Follow it upstream',
    text: 'Select a node, and here is what drives it and what it drives: green for, purple against, the strongest first. Click an input to walk upstream.',
    needsNode: true,
  },
  {
    at: '#feature-panel',
    title: 'What is it about?',
    text: 'Texts on which the feature fires, and the tokens it makes more or less likely. If you understand it, give it a name.',
    needsNode: true,
  },
  {
    at: '#subgraph-panel',
    title: 'Draw the circuit',
    text: 'Let Explain find a circuit by experiment, have one suggested, or pin nodes with P or a double-click. Drop a box on another, or hold G and click several, and they become one. The scores say how much of the model’s computation your circuit explains.',
  },
  {
    at: '#tab-steer',
    title: 'Test it',
    text: 'With a live model you can switch pinned features off, turn them round or up, and see whether the model does what your circuit says; what is left of each box can be shown in the diagram.',
  },
  {
    at: '#header-tools',
    title: 'And more',
    text: 'Undo anything. Compare two prompts. Export the circuit as a picture, or the whole page as one file. What you do here is saved with the graph.',
  },
];

export class Tour {
  /**
   * @param prepare called with a step before it is shown: puts the page into the state it speaks of
   * @param run     runs a step's experiment; what came of it, in a sentence
   */
  constructor({prepare, run}) {
    this.prepare = prepare;
    this.run = run;
    /** @type {Step[]} */
    this.steps = STEPS;
    this.at = -1;
  }

  /** @param {Step[]} steps */
  start(steps = STEPS) {
    this.end();
    this.steps = steps;
    this.card = h('div', {
      class: 'tour',
      role: 'dialog',
      'aria-labelledby': 'tour-title',
      'aria-describedby': 'tour-text',
      tabindex: -1,
      onkeydown: event => {
        if (event.key === 'Escape') this.end();
        if (event.key === 'ArrowRight') this.go(this.at + 1);
        if (event.key === 'ArrowLeft') this.go(this.at - 1);
        event.stopPropagation();
      },
    });
    this.opener = /** @type {HTMLElement} */ (document.activeElement);
    document.body.append(this.card);
    this.onResize = () => this.place();
    addEventListener('resize', this.onResize);
    this.go(0);
  }

  go(index) {
    if (index < 0) return;
    if (index >= this.steps.length) return this.end();
    this.at = index;
    const step = this.steps[index];
    this.prepare(step);
    document.querySelector('.tour-target')?.classList.remove('tour-target');
    const target = document.querySelector(step.at);
    target?.classList.add('tour-target');
    target?.scrollIntoView({block: 'nearest'});
    fill(
      this.card,
      h('h2', {id: 'tour-title'}, step.title),
      h('p', {id: 'tour-text'}, step.text),
      step.experiment ? this.experiment(step.experiment) : null,
      h(
        'div',
        {class: 'button-row'},
        h('span', {class: 'muted tour-count'}, `${index + 1} of ${this.steps.length}`),
        h('button', {class: 'small quiet', onclick: () => this.end()}, 'Skip'),
        index > 0 ? h('button', {class: 'small', onclick: () => this.go(index - 1)}, 'Back') : null,
        h(
          'button',
          {class: 'small primary', onclick: () => this.go(index + 1)},
          index === this.steps.length - 1 ? 'Done' : 'Next',
        ),
      ),
    );
    this.place();
    this.card.focus();
  }

  /** A button that runs it, and what came of it. */
  experiment(experiment) {
    const said = h('p', {class: 'tour-outcome', role: 'status'});
    const button = h(
      'button',
      {
        class: 'small primary',
        onclick: async () => {
          button.setAttribute('aria-disabled', 'true');
          said.textContent = 'Running…';
          said.textContent = await this.run(experiment).catch(failure => failure.message);
          button.setAttribute('aria-disabled', 'false');
          if (this.at >= 0) this.place();
        },
      },
      experiment.label,
    );
    return [button, said];
  }

  /** Beside its panel, where there is most room. */
  place() {
    const target = document.querySelector(this.steps[this.at].at)?.getBoundingClientRect();
    const {offsetWidth: w, offsetHeight: hh} = this.card;
    let x = (innerWidth - w) / 2,
      y = innerHeight - hh - 10;
    if (target) {
      const gap = 14;
      if (innerWidth - target.right > w + gap) [x, y] = [target.right + gap, target.top];
      else if (target.left > w + gap) [x, y] = [target.left - w - gap, target.top];
      else if (innerHeight - target.bottom > hh + gap) [x, y] = [target.left, target.bottom + gap];
      else if (target.top > hh + gap) [x, y] = [target.left, target.top - hh - gap];
    }
    this.card.style.left = Math.max(10, Math.min(innerWidth - w - 10, x)) + 'px';
    this.card.style.top = Math.max(10, Math.min(innerHeight - hh - 10, y)) + 'px';
  }

  end() {
    if (this.at < 0) return;
    this.at = -1;
    document.querySelector('.tour-target')?.classList.remove('tour-target');
    removeEventListener('resize', this.onResize);
    this.card.remove();
    this.opener?.isConnected && this.opener.focus();
  }
}
