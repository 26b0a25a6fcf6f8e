// The panel that explains: what to look for, and how a circuit is judged, each number with how to read it.

import {h, fill, refill} from './dom.js';
import {answers, bySite, doubtInWords, fits, pinnedFeatures} from './explaining.js';
import {count, percent, quoted, signed} from './format.js';
import {effectRows, layerRows, LAYERS} from './card.js';
import {about, COLUMNS, rows, share, words} from './numbers.js';
import {name} from './naming.js';
import {keyOf} from './steering.js';

const LARGEST = 200; // features of a circuit
const MOST = 20_000; // interventions

export class ExplainView {
  /** @type {import('./model.js').Graph} */ graph = null;
  /** @type {import('./annotations.js').Annotations} */ annotations = null;
  /** @param {import('./explain.js').Explaining} explaining what it shows and asks for */
  constructor(host, explaining) {
    this.host = host;
    this.explaining = explaining;
  }

  update({graph, annotations}) {
    Object.assign(this, {graph, annotations});
    const [live, reason] = this.explaining.live;
    const content = h(
      'div',
      {class: 'explain'},
      h(
        'section',
        {class: 'explain-controls', 'aria-label': 'What to look for', tabindex: 0},
        live
          ? [this.search(), this.judging(), this.doubting()]
          : [h('p', {}, reason), h('p', {class: 'muted'}, 'Numbers that are kept with a circuit are shown here.')],
      ),
      h('section', {class: 'explain-results', 'aria-label': 'What was found', tabindex: 0}, this.results()),
    );
    (this.shown === graph ? refill : fill)(this.host, content);
    this.shown = graph;
  }

  /** Below other numbers an answer would not be seen. */
  reveal(id) {
    this.host.querySelector('#' + id)?.scrollIntoView({block: 'start'});
  }

  field(label, id, key, props) {
    const {options} = this.explaining;
    return h(
      'label',
      {class: 'inline-field'},
      label,
      h('input', {
        id,
        type: 'number',
        min: 1,
        step: 1,
        value: options[key],
        ...props,
        onchange: ({target}) => {
          options[key] = Math.max(1, Math.min(props.max, Math.round(Number(target.value)) || 1));
          target.value = String(options[key]);
        },
      }),
    );
  }

  button(id, text, action, primary = '') {
    return h('button', {id, class: `small explain-button ${primary}`, onclick: action}, text);
  }

  search() {
    const {options} = this.explaining;
    const outputs = answers(this.graph);
    const select = h(
      'select',
      {id: 'explain-answer', onchange: () => (options.answer = select.value)},
      h('option', {value: ''}, 'the most probable'),
      outputs.map(node =>
        h(
          'option',
          {value: node.key, selected: options.answer === node.key},
          `${quoted(node.token)} ${percent(node.probability)}`,
        ),
      ),
    );
    return [
      h('h3', {}, 'The circuit of an answer'),
      h(
        'p',
        {class: 'muted'},
        'Takes features away and runs the model, until the few are found that carry the answer. They are pinned, in named groups.',
      ),
      h(
        'div',
        {class: 'explain-fields'},
        outputs.length > 1 ? h('label', {class: 'inline-field'}, 'Answer', select) : null,
        this.field('Features at most', 'explain-size', 'size', {max: LARGEST}),
        this.field('Interventions at most', 'explain-budget', 'budget', {max: MOST}),
        this.button('explain-find', 'Explain', () => this.explaining.find(), 'primary'),
      ),
    ];
  }

  judging() {
    const pinned = pinnedFeatures(this.graph, this.annotations).length;
    return [
      h('h3', {}, 'The circuit that is pinned'),
      h(
        'div',
        {class: 'explain-fields'},
        h('span', {class: 'muted'}, pinned === 1 ? '1 feature' : `${count(pinned)} features`),
        this.button('explain-judge', 'Judge this circuit', () => this.explaining.judge()),
        this.button('explain-card', 'How far to believe it', () => this.explaining.believe()),
      ),
    ];
  }

  doubting() {
    const {options} = this.explaining;
    return [
      h('h3', {}, 'Why not another answer?'),
      h(
        'form',
        {
          class: 'explain-fields',
          onsubmit: event => {
            event.preventDefault();
            this.explaining.whyNot();
          },
        },
        h(
          'label',
          {class: 'inline-field'},
          'Token',
          h('input', {
            id: 'explain-token',
            class: 'explain-token',
            value: options.token,
            placeholder: ' Houston',
            title: 'With the space before it, or #ID',
            autocomplete: 'off',
            spellcheck: 'false',
            oninput: event => (options.token = event.target.value),
          }),
        ),
        h('button', {id: 'explain-why-not', class: 'small explain-button', type: 'submit'}, 'What holds it down?'),
      ),
    ];
  }

