// What is changed besides the pinned boxes: features that the graph lacks, groups of other graphs, the graph's strongest features.

import {read} from './annotations.js';
import {h, fill} from './dom.js';
import {number} from './format.js';
import {Graph} from './model.js';
import {positions, siteOf, steerable} from './steering.js';

const STRONGEST = 10;
const PINNED = 'pinned';

/**
 * @typedef {object} Extra features with activations to set
 * @property {string} label
 * @property {string} note    what it is
 * @property {{layer: number, feature: number, position: number, activation: number}[]} features
 * @property {number} factor  of their activations
 * @property {string} at      positions as text; empty for their own
 * @property {string} [warning]
 */

/** The groups of a graph and its pinned features, each with what its features' activations are there. */
export function groupsOf(graph, qParams) {
  const {groups, pinned} = read(qParams ?? {}, graph);
  return [...groups, {label: PINNED, members: pinned}]
    .map(({label, members}) => ({
      label,
      features: members
        .map(id => graph.node(id))
        .filter(steerable)
        .map(node => ({...siteOf(node), activation: node.activation})),
    }))
    .filter(group => group.features.length > 0);
}

/** What is wrong with where a group of another graph is to be put; empty if nothing is. */
export function placeProblem(at, graph, other) {
  const places = positions(at, graph.tokens.length);
  if (places === null) return `Write positions from 0 to ${graph.tokens.length - 1}, as in −1 or 5-7.`;
  if (places.length === 0 && other.tokens.length !== graph.tokens.length)
    return `That graph’s prompt has ${other.tokens.length} tokens and this one ${graph.tokens.length}: say at which position to put the group.`;
  return '';
}

export class SteerAdding {
  /** @type {Extra[]} */ extras = [];
  /** how many of the strongest features are an item of their own */ strongest = 0;
  open = new Set();

  /**
   * @param source  lists graphs and reads them
   * @param changed called when there is something to show anew
   */
  constructor(source, changed) {
    this.source = source;
    this.changed = changed;
  }

  clear() {
    this.extras = [];
    this.strongest = 0;
  }

  /** The strongest features as a box of the diagram is, or none. */
  items(graph) {
    if (this.strongest === 0) return [];
    const members = graph.nodes
      .filter(node => steerable(node) && node.rank !== null)
      .sort((a, b) => a.rank - b.rank)
      .slice(0, this.strongest);
    const label = `The ${members.length} strongest features`;
    return [{id: 'strongest', label, members, remove: () => this.setStrongest(0)}];
  }

  setStrongest(count) {
    this.strongest = count;
    this.changed();
  }

  rows() {
    return this.extras.map(extra => {
      const {label, note, features, factor, at, warning} = extra;
      const remove = () => {
        this.extras = this.extras.filter(other => other !== extra);
        this.changed();
      };
      const set =
        features.length === 1
          ? `set to ${number(features[0].activation * factor)}`
          : `× ${number(factor)} of what it is there`;
      return h(
        'li',
        {class: 'steer-item changed'},
        h('div', {class: 'steer-name'}, h('strong', {}, label), ' ', h('span', {class: 'muted'}, note)),
        h('span', {class: 'readout muted'}, `${set} at ${at || 'the same positions'}`),
        warning ? h('p', {class: 'warning'}, warning) : null,
        h(
          'div',
          {class: 'steer-factor'},
          h('span', {class: 'grow'}),
          h('button', {class: 'small quiet', 'aria-label': `Remove ${label}`, onclick: remove}, 'Remove'),
        ),
      );
    });
  }

  /** Forms to add with. */
  forms(graph) {
    return [this.featureForm(graph), this.groupForm(graph), this.strongestForm(graph)];
  }

  form(key, title, fields, add, attributes = {}) {
    const problem = h('p', {class: 'failure', role: 'alert', hidden: true});
    const attempt = () => {
      problem.textContent = add() ?? '';
      problem.hidden = problem.textContent === '';
    };
    return h(
      'details',
      {
        class: 'steer-add',
        open: this.open.has(key),
        ontoggle: event => {
          if (event.target.open) this.open.add(key);
          else this.open.delete(key);
          if (event.target.open) attributes.opened?.(problem);
        },
      },
      h('summary', {}, title),
      h('div', {class: 'fields'}, fields, h('button', {class: 'small', id: `steer-${key}`, onclick: attempt}, 'Add')),
      problem,
    );
  }

