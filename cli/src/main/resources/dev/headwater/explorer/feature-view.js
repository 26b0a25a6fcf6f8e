// What a feature is about: how strongly it fires here, what it says, and texts on which it fires.

import {h, s, fill, refill} from './dom.js';
import {FEATURE, KINDS, LOGIT} from './model.js';
import {name, place} from './naming.js';
import {count, number, percent, signed, token} from './format.js';
import {globalWeights} from './global-weights-view.js';

const CONTEXT = 12; // tokens shown before and after an example's peak
const NEGATIVE = 'Most negative activations'; // name of such examples, of features that have them
const FIRST = 6; // examples shown of a group at first

export class FeatureView {
  /** actions: rename(node, text); evidence(node), connections(node): promises of its record and global weights, or null */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
    this.opened = new Set();
  }

  async update({graph, annotations, clicked}) {
    const node = graph?.node(clicked);
    const ticket = (this.ticket = {});
    if (!node) {
      fill(this.host, h('div', {class: 'empty'}, h('p', {}, 'Select a feature to see what it reacts to.')));
      return;
    }
    if (node.kind !== FEATURE) {
      fill(this.host, this.otherKind(node, graph));
      return;
    }
    const same = this.node === node && this.evidence !== undefined;
    if (this.node !== node) this.opened = new Set();
    this.node = node;
    if (!same) {
      this.evidence = undefined;
      this.render(node, graph, annotations);
      try {
        const [evidence, connections] = await Promise.all([
          this.actions.evidence(node),
          this.actions.connections?.(node).catch(() => null),
        ]);
        if (this.ticket !== ticket && this.node !== node) return;
        this.evidence = evidence;
        this.connections = connections ?? null;
      } catch (failure) {
        if (this.node !== node) return;
        this.evidence = null;
        this.failure = failure.message;
      }
      if (this.node !== node) return;
    }
    this.render(node, graph, annotations);
  }

  otherKind(node, graph) {
    const explanation = {
      error: 'An error node stands for what the transcoders do not explain of the MLP output at this place.',
      token: 'A token of the prompt: its embedding is where paths begin.',
      output: node.target
        ? 'No next token: this is what the graph was asked to explain. Attribution starts here and goes down.'
        : 'A possible next token: attribution starts here and goes down.',
    }[KINDS[node.kind]];
    this.node = node;
    return h(
      'div',
      {class: 'feature'},
      h('h3', {}, name(node, {labels: {}})),
      h('p', {class: 'muted'}, place(node, graph)),
      node.kind === LOGIT ? null : this.list(influence(node, graph)),
      h('p', {class: 'muted'}, explanation),
    );
  }

  render(node, graph, annotations) {
    const e = this.evidence;
    const put = this.rendered === node ? refill : fill;
    this.rendered = node;
    put(
      this.host,
      h(
        'div',
        {class: 'feature'},
        h('h3', {class: 'sr-only'}, name(node, annotations)),
        this.title(node, annotations),
        h('p', {class: 'muted'}, place(node, graph)),
        this.facts(node, graph, e),
        e === undefined
          ? h('p', {class: 'loading', role: 'status'}, 'Reading the evidence…')
          : e === null
            ? h(
                'div',
                {class: 'empty small'},
                h('p', {}, this.failure ?? 'There is no evidence about this feature here.'),
                h('p', {class: 'muted'}, 'Gather it from texts, one a line, and give it to the server:'),
                h('pre', {class: 'command', tabindex: 0}, buildCommand(graph.scan, graph.metadata?.info?.model)),
              )
            : [
                this.histogram(e, node),
                this.logits(e),
                globalWeights(this.connections, (layer, feature) => label(graph, annotations, layer, feature)),
                this.examples(e, node),
              ],
      ),
    );
    this.failure = undefined;
  }

  title(node, annotations) {
    const own = annotations.labels[node.key];
    const input = h('input', {
      id: 'feature-label',
      class: 'label-input',
      value: own ?? node.clerp ?? '',
      placeholder: node.defaultLabel || 'Name this feature',
      'aria-label': 'Label of this feature',
      maxlength: 200,
      autocomplete: 'off',
      spellcheck: 'false',
      onkeydown: event => {
        if (event.key === 'Enter') input.blur();
        if (event.key === 'Escape') {
          input.value = own ?? node.clerp ?? '';
          input.blur();
        }
        event.stopPropagation();
      },
      onchange: () => this.actions.rename(node, input.value.trim()),
    });
    return input;
  }

  facts(node, graph, e) {
    const facts = [];
    if (node.activation !== null) {
      facts.push(['Activation', number(node.activation)]);
      const rank = e ? percentile(e, node.activation) : null;
      if (rank !== null) facts.push(['Percentile', percent(rank)]);
      else if (e && (node.activation < 0 ? e.act_min : e.act_max))
        facts.push(['Of its largest', percent(node.activation / (node.activation < 0 ? e.act_min : e.act_max))]);
    }
    if (e?.activation_frequency !== undefined && e.activation_frequency !== null)
      facts.push(['Fires on', percent(e.activation_frequency) + ' of tokens']);
    return this.list([...facts, ...influence(node, graph)]);
  }

  list(facts) {
    return h(
      'dl',
      {class: 'facts'},
      facts.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))),
    );
  }

  histogram(e, node) {
    const counts = e.histogram;
    if (!Array.isArray(counts) || counts.length < 2) return null;
    const width = 340,
      height = 64,
      top = Math.max(...counts.map(c => Math.log1p(c)), 1e-9);
    const low = e.act_min ?? 0,
      high = e.act_max ?? 1,
      bar = width / counts.length;
    const x = high > low ? Math.max(0, Math.min(1, (node.activation - low) / (high - low))) * width : 0;
    return h(
      'figure',
      {class: 'histogram'},
      s(
        'svg',
        {
          viewBox: `0 0 ${width} ${height + 16}`,
          role: 'img',
          'aria-label': `Histogram of activations from ${number(low)} to ${number(high)}, on a log scale; here ${number(node.activation)}`,
        },
        counts.map((c, i) =>
          s('rect', {
            x: i * bar + 0.5,
            width: Math.max(0.5, bar - 1),
            y: height - (Math.log1p(c) / top) * height,
            height: (Math.log1p(c) / top) * height,
            class: 'histogram-bar',
          }),
        ),
        s('line', {x1: x, x2: x, y1: 0, y2: height, class: 'histogram-here'}),
        s('text', {x: 0, y: height + 12, class: 'axis-text'}, number(low)),
        s('text', {x: width, y: height + 12, 'text-anchor': 'end', class: 'axis-text'}, number(high)),
      ),
      h('figcaption', {class: 'muted'}, 'Activations over the corpus, log scale; the line is this node'),
    );
  }

  logits(e) {
    const column = (title, tokens, values, kind) =>
      tokens?.length
        ? h(
            'div',
            {},
            h('h4', {}, title),
            h(
              'ul',
              {class: 'logits ' + kind},
              tokens
                .slice(0, 5)
                .map((text, i) =>
                  h(
                    'li',
                    {},
                    h('code', {}, token(text)),
                    values?.[i] === undefined ? null : h('span', {class: 'muted'}, signed(values[i])),
                  ),
                ),
            ),
          )
        : null;
    const columns = [
      column('Raises', e.top_logits, e.top_logit_values, 'positive'),
      column('Lowers', e.bottom_logits, e.bottom_logit_values, 'negative'),
    ];
    return columns.some(Boolean) ? h('div', {class: 'logit-columns'}, columns) : null;
  }

  examples(e, node) {
    const groups = (e.examples_quantiles ?? []).filter(q => q.examples?.length);
    if (groups.length === 0) return h('p', {class: 'muted'}, 'It never fires on the corpus.');
    const largest =
      Math.max(Math.abs(e.act_max ?? 0), Math.abs(Math.min(0, e.act_min ?? 0))) ||
      Math.max(...groups[0].examples.flatMap(x => x.tokens_acts_list.map(Math.abs))) ||
      1;
    return groups.map((q, i) => {
      const all = this.opened.has(q.quantile_name);
      return h(
        'section',
        {class: 'examples'},
        h('h4', {}, q.quantile_name),
        q.examples
          .slice(0, all ? Infinity : i === 0 ? FIRST : 3)
          .map(x => this.example(x, largest, q.quantile_name === NEGATIVE)),
        !all && q.examples.length > (i === 0 ? FIRST : 3)
          ? h(
              'button',
              {
                class: 'more',
                onclick: () => {
                  this.opened.add(q.quantile_name);
                  this.showAll(q, largest);
                },
              },
              `Show all ${q.examples.length}`,
            )
          : null,
      );
    });
  }

  showAll(q, largest) {
    for (const section of this.host.querySelectorAll('.examples')) {
      if (section.querySelector('h4').textContent === q.quantile_name)
        fill(
          section,
          h('h4', {}, q.quantile_name),
          q.examples.map(x => this.example(x, largest, q.quantile_name === NEGATIVE)),
        );
    }
  }

  example(x, largest, negative) {
    const acts = x.tokens_acts_list;
    const peak = negative ? d3.minIndex(acts) : d3.maxIndex(acts);
    const from = Math.max(0, peak - CONTEXT),
      to = Math.min(x.tokens.length, peak + CONTEXT + 1);
    return h(
      'p',
      {class: 'example'},
      from > 0 ? '…' : '',
      x.tokens.slice(from, to).map((text, i) => {
        const act = acts[from + i] ?? 0;
        const shown = text.replaceAll('\n', '↵');
        if (act === 0) return shown;
        const kinds = [from + i === peak && 'peak', act < 0 && 'negative'].filter(Boolean).join(' ');
        const mark = h('mark', {class: kinds || null, title: number(act)}, shown);
        mark.style.setProperty('--strength', (Math.min(1, Math.abs(act) / largest) * 100).toFixed(0) + '%');
        return mark;
      }),
      to < x.tokens.length ? '…' : '',
    );
  }
}