  results() {
    const {explaining, annotations} = this;
    const {numbers} = annotations;
    if (explaining.running) return h('div', {class: 'explain-progress'}, explaining.meter());
    return [
      explaining.failure ? h('p', {class: 'failure', role: 'alert'}, explaining.failure) : null,
      numbers ? this.judgement(numbers) : null,
      explaining.card ? this.card(explaining.card) : null,
      explaining.doubt ? this.doubt(explaining.doubt) : null,
      numbers || explaining.card || explaining.doubt || explaining.failure
        ? null
        : h(
            'div',
            {class: 'empty small'},
            h('p', {}, 'How much to believe a circuit, in numbers.'),
            h('p', {class: 'muted'}, 'Press Explain to have one found, or pin one and press Judge this circuit.'),
          ),
    ];
  }

  judgement(numbers) {
    const {graph, annotations} = this;
    return [
      fits(numbers, graph, annotations)
        ? null
        : h(
            'p',
            {class: 'warning'},
            `These numbers are of ${count(numbers.members.length)} features; others are pinned now. Judge the circuit again.`,
          ),
      h('p', {id: 'explain-words'}, words(numbers)),
      table(
        'numbers-table',
        'How the circuit is judged',
        ['Of the answer', 'Circuit', 'Top influence', 'Random'],
        rows(numbers).map(({name: what, read, values}) => [
          [h('strong', {}, what), h('p', {class: 'muted'}, read)],
          ...values,
        ]),
      ),
      h('p', {class: 'muted'}, COLUMNS),
      numbers.boxes.length ? this.boxes(numbers) : null,
      h('p', {class: 'muted', id: 'explain-about'}, about(numbers).join(' ')),
    ];
  }

  boxes({boxes}) {
    return [
      h('h3', {}, 'Boxes, each taken away alone'),
      table(
        'boxes-table',
        'The circuit’s boxes',
        ['Box', 'To the answer', 'Necessity', 'P(answer) without'],
        boxes.map(box => [
          [h('strong', {}, box.name), h('span', {class: 'muted'}, ` ${quoted(box.token)}`)],
          signed(box.effect),
          share(box.necessity),
          percent(box.probabilityWithout),
        ]),
      ),
    ];
  }

  /** @param {any} card of a circuit, which need not be pinned any more */
  card(card) {
    const layers = layerRows(card);
    return [
      h('h3', {id: 'explain-card-head'}, `How far to believe it, of ${count(card.members.length)} features`),
      table(
        'card-table',
        'What the graph foretells and what happens',
        ['When one is taken away', 'Correlation', 'Relative error'],
        effectRows(card).map(({name: what, read, values}) => [
          [h('strong', {}, what), h('p', {class: 'muted'}, read)],
          ...values,
        ]),
      ),
      layers.length
        ? [
            table(
              'layers-table',
              'Features in the place of MLPs',
              ['Layer', 'Unexplained', 'P(answer)', 'Lead', 'KL'],
              layers,
            ),
            h('p', {class: 'muted'}, LAYERS),
          ]
        : null,
    ];
  }

  doubt(doubt) {
    const nodes = bySite(this.graph);
    const cell = ({feature, label}) => {
      const node = nodes.get(keyOf(feature));
      return node
        ? h(
            'button',
            {class: 'link', onclick: () => this.explaining.store.set({clicked: node.id, group: null, edge: null})},
            name(node, this.annotations),
          )
        : label || keyOf(feature);
    };
    return [
      h('h3', {id: 'explain-doubt-head'}, `Why not ${quoted(doubt.token)}?`),
      h('p', {id: 'explain-doubt'}, doubtInWords(doubt)),
      doubt.features.length
        ? table(
            'doubt-table',
            'What holds it down',
            ['Without', 'Its lead rises by', 'by its own logit'],
            doubt.features.map(held => [cell(held), signed(held.alone), signed(held.own)]),
          )
        : null,
    ];
  }
}

function table(id, caption, heads, lines) {
  return h(
    'table',
    {class: 'numbers', id},
    h('caption', {class: 'sr-only'}, caption),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        heads.map((head, i) => h('th', {scope: 'col', class: i ? 'numeric' : null}, head)),
      ),
    ),
    h(
      'tbody',
      {},
      lines.map(([head, ...cells]) =>
        h(
          'tr',
          {},
          h('th', {scope: 'row'}, head),
          cells.map(cell => h('td', {class: 'numeric'}, cell)),
        ),
      ),
    ),
  );
}
