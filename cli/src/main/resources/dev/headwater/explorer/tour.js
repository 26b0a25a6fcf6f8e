// A walk through the page for newcomers.

import {h, fill} from './dom.js';

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
    text: 'Let a circuit be suggested, or pin nodes with P or a double-click. Drop a box on another, or hold G and click several, and they become one. The scores say how much of the model’s computation your circuit explains.',
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
  /** prepare(step) may select a node before a step that needs one; onEnd() when it is over */
  constructor({prepare, onEnd}) {
    this.prepare = prepare;
    this.onEnd = onEnd;
    this.at = -1;
  }

  start() {
    if (this.at >= 0) return;
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
    if (index >= STEPS.length) return this.end();
    this.at = index;
    const step = STEPS[index];
    if (step.needsNode) this.prepare();
    document.querySelector('.tour-target')?.classList.remove('tour-target');
    document.querySelector(step.at)?.classList.add('tour-target');
    fill(
      this.card,
      h('h2', {id: 'tour-title'}, step.title),
      h('p', {id: 'tour-text'}, step.text),
      h(
        'div',
        {class: 'button-row'},
        h('span', {class: 'muted grow'}, `${index + 1} of ${STEPS.length}`),
        h('button', {class: 'small quiet', onclick: () => this.end()}, 'Skip'),
        index > 0 ? h('button', {class: 'small', onclick: () => this.go(index - 1)}, 'Back') : null,
        h(
          'button',
          {class: 'small primary', onclick: () => this.go(index + 1)},
          index === STEPS.length - 1 ? 'Done' : 'Next',
        ),
      ),
    );
    this.place();
    this.card.focus();
  }

  /** Beside its panel, where there is most room. */
  place() {
    const target = document.querySelector(STEPS[this.at].at)?.getBoundingClientRect();
    const {offsetWidth: w, offsetHeight: hh} = this.card;
    let x = (innerWidth - w) / 2,
      y = (innerHeight - hh) / 2;
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
    this.onEnd();
  }
}