/** What a feature is called in this graph, '' where it isn't in it. */
function label(graph, annotations, layer, feature) {
  const node = graph.nodes.find(one => one.kind === FEATURE && one.layer === layer && one.feature === feature);
  return node ? name(node, annotations) : '';
}

/** What gathers the evidence that is missing. */
function buildCommand(scan, model) {
  const features = scan.endsWith('-neurons') && model ? `--neurons -m ${model}` : `-t ${scan}`;
  return `headwater features build ${features} \\\n  --corpus texts.txt --out features\nheadwater serve --features features`;
}

/** A node's own influence and its rank, beside the cumulative one of the file. */
function influence(node, graph) {
  if (node.rank === null) return [];
  return [
    ['Own influence', percent(node.ownInfluence)],
    ['Rank', `${count(node.rank)} of ${count(graph.ranked)}`],
    ['With all above it', percent(node.influence)],
  ];
}

/** The share of the corpus' activations below this one; null where the record doesn't tell. */
function percentile({quantile_values: values, histogram: counts, act_min: low, act_max: high}, activation) {
  if (Array.isArray(values) && values.length > 1) return below(values, d3.range(values.length), activation);
  if (!Array.isArray(counts) || counts.length < 2 || !(high > low)) return null;
  const edges = d3.range(counts.length + 1).map(i => low + ((high - low) * i) / counts.length);
  return below(edges, [0, ...d3.cumsum(counts)], activation);
}

/** How much lies below a value, as a share of all, if so much lies below each of some ascending values. */
function below(values, amounts, value) {
  const above = d3.bisectRight(values, value);
  if (above === 0) return 0;
  if (above === values.length) return 1;
  const part = (value - values[above - 1]) / (values[above] - values[above - 1]);
  return (amounts[above - 1] + part * (amounts[above] - amounts[above - 1])) / amounts.at(-1);
}