  featureForm(graph) {
    const last = String(graph.tokens.length - 1);
    const name = h('input', {id: 'steer-add-feature', type: 'text', placeholder: '3/1932', autocomplete: 'off'});
    const at = h('input', {id: 'steer-add-at', type: 'text', value: last, autocomplete: 'off'});
    const value = h('input', {id: 'steer-add-value', type: 'number', step: 'any', value: 1});
    const add = () => {
      const match = /^\s*(\d+)\/(\d+)\s*$/.exec(name.value);
      const places = positions(at.value, graph.tokens.length);
      if (!match) return 'Write the feature as layer/number, as in 3/1932.';
      if (!places?.length) return `Write positions from 0 to ${last}, as in 3 or 5-7.`;
      if (value.value === '' || !Number.isFinite(Number(value.value)))
        return 'Write the activation to set as a number.';
      const [layer, feature] = [Number(match[1]), Number(match[2])];
      this.extras.push({
        label: `#${feature}`,
        note: `${layer}/${feature}, added`,
        features: [{layer, feature, position: places[0], activation: Number(value.value)}],
        factor: 1,
        at: at.value.trim(),
      });
      return this.changed();
    };
    const fields = [field('Layer/number', name), field('At', at), field('Activation', value)];
    return this.form('add', 'Add a feature that is not in the graph', fields, add);
  }

  groupForm(graph) {
    const which = h('select', {id: 'steer-other', 'aria-label': 'Graph that has the group', onchange: () => load()});
    const group = h('select', {id: 'steer-other-group', 'aria-label': 'Group'});
    const at = h('input', {id: 'steer-other-at', type: 'text', placeholder: 'same', autocomplete: 'off'});
    const factor = h('input', {id: 'steer-other-factor', type: 'number', step: 'any', value: 1});
    let other = null,
      groups = [],
      told = null;
    const load = async () => {
      other = null;
      const name = which.value;
      try {
        const {json} = await this.source.graph(name);
        if (which.value !== name) return;
        other = new Graph(json);
        groups = groupsOf(other, json.qParams);
        fill(
          group,
          groups.map(({label, features}, i) => h('option', {value: i}, `${label} (${features.length})`)),
        );
        told.hidden = groups.length > 0;
        told.textContent = groups.length ? '' : 'No features are pinned or grouped in that graph.';
      } catch (failure) {
        told.textContent = failure.message;
        told.hidden = false;
      }
    };
    const opened = async problem => {
      told = problem;
      if (which.options.length) return;
      const graphs = await this.source.list().catch(() => []);
      fill(
        which,
        graphs.filter(each => each.problem === null).map(each => h('option', {value: each.name}, each.name)),
      );
      await load();
    };
    const add = () => {
      const chosen = groups[Number(group.value)];
      if (!other || !chosen) return 'Choose a graph with pinned features or groups, and one of them.';
      const problem = placeProblem(at.value, graph, other);
      if (problem) return problem;
      if (factor.value === '' || !Number.isFinite(Number(factor.value))) return 'Write the factor as a number.';
      this.extras.push({
        label: chosen.label,
        note: `${chosen.features.length} features of ${which.value}`,
        features: chosen.features,
        factor: Number(factor.value),
        at: at.value.trim(),
        warning:
          other.scan === graph.scan
            ? ''
            : `That graph was made with ${other.scan}, not ${graph.scan}: its numbers mean other features here.`,
      });
      return this.changed();
    };
    const fields = [field('Graph', which), field('Group', group), field('At', at), field('Factor', factor)];
    return this.form('put', 'Add a group of another graph, with its activations there', fields, add, {opened});
  }

  strongestForm(graph) {
    const most = graph.nodes.filter(steerable).length;
    const count = h('input', {
      id: 'steer-top-count',
      type: 'number',
      min: 1,
      max: most,
      value: Math.min(STRONGEST, most),
    });
    const add = () => {
      const wanted = Number(count.value);
      if (!(Number.isInteger(wanted) && wanted >= 1)) return 'Write how many as a whole number from 1.';
      return this.setStrongest(Math.min(wanted, most));
    };
    return this.form('top', 'Change the graph’s strongest features together', [field('How many', count)], add);
  }
}

function field(label, input) {
  return h('label', {class: 'inline-field'}, label, input);
}
