// What an explorer with the bundled model opens with: examples, each a graph with a circuit, a guide to it, and an experiment.

import {h, fill} from './dom.js';
import {percent, quoted} from './format.js';
import {Graph} from './model.js';
import {groupsOf} from './steer-adding.js';
import {EXAMPLES, SCAN} from './gallery-examples.js';

/**
 * @typedef {object} Experiment what Steer is asked to do
 * @property {string} label on the button that runs it
 * @property {Record<string, number>} [factors] of boxes, by their labels
 * @property {{example: string, group: string, factor: number}[]} [put] groups of other examples, with their activations there
 * @property {{layer: number, head: number}[]} [heads] to knock out
 */

/** Of the live models, the one that the examples are of. */
export function ofExamples(models) {
  return models.find(model => model.id === 'atlas' && model.scans.includes(SCAN));
}

/** The example that a state shows, if it is one: its name alone could be anybody's. */
export function shownExample({graph, name}) {
  return graph && EXAMPLES.find(example => example.name === name && graph.prompt.endsWith(example.prompt));
}

export class Gallery {
  /**
   * @param {HTMLElement} host
   * @param source where graphs are and jobs run
   * @param actions open(example), newGraph(), choose(), back()
   */
  constructor(host, source, actions) {
    this.host = host;
    this.source = source;
    this.actions = actions;
  }

  /**
   * @param models live ones; without the bundled one there are no examples
   * @param current the name of a graph that is open behind
   * @param problem why there is nothing else to see
   */
  show(models, current, problem = '') {
    const examples = ofExamples(models) ? EXAMPLES : [];
    this.status = h('p', {class: 'failure', role: 'alert', hidden: !problem}, problem);
    fill(
      this.host,
      h(
        'div',
        {class: examples.length ? 'gallery' : 'welcome-card'},
        h('h2', {tabindex: -1}, 'Follow a model’s answer upstream'),
        h(
          'p',
          {},
          examples.length
            ? 'Each of these is a prompt, traced when you open it: which features the answer came from, a circuit that somebody drew of them, and an experiment on the model that shows whether it is right.'
            : problem
              ? ''
              : 'There is no graph here yet. Trace a prompt with a live model, or bring a graph file.',
        ),
        this.status,
        examples.length
          ? h(
              'ul',
              {class: 'gallery-cards'},
              examples.map(example => this.card(example)),
              this.own(),
            )
          : null,
        h(
          'div',
          {class: 'button-row'},
          current ? h('button', {onclick: () => this.actions.back()}, `Back to ${current}`) : null,
          models.length && !examples.length
            ? h('button', {class: 'primary', onclick: () => this.actions.newGraph()}, 'New graph')
            : null,
          h('button', {onclick: () => this.actions.choose()}, 'Open or upload a graph'),
        ),
      ),
    );
    if (current) this.host.querySelector('h2').focus({preventScroll: true});
  }

  card(example) {
    const {title, prompt, answer, about, chain} = example;
    const button = h(
      'button',
      {
        class: 'small primary',
        'aria-label': `Open: ${title}`,
        onclick: async () => {
          if (button.getAttribute('aria-disabled') === 'true') return;
          button.setAttribute('aria-disabled', 'true');
          button.textContent = 'Tracing…';
          this.status.hidden = true;
          try {
            await this.actions.open(example);
          } catch (failure) {
            this.status.textContent = failure.message;
            this.status.hidden = false;
          }
          button.textContent = 'Open';
          button.setAttribute('aria-disabled', 'false');
        },
      },
      'Open',
    );
    return h(
      'li',
      {class: 'gallery-card'},
      h('h3', {}, title),
      h('p', {class: 'gallery-prompt'}, prompt, h('strong', {}, answer)),
      h(
        'p',
        {class: 'gallery-chain'},
        chain.map((box, i) => [i ? h('span', {class: 'muted'}, ' → ') : null, h('span', {class: 'gallery-box'}, box)]),
      ),
      h('p', {class: 'gallery-about'}, about),
      button,
    );
  }

  own() {
    return h(
      'li',
      {class: 'gallery-card own'},
      h('h3', {}, 'A prompt of your own'),
      h(
        'p',
        {class: 'gallery-about'},
        'This model knows cities, states and countries, opposites and translations, sums, days and months. Ask it something else, and pin what you find.',
      ),
      h('button', {class: 'small', onclick: () => this.actions.newGraph()}, 'New graph'),
    );
  }

  /** Traces an example unless its graph is here already, which keeps what people made of it. */
  async prepare(models, {name, prompt, annotations}) {
    const there = (await this.source.list()).find(graph => graph.name === name);
    if (there && there.problem === null && there.prompt.endsWith(prompt)) return;
    if (there) throw new Error(`There is another graph that is named ${name}: delete it, or look at it with Open.`);
    const model = ofExamples(models);
    await this.source.job('attribute', {
      name,
      model: model.id,
      transcoders: model.transcoders[model.scans.indexOf(SCAN)],
      prompt: {text: prompt},
      maxLogits: 10,
      logitProbability: 0.95,
      maxFeatureNodes: 5000,
      nodeThreshold: 0.8,
      edgeThreshold: 0.98,
    });
    await this.source.save(name, '*', annotations);
  }

  /** Runs an experiment in the Steer panel, where it can be seen and changed; what came of it, in a sentence. */
  async run({factors = {}, put = [], heads = []}, models, steer) {
    const extras = [];
    for (const {example, group, factor} of put) {
      const other = EXAMPLES.find(each => each.name === example);
      await this.prepare(models, other);
      const {json} = await this.source.graph(example);
      const {features} = groupsOf(new Graph(json), other.annotations).find(each => each.label === group);
      extras.push({
        label: group,
        note: `${features.length} features of ${example}`,
        features,
        factor,
        at: '',
        warning: '',
      });
    }
    const result = await steer.attempt({factors, heads, extras});
    if (!result)
      throw new Error(steer.failure ?? 'The circuit of this example has changed: reset it, or steer by hand.');
    const {original, steered} = result;
    const [was] = original.next;
    const now = d3.greatest(steered.next, entry => entry.probability);
    const left = steered.next.find(entry => entry.id === was.id)?.probability ?? 0;
    return now.id === was.id
      ? `${quoted(was.token)} goes from ${percent(was.probability)} to ${percent(left)}.`
      : `${quoted(was.token)} goes from ${percent(was.probability)} to ${percent(left)}; the model says ${quoted(now.token)} now, with ${percent(now.probability)}.`;
  }
}
